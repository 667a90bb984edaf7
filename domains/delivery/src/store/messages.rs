//! Taking messages back.

use jiff::Timestamp;

use carepost_kernel::{Channel, MessageId, TenantId};
use carepost_store::EngineTx;

use super::rows::{self, Result, get};

pub(super) const CANCEL_DELIVERIES: &str = include_str!("../sql/cancel_deliveries.sql");

/// Takes back what has not left; gives the channels with the number of their last attempt.
///
/// # Errors
/// Where the database fails.
pub async fn cancel_deliveries(
    tx: &EngineTx<'_>,
    tenant_id: TenantId,
    message_id: MessageId,
    now: Timestamp,
) -> Result<Vec<(Channel, i16)>> {
    let rows = tx.query(CANCEL_DELIVERIES, &[&tenant_id.as_uuid(), &message_id.as_uuid(), &now]).await?;
    rows.iter().map(|row| Ok((rows::channel(row)?, get(row, "attempt_no")?))).collect()
}
