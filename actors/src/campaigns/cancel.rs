//! A send that was cancelled: rows whose turn has not come are none any more, and what waits to leave is taken back.

use futures_util::future::try_join_all;

use carepost_campaigns::rules::compose::claim;
use carepost_campaigns::store::{self, WaitingDelivery};
use carepost_campaigns::types::{BulkState, RowOutcome, RowState};
use carepost_delivery::ledger::Decision;
use carepost_delivery::rules;
use carepost_delivery::types::{DeliveryKey, DeliveryState};

use crate::delivery::tenant::{cancel_message, take_back};

use super::work::{Desk, IDLE, Next, WorkError};

/// Rows that one transaction cancels.
const ROWS: i64 = 5_000;
/// Keys that are made before others on the thread have their turn.
const AT_A_TIME: usize = 256;
/// Deliveries that are taken back at a time: the ledger commits them together.
const DELIVERIES: i64 = 512;

/// Takes back the next page.
pub(super) async fn cancel(desk: &mut Desk<'_>) -> Result<Next, WorkError> {
    let outcomes = unsent(desk).await?;
    if !outcomes.is_empty() {
        let from = [RowState::Waiting, RowState::Held];
        let is_ours = desk.write(async |tx| store::record_rows(tx, desk.named(), &outcomes, &from).await).await?;
        return Ok(if is_ours { Next::Now } else { Next::Over });
    }
    let waiting = {
        let mut connection = desk.placement.tenant(desk.live.tenant_id).await?;
        let tx = connection.begin().await?;
        store::list_waiting_deliveries(&tx, (desk.send.bulk_send_id, desk.kept.settled_to), DELIVERIES).await?
    };
    let Some(last) = waiting.last() else { return end(desk).await };
    desk.kept.settled_to = last.row_no;
    // A call that is under way may fail, and what failed comes back.
    desk.kept.is_to_look_again = true;
    try_join_all(waiting.iter().map(|one| take_one_back(desk, one))).await?;
    Ok(Next::Now)
}

/// What becomes of the next rows without a fate. Some may be messages whose mark was lost with a process: those get their
/// mark now, so that what waits of them is found.
async fn unsent(desk: &Desk<'_>) -> Result<Vec<RowOutcome>, WorkError> {
    let (send_id, now) = (desk.send.bulk_send_id, desk.shared.now());
    let mut connection = desk.placement.tenant(desk.live.tenant_id).await?;
    let tx = connection.begin().await?;
    let rows = store::list_unsent_rows(&tx, send_id, ROWS).await?;
    let mut keys: Vec<[u8; 16]> = Vec::with_capacity(rows.len());
    for chunk in rows.chunks(AT_A_TIME) {
        keys.extend(chunk.iter().map(|row_no| claim(desk.tenant, send_id, *row_no, now).key_hash));
        tokio::task::yield_now().await;
    }
    let known = store::list_row_messages(&tx, &keys).await?;
    Ok(rows.into_iter().zip(known).map(|(row_no, message_id)| RowOutcome::taken_back(row_no, message_id)).collect())
}

async fn take_one_back(desk: &Desk<'_>, one: &WaitingDelivery) -> Result<(), WorkError> {
    if one.state != DeliveryState::Queued || (one.attempt_no > 0 && desk.send.channels.len() > 1) {
        // What comes next in its plan is taken back before its time.
        cancel_message(desk.shared, desk.live, one.message_id).await?;
        return Ok(());
    }
    let key = DeliveryKey { tenant_id: desk.live.tenant_id, message_id: one.message_id, channel: one.channel };
    let step = rules::cancelled(key, one.attempt_no, one.failures, desk.shared.now());
    take_back(desk.live, Decision::new(DeliveryState::Queued, step)).await?;
    Ok(())
}

/// Once a whole look has found nothing that may yet leave, the send has ended.
async fn end(desk: &mut Desk<'_>) -> Result<Next, WorkError> {
    desk.kept.settled_to = 0;
    if std::mem::take(&mut desk.kept.is_to_look_again) {
        return Ok(Next::After(IDLE / 4));
    }
    let states = (BulkState::Cancelling, BulkState::Cancelled);
    let now = desk.shared.now();
    let is_ours = desk.write(async |tx| store::end_send(tx, desk.named(), states, now).await).await?;
    Ok(if is_ours { Next::Now } else { Next::Over })
}
