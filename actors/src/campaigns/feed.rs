//! A running send: rows whose turn has come go to the engine, page by page, as fast as the tenant's limits allow.

use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics::counter;

use carepost_campaigns::metrics::BULK_ROWS_TOTAL;
use carepost_campaigns::rules::compose::claim;
use carepost_campaigns::rules::judge::held_back;
use carepost_campaigns::store;
use carepost_campaigns::types::{BulkState, FedRow, RowOutcome, RowState, Said};
use carepost_delivery::NewMessage;
use carepost_delivery::gate::Rulebook;
use carepost_kernel::MessageId;
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::delivery::tenant::{self, EnqueueMessages};
use crate::engine::{Accepted, EngineError};

use super::page::{self, Judged, policy, version_of};
use super::work::{Desk, IDLE, Next, WorkError};

/// Rows of one page.
const PAGE: u32 = 256;
/// Rows that one transaction makes due again.
const RELEASED: u32 = 5_000;
/// While so many of the tenant's deliveries wait for their turn, no more rows go (DEL-12).
const MOST_WAITING: i64 = 2_000;
/// After which time the tenant's waiting deliveries are looked at again.
const WHILE_FULL: Duration = Duration::from_millis(200);

/// Feeds the next page.
pub(super) async fn feed(desk: &mut Desk<'_>) -> Result<Next, WorkError> {
    let now = desk.shared.now();
    if let Some(send_at) = desk.send.send_at.filter(|send_at| *send_at > now) {
        return Ok(until(send_at, now));
    }
    let rulebook = policy(desk).await?;
    if version_of(&rulebook) != desk.send.policy_version {
        return follow_policy(desk, &rulebook, now).await;
    }
    let room = MOST_WAITING - desk.live.waiting.load(Ordering::Relaxed);
    if room <= 0 {
        return Ok(Next::After(WHILE_FULL));
    }
    let rate = rate(desk);
    let limit = i64::from(PAGE.min(rate)).min(room);
    let Some((rows, known)) = due(desk, now, limit).await? else { return settle(desk, now).await };
    if rows.is_empty() {
        return next_row(desk, now).await;
    }
    let fed = feed_rows(desk, rows, known, &rulebook).await?;
    let Fed { outcomes, sent, back_off } = fed;
    let from = [RowState::Waiting, RowState::Held];
    let is_ours = desk.write(async |tx| store::record_rows(tx, desk.named(), &outcomes, &from).await).await?;
    if !is_ours {
        return Ok(Next::Over);
    }
    for outcome in &outcomes {
        counter!(BULK_ROWS_TOTAL, "state" => outcome.state.as_str()).increment(1);
    }
    let pace = Duration::from_secs_f64(f64::from(sent) / f64::from(rate));
    let rest = back_off.unwrap_or_default().max(pace);
    desk.kept.rest_for(rest);
    Ok(Next::After(rest))
}

/// Rows in a second: as the send says, and never more than half of what the tenant may hand in, so that its own messages
/// are still taken.
fn rate(desk: &Desk<'_>) -> u32 {
    let half = (desk.tenant.tenant.settings.admission.per_second / 2).max(1);
    desk.send.per_second.map_or(half, |wished| wished.min(half)).max(1)
}

fn until(instant: Timestamp, now: Timestamp) -> Next {
    let wait = Duration::try_from(instant.duration_since(now)).unwrap_or_default();
    Next::After(wait.clamp(Duration::from_millis(10), IDLE))
}

/// The policy has changed: what the gate held is asked about again. The last page notes the policy, so that nothing goes
/// before all of it is due.
async fn follow_policy(desk: &Desk<'_>, rulebook: &Rulebook, now: Timestamp) -> Result<Next, WorkError> {
    let is_ours = desk
        .write(async |tx| {
            let released = store::release_held(tx, desk.named(), now, i64::from(RELEASED)).await?;
            if released == u64::from(RELEASED) {
                return Ok(());
            }
            store::note_policy(tx, desk.named(), version_of(rulebook)).await
        })
        .await?;
    Ok(if is_ours { Next::Now } else { Next::Over })
}

/// The rows whose turn has come, with the messages that some of them are already; none where each row has its fate.
async fn due(
    desk: &Desk<'_>,
    now: Timestamp,
    limit: i64,
) -> Result<Option<(Vec<FedRow>, Vec<Option<MessageId>>)>, WorkError> {
    let send_id = desk.send.bulk_send_id;
    let mut connection = desk.placement.tenant(desk.live.tenant_id).await?;
    let tx = connection.begin().await?;
    let rows = store::list_due_rows(&tx, desk.tenant, (send_id, now), limit).await?;
    if rows.is_empty() && store::next_due(&tx, send_id).await?.is_none() {
        return Ok(None);
    }
    let keys: Vec<[u8; 16]> = rows.iter().map(|row| claim(desk.tenant, send_id, row.row_no, now).key_hash).collect();
    let known = store::list_row_messages(&tx, &keys).await?;
    Ok(Some((rows, known)))
}

async fn next_row(desk: &Desk<'_>, now: Timestamp) -> Result<Next, WorkError> {
    let mut connection = desk.placement.tenant(desk.live.tenant_id).await?;
    let tx = connection.begin().await?;
    let due = store::next_due(&tx, desk.send.bulk_send_id).await?;
    Ok(due.map_or(Next::Now, |due| until(due, now)))
}

/// What became of a page.
struct Fed {
    outcomes: Vec<RowOutcome>,
    sent: u32,
    back_off: Option<Duration>,
}

async fn feed_rows(
    desk: &Desk<'_>,
    rows: Vec<FedRow>,
    known: Vec<Option<MessageId>>,
    rulebook: &Rulebook,
) -> Result<Fed, WorkError> {
    let mut outcomes = Vec::with_capacity(rows.len());
    let mut fresh = Vec::with_capacity(rows.len());
    for (row, message_id) in rows.into_iter().zip(known) {
        match message_id {
            // Its mark was lost with a process. The gate is not asked about it again: its own message might count.
            Some(message_id) => outcomes.push(RowOutcome::enqueued(row.row_no, None, message_id)),
            None => fresh.push(row),
        }
    }
    let (mut going, mut messages) = (Vec::new(), Vec::new());
    for judged in page::judge_page(desk, fresh, rulebook).await? {
        match judged {
            Judged::None(outcome) => outcomes.push(outcome),
            Judged::Message(composed, said) => match held_back(composed.row_no, &said) {
                Some(outcome) => outcomes.push(outcome),
                None => {
                    going.push((composed.row_no, said));
                    messages.push(composed.message);
                }
            },
        }
    }
    let mut fed = Fed { outcomes, sent: u32::try_from(messages.len()).unwrap_or(u32::MAX), back_off: None };
    for ((row_no, said), result) in going.into_iter().zip(hand_in(desk, messages).await) {
        match result {
            Ok(Accepted { message_id, .. }) => fed.outcomes.push(RowOutcome::enqueued(row_no, Some(said), message_id)),
            Err(EngineError::Internal | EngineError::KeyReused | EngineError::NotFound) => {
                let error = Some("not_stored: the engine refused it".to_owned());
                let outcome = RowOutcome { state: RowState::Failed, error, ..stays(row_no, said) };
                fed.outcomes.push(outcome);
            }
            // Over a limit, or moving: its turn comes again.
            Err(error) => fed.back_off = fed.back_off.max(error.retry_after()),
        }
    }
    Ok(fed)
}

fn stays(row_no: i32, said: Said) -> RowOutcome {
    RowOutcome { row_no, state: RowState::Waiting, due_at: None, said: Some(said), message_id: None, error: None }
}

/// Through the tenant's own door, as everybody's messages.
async fn hand_in(desk: &Desk<'_>, messages: Vec<NewMessage>) -> Vec<Result<Accepted, EngineError>> {
    let (answers, told): (Vec<_>, Vec<_>) = messages
        .into_iter()
        .map(|message| {
            let (answer, told) = oneshot::channel();
            ((message, answer), told)
        })
        .unzip();
    tenant::hand_in(desk.live, EnqueueMessages { tenant: std::sync::Arc::clone(desk.tenant), messages: answers }).await;
    let mut results = Vec::with_capacity(told.len());
    for one in told {
        results.push(one.await.unwrap_or(Err(EngineError::restarting())));
    }
    crate::metrics::count_enqueued(&results);
    results
}

/// Each row has its fate: the send has finished once none of its messages waits to leave.
async fn settle(desk: &mut Desk<'_>, now: Timestamp) -> Result<Next, WorkError> {
    let waiting = {
        let mut connection = desk.placement.tenant(desk.live.tenant_id).await?;
        let tx = connection.begin().await?;
        store::list_waiting_deliveries(&tx, (desk.send.bulk_send_id, desk.kept.settled_to), 1).await?
    };
    if let Some(first) = waiting.first() {
        desk.kept.settled_to = first.row_no - 1;
        return Ok(Next::After(IDLE));
    }
    let states = (BulkState::Running, BulkState::Finished);
    let is_ours = desk.write(async |tx| store::end_send(tx, desk.named(), states, now).await).await?;
    Ok(if is_ours { Next::Now } else { Next::Over })
}
