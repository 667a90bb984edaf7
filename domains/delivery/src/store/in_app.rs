//! The recipients' own inboxes.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_consent::address::{address_hash, normalize_address};
use carepost_kernel::{Channel, Cursor, InAppContent, MessageId, Page, SealError, TenantId};
use carepost_store::{EngineConnection, TenantTx};
use carepost_tenancy::TenantHandle;
use zeroize::Zeroizing;

use crate::error::DeliveryError;
use crate::types::DeliveryKey;

use super::rows::{self, Result, get};

pub(super) const INSERT_IN_APP: &str = include_str!("../sql/insert_in_app.sql");
pub(super) const LIST_IN_APP: &str = include_str!("../sql/list_in_app.sql");
pub(super) const MARK_IN_APP_READ: &str = include_str!("../sql/mark_in_app_read.sql");

/// A message in an inbox, still sealed.
#[derive(Debug, Clone)]
pub struct InAppRecord {
    /// The message.
    pub message_id: MessageId,
    /// When it was put there.
    pub delivered_at: Timestamp,
    /// When the recipient read it.
    pub read_at: Option<Timestamp>,
    /// Title and body, sealed for (tenant, message).
    pub payload_sealed: Vec<u8>,
}

/// Puts a message into an inbox; false where it was there already.
///
/// Not fenced (DEL-10), and need not be: this is what a call to a vendor is on other channels. Its attempt was started
/// under the fence (DEL-4); a former owner that ends its call late can only write the row that the present one would.
///
/// # Errors
/// Where the database fails.
pub async fn insert_in_app(
    connection: &EngineConnection,
    tenant_id: TenantId,
    recipient_hash: &[u8; 16],
    record: &InAppRecord,
) -> Result<bool> {
    let (tenant_id, message_id) = (tenant_id.as_uuid(), record.message_id.as_uuid());
    let inserted = connection
        .execute(
            INSERT_IN_APP,
            &[&tenant_id, &message_id, &recipient_hash.as_slice(), &record.delivered_at, &record.payload_sealed],
        )
        .await?;
    Ok(inserted == 1)
}

/// Seals a message and puts it into a recipient's inbox; false where it was there already.
///
/// # Errors
/// Where the message cannot be sealed, the recipient's id is none, or the database fails.
pub async fn put_in_app(
    connection: &EngineConnection,
    tenant: &TenantHandle,
    message_id: MessageId,
    recipient: &str,
    content: &InAppContent,
    now: Timestamp,
) -> Result<bool> {
    let tenant_id = tenant.tenant.tenant_id;
    let seal = |source| DeliveryError::Seal { message_id, source };
    let address = normalize_address(Channel::InApp, recipient).ok_or(DeliveryError::Row { column: "recipient" })?;
    let plain = Zeroizing::new(serde_json::to_vec(content).map_err(|_| seal(SealError::Refused))?);
    let payload_sealed = tenant.seal(&DeliveryKey::seal_owner(tenant_id, message_id), &plain).map_err(seal)?;
    let recipient_hash = address_hash(tenant.hash_key(), Channel::InApp, &address);
    let record = InAppRecord { message_id, delivered_at: now, read_at: None, payload_sealed };
    insert_in_app(connection, tenant_id, &recipient_hash, &record).await
}

/// A page of an inbox of the transaction's tenant, the newest first.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_in_app(
    tx: &TenantTx<'_>,
    recipient_hash: &[u8; 16],
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<InAppRecord>> {
    let before = after.map_or(Uuid::max(), Cursor::last);
    let one_more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let tenant_id = tx.tenant_id().as_uuid();
    let rows = tx.query(LIST_IN_APP, &[&tenant_id, &recipient_hash.as_slice(), &before, &one_more]).await?;
    let records = rows.iter().map(record).collect::<Result<Vec<_>>>()?;
    Ok(Page::from_rows(records, limit, |record| record.message_id.as_uuid()))
}

/// The recipient has read a message; gives when first, or `None` where the inbox does not hold it.
///
/// # Errors
/// Where the database fails.
pub async fn mark_in_app_read(
    tx: &TenantTx<'_>,
    message_id: MessageId,
    recipient_hash: &[u8; 16],
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let (tenant_id, message_id) = (tx.tenant_id().as_uuid(), message_id.as_uuid());
    let row = tx.query_opt(MARK_IN_APP_READ, &[&tenant_id, &message_id, &recipient_hash.as_slice(), &now]).await?;
    row.as_ref().map(|row| get(row, "read_at")).transpose()
}

fn record(row: &carepost_store::Row) -> Result<InAppRecord> {
    Ok(InAppRecord {
        message_id: rows::message_id(row)?,
        delivered_at: get(row, "delivered_at")?,
        read_at: get(row, "read_at")?,
        payload_sealed: get(row, "payload_sealed")?,
    })
}
