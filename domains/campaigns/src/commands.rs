//! What callers do: make a bulk send, fill its list, and decide on its life. Each command is one transaction of the
//! tenant, which its caller commits; the engine is told afterwards.

mod create;
mod upload;

use jiff::Timestamp;

use carepost_kernel::BulkSendId;
use carepost_store::TenantTx;
use carepost_tenancy::TenantHandle;

use crate::CampaignError;
use crate::rules::life::{Deed, after};
use crate::store;
use crate::types::{BulkSend, BulkState, Progress};

pub use create::create_bulk_send;
pub use upload::{upload_key, upload_rows};

/// Changes the life of a send: count, start, pause, resume, cancel. A deed that was done already changes nothing.
///
/// # Errors
/// `NotFound`; `Conflict` where its state does not allow it; where the database fails.
pub async fn change_life(
    tx: &TenantTx<'_>,
    tenant: &TenantHandle,
    bulk_send_id: BulkSendId,
    deed: Deed,
    now: Timestamp,
) -> Result<BulkSend, CampaignError> {
    let send = store::lock_send(tx, tenant, bulk_send_id).await?;
    let state = after(send.state, send.row_count, deed)
        .map_err(|problem| CampaignError::Conflict { tried: deed.tried(), problem })?;
    if state == send.state {
        return Ok(send);
    }
    store::set_state(tx, bulk_send_id, state, now, (state == BulkState::Counting, deed == Deed::Start)).await?;
    store::find_send(tx, tenant, bulk_send_id).await
}

/// How far a send has come. The deliveries are counted as they are now: some microseconds for each of them.
///
/// # Errors
/// `NotFound`; where the database fails.
pub async fn get_progress(
    tx: &TenantTx<'_>,
    tenant: &TenantHandle,
    bulk_send_id: BulkSendId,
) -> Result<Progress, CampaignError> {
    let send = store::find_send(tx, tenant, bulk_send_id).await?;
    let rows = store::count_rows(tx, bulk_send_id).await?;
    let deliveries = store::count_deliveries(tx, bulk_send_id).await?;
    Ok(Progress { send, rows, deliveries })
}
