//! A send that was cancelled: rows whose turn has not come are none any more, and what waits to leave is taken back.

use futures_util::future::try_join_all;

use carepost_campaigns::store::{self, WaitingDelivery};
use carepost_campaigns::types::BulkState;
use carepost_delivery::ledger::Decision;
use carepost_delivery::rules;
use carepost_delivery::types::{DeliveryKey, DeliveryState};

use crate::delivery::tenant::{cancel_message, take_back};

use super::work::{Desk, IDLE, Next, WorkError};

/// Rows that one transaction cancels.
const ROWS: i64 = 5_000;
/// Deliveries that are taken back at a time: the ledger commits them together.
const DELIVERIES: i64 = 512;

/// Takes back the next page.
pub(super) async fn cancel(desk: &mut Desk<'_>) -> Result<Next, WorkError> {
    let mut cancelled = 0;
    let is_ours = desk
        .write(async |tx| {
            cancelled = store::cancel_rows(tx, desk.named(), ROWS).await?;
            Ok(())
        })
        .await?;
    if !is_ours || cancelled > 0 {
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
