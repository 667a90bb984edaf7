//! The history, read: of one message, and as a tenant's stream.

use carepost_kernel::{EventId, MessageId};
use carepost_store::TenantTx;

use crate::types::DeliveryEvent;

use super::rows::{self, Result};

pub(super) const LIST_EVENTS: &str = include_str!("../sql/list_events.sql");
pub(super) const LIST_EVENT_STREAM: &str = include_str!("../sql/list_event_stream.sql");

/// The history of one message of the transaction's tenant, the oldest first.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_events(tx: &TenantTx<'_>, message_id: MessageId) -> Result<Vec<DeliveryEvent>> {
    let tenant_id = tx.tenant_id();
    let rows = tx.query(LIST_EVENTS, &[&tenant_id.as_uuid(), &message_id.as_uuid()]).await?;
    rows.iter().map(|row| rows::event(row, tenant_id)).collect()
}

/// The tenant's events after `after` and up to `until`, the oldest first, at most `limit`.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_event_stream(
    tx: &TenantTx<'_>,
    after: EventId,
    until: EventId,
    limit: i64,
) -> Result<Vec<DeliveryEvent>> {
    let tenant_id = tx.tenant_id();
    let rows = tx.query(LIST_EVENT_STREAM, &[&tenant_id.as_uuid(), &after.as_uuid(), &until.as_uuid(), &limit]).await?;
    rows.iter().map(|row| rows::event(row, tenant_id)).collect()
}
