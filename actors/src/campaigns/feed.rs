//! A running send: rows whose turn has come go to the engine, page by page, as fast as the tenant's limits allow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics::counter;

use carepost_campaigns::metrics::BULK_ROWS_TOTAL;
use carepost_campaigns::rules::compose::claim;
use carepost_campaigns::rules::judge::{held_back, stands};
use carepost_campaigns::rules::once::duplicate;
use carepost_campaigns::store;
use carepost_campaigns::types::{BulkState, DuePlace, DueRow, FedRow, RowOutcome, RowState, Said};
use carepost_delivery::NewMessage;
use carepost_delivery::gate::Rulebook;
use carepost_kernel::MessageId;
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::delivery::tenant::{self, EnqueueMessages};
use crate::engine::{Accepted, EngineError};

use super::once::find_duplicates;
use super::page::{self, Judged, policy, recheck, version_of};
use super::work::{Desk, IDLE, Next, Passed, WorkError};

/// Rows of one page, whatever the send's pace: that cuts what is handed in. Rows that stand in the way are passed quickly.
const PAGE: u32 = 256;
/// Rows that one transaction makes due again.
const RELEASED: u32 = 5_000;
/// While so many of the tenant's deliveries wait for their turn, no more rows go (DEL-12).
const MOST_WAITING: i64 = 2_000;
/// After which time the tenant's waiting deliveries are looked at again.
const WHILE_FULL: Duration = Duration::from_millis(200);

/// Feeds the next page. All of it is of one instant: what is to be looked at again soon is compared with what was told then.
pub(super) async fn feed(desk: &mut Desk<'_>) -> Result<Next, WorkError> {
    let now = desk.shared.now();
    desk.kept.passed = desk.kept.passed.filter(|passed| passed.until > now);
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
    let most = usize::try_from(i64::from(PAGE.min(rate)).min(room)).unwrap_or_default();
    let Some((rows, known)) = due(desk, now).await? else { return settle(desk, now).await };
    if rows.is_empty() {
        return next_row(desk, now).await;
    }
    let mut page = Page::of(&rows);
    let rows: Vec<FedRow> = rows.into_iter().map(|due| due.row).collect();
    let Some(fed) = feed_rows(desk, (rows, known), &rulebook, (now, most)).await? else { return Ok(Next::Over) };
    let Fed { mut outcomes, sent, back_off } = fed;
    let soon = recheck(now);
    if let Some(to) = page.settle(&mut outcomes, soon) {
        desk.kept.pass(to, soon, sent > 0);
    }
    let from = [RowState::Waiting, RowState::Held];
    if !outcomes.is_empty()
        && !desk.write(async |tx| store::record_rows(tx, desk.named(), &outcomes, &from).await).await?
    {
        return Ok(Next::Over);
    }
    for outcome in &outcomes {
        counter!(BULK_ROWS_TOTAL, "state" => outcome.state.as_str()).increment(1);
    }
    let pace = Duration::from_secs_f64(f64::from(sent) / f64::from(rate));
    Ok(Next::After(back_off.unwrap_or_default().max(pace)))
}

/// A page as it was read: its rows' places in the order of their turns, and how those stood that were held.
struct Page {
    places: Vec<DuePlace>,
    held: BTreeMap<i32, Said>,
}

impl Page {
    fn of(rows: &[DueRow]) -> Self {
        Self {
            places: rows.iter().map(DueRow::place).collect(),
            held: rows.iter().filter_map(|due| Some((due.row.row_no, due.held.clone()?))).collect(),
        }
    }

    /// Leaves out what stands as it is stored. Then tells up to where nothing is to be done again soon: all before the
    /// first row that was not handed in, or came back.
    fn settle(&mut self, outcomes: &mut Vec<RowOutcome>, soon: Timestamp) -> Option<DuePlace> {
        let fated: BTreeSet<i32> = outcomes.iter().map(|outcome| outcome.row_no).collect();
        outcomes.retain(|outcome| !stands(self.held.remove(&outcome.row_no).as_ref(), outcome, soon));
        let last = self.places.iter().take_while(|place| fated.contains(&place.row_no)).last();
        last.copied().filter(|_| outcomes.len() < fated.len())
    }
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
async fn follow_policy(desk: &mut Desk<'_>, rulebook: &Rulebook, now: Timestamp) -> Result<Next, WorkError> {
    desk.kept.passed = None;
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
async fn due(desk: &Desk<'_>, now: Timestamp) -> Result<Option<(Vec<DueRow>, Vec<Option<MessageId>>)>, WorkError> {
    let send_id = desk.send.bulk_send_id;
    let mut connection = desk.placement.tenant(desk.live.tenant_id).await?;
    let tx = connection.begin().await?;
    let after = desk.kept.passed.map_or(DuePlace::FIRST, |passed| passed.to);
    let rows = store::list_due_rows(&tx, desk.tenant, (send_id, now), after, i64::from(PAGE)).await?;
    if rows.is_empty() && store::next_due(&tx, send_id, DuePlace::FIRST).await?.is_none() {
        return Ok(None);
    }
    let key = |due: &DueRow| claim(desk.tenant, send_id, due.row.row_no, now).key_hash;
    let keys: Vec<[u8; 16]> = rows.iter().map(key).collect();
    let known = store::list_row_messages(&tx, &keys).await?;
    Ok(Some((rows, known)))
}

async fn next_row(desk: &Desk<'_>, now: Timestamp) -> Result<Next, WorkError> {
    let mut connection = desk.placement.tenant(desk.live.tenant_id).await?;
    let tx = connection.begin().await?;
    let (after, again) = desk.kept.passed.map_or((DuePlace::FIRST, None), |Passed { to, until }| (to, Some(until)));
    let due = store::next_due(&tx, desk.send.bulk_send_id, after).await?;
    Ok(due.into_iter().chain(again).min().map_or(Next::Now, |due| until(due, now)))
}

/// What became of a page; none: the tenant is another process's by now.
struct Fed {
    outcomes: Vec<RowOutcome>,
    sent: u32,
    back_off: Option<Duration>,
}

async fn feed_rows(
    desk: &Desk<'_>,
    (rows, known): (Vec<FedRow>, Vec<Option<MessageId>>),
    rulebook: &Rulebook,
    (now, most): (Timestamp, usize),
) -> Result<Option<Fed>, WorkError> {
    let mut outcomes = Vec::with_capacity(rows.len());
    let mut fresh = Vec::with_capacity(rows.len());
    for (row, message_id) in rows.into_iter().zip(known) {
        match message_id {
            // Its mark was lost with a process. The gate is not asked about it again: its own message might count.
            Some(message_id) => outcomes.push(RowOutcome::enqueued(row.row_no, None, message_id)),
            None => fresh.push(row),
        }
    }
    let mut going = Vec::new();
    for judged in page::judge_page(desk, fresh, rulebook, now).await? {
        match judged {
            Judged::None(outcome) => outcomes.push(outcome),
            Judged::Message(composed, said) => match held_back(composed.row_no, &said) {
                Some(outcome) => outcomes.push(outcome),
                None => going.push((composed, said)),
            },
        }
    }
    going.truncate(most);
    let doubled = find_duplicates(desk, going.iter().map(|(composed, _)| &**composed), now).await?;
    let Some(doubled) = doubled else { return Ok(None) };
    going.retain(|(composed, _)| !doubled.contains_key(&composed.row_no));
    let (going, messages): (Vec<_>, Vec<_>) =
        going.into_iter().map(|(composed, said)| ((composed.row_no, said), composed.message)).unzip();
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
    let is_sent = |outcome: &&RowOutcome| outcome.state == RowState::Enqueued;
    let sent_now: BTreeSet<i32> = fed.outcomes.iter().filter(is_sent).map(|outcome| outcome.row_no).collect();
    let left_out = doubled.iter().map(|(row_no, others)| duplicate(*row_no, others, &sent_now, recheck(now)));
    fed.outcomes.extend(left_out);
    Ok(Some(fed))
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

#[cfg(test)]
mod tests;
