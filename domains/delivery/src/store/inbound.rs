//! Messages from outside.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{Channel, Cursor, InboundId, Page, ProviderAccountId, ProviderRef, TenantId};
use carepost_store::{EngineConnection, Row, TenantTx};

use super::rows::{self, Result, get};
use crate::error::DeliveryError;

pub(super) const INSERT_INBOUND: &str = include_str!("../sql/insert_inbound.sql");
pub(super) const LIST_INBOUND: &str = include_str!("../sql/list_inbound.sql");

/// A message from outside, sealed and not stored yet.
#[derive(Debug, Clone)]
pub struct NewInbound {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its id here.
    pub inbound_id: InboundId,
    /// Through which account it came.
    pub account_id: ProviderAccountId,
    /// The provider's id of it.
    pub provider_ref: ProviderRef,
    /// On which channel.
    pub channel: Channel,
    /// When it came.
    pub received_at: Timestamp,
    /// Keyed hash of the writer's address.
    pub sender_hash: [u8; 16],
    /// A keyword that the vendor saw in it.
    pub keyword: Option<&'static str>,
    /// Addresses, texts and media, sealed for (tenant, inbound id).
    pub payload_sealed: Vec<u8>,
}

/// A message from outside as it is stored.
#[derive(Debug, Clone)]
pub struct InboundRecord {
    /// Its id here.
    pub inbound_id: InboundId,
    /// Through which account it came.
    pub account_id: ProviderAccountId,
    /// On which channel.
    pub channel: Channel,
    /// When it came.
    pub received_at: Timestamp,
    /// A keyword that the vendor saw in it.
    pub keyword: Option<String>,
    /// Addresses, texts and media, sealed.
    pub payload_sealed: Vec<u8>,
}

/// Stores a message from outside; false where it was there already.
///
/// Not fenced (DEL-10), and need not be: nobody owns a message from outside. It is a fact that whichever process the
/// vendor reached writes down once, under the vendor's own id, and no state of a delivery hangs on it.
///
/// # Errors
/// Where the database fails.
pub async fn insert_inbound(connection: &EngineConnection, inbound: &NewInbound) -> Result<bool> {
    let inserted = connection
        .execute(
            INSERT_INBOUND,
            &[
                &inbound.tenant_id.as_uuid(),
                &inbound.inbound_id.as_uuid(),
                &inbound.account_id.as_uuid(),
                &inbound.provider_ref.as_str(),
                &inbound.channel.as_i16(),
                &inbound.received_at,
                &inbound.sender_hash.as_slice(),
                &inbound.keyword,
                &inbound.payload_sealed,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// A page of messages from outside, the newest first.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_inbound(tx: &TenantTx<'_>, after: Option<Cursor>, limit: usize) -> Result<Page<InboundRecord>> {
    let before = after.map_or(Uuid::max(), Cursor::last);
    let one_more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let rows = tx.query(LIST_INBOUND, &[&tx.tenant_id().as_uuid(), &before, &one_more]).await?;
    let records = rows.iter().map(record).collect::<Result<Vec<_>>>()?;
    Ok(Page::from_rows(records, limit, |record| record.inbound_id.as_uuid()))
}

fn record(row: &Row) -> Result<InboundRecord> {
    Ok(InboundRecord {
        inbound_id: InboundId::from_uuid(get(row, "inbound_id")?),
        account_id: rows::account_id(row)?.ok_or(DeliveryError::Row { column: "provider_account_id" })?,
        channel: rows::channel(row)?,
        received_at: get(row, "received_at")?,
        keyword: get(row, "keyword")?,
        payload_sealed: get(row, "payload_sealed")?,
    })
}
