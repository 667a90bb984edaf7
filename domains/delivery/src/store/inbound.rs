//! Messages from outside.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{
    AttemptRef, Channel, Cursor, EventId, InboundId, Page, ProviderAccountId, ProviderRef, TenantId,
};
use carepost_store::{EngineConnection, Row, TenantTx, ToSql};

use super::rows::{self, Result, get};
use crate::error::DeliveryError;
use crate::types::{DeliveryEvent, DeliveryKey, EventKind};

pub(super) const INSERT_INBOUND: &str = include_str!("../sql/insert_inbound.sql");
pub(super) const UNDERSTAND_INBOUND: &str = include_str!("../sql/understand_inbound.sql");
pub(super) const FINISH_INBOUND: &str = include_str!("../sql/finish_inbound.sql");
pub(super) const LIST_OPEN_INBOUND: &str = include_str!("../sql/list_open_inbound.sql");
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
    /// What it was understood as: the name of a [`carepost_consent::keywords::Reply`].
    pub reply: Option<String>,
    /// Addresses, texts and media, sealed.
    pub payload_sealed: Vec<u8>,
}

/// A message from outside, as it stands after it came once more or for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredInbound {
    /// Its id here: that of the copy which came first.
    pub inbound_id: InboundId,
    /// All that follows from it was done.
    pub is_handled: bool,
}

/// Stores a message from outside, once.
///
/// Not fenced (DEL-10), and need not be: nobody owns a message from outside. It is a fact that whichever process the
/// vendor reached writes down once, under the vendor's own id, and no state of a delivery hangs on it.
///
/// # Errors
/// Where the database fails.
pub async fn insert_inbound(connection: &EngineConnection, inbound: &NewInbound) -> Result<StoredInbound> {
    let tenant_id = inbound.tenant_id.as_uuid();
    let inbound_id = inbound.inbound_id.as_uuid();
    let account_id = inbound.account_id.as_uuid();
    let (provider_ref, channel) = (inbound.provider_ref.as_str(), inbound.channel.as_i16());
    let sender_hash = inbound.sender_hash.as_slice();
    let params: [&(dyn ToSql + Sync); 9] = [
        &tenant_id,
        &inbound_id,
        &account_id,
        &provider_ref,
        &channel,
        &inbound.received_at,
        &sender_hash,
        &inbound.keyword,
        &inbound.payload_sealed,
    ];
    // Where a copy was being stored at the same moment, the first look finds neither.
    let row = match connection.query_opt(INSERT_INBOUND, &params).await? {
        Some(row) => row,
        None => connection.query_one(INSERT_INBOUND, &params).await?,
    };
    let handled_at: Option<Timestamp> = get(&row, "handled_at")?;
    let inbound_id = InboundId::from_uuid(get(&row, "inbound_id")?);
    Ok(StoredInbound { inbound_id, is_handled: handled_at.is_some() })
}

/// What a message was understood as, the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderstoodInbound {
    /// The name of a [`carepost_consent::keywords::Reply`].
    pub reply: String,
    /// It is to be answered.
    pub is_answered: bool,
}

/// Writes down what a message was understood as, and whether it is to be answered, in the transaction of what follows from
/// it; returns what was written first, which stands.
///
/// # Errors
/// Where the database fails or there is no such message.
pub async fn understand_inbound(
    tx: &TenantTx<'_>,
    inbound_id: InboundId,
    reply: &str,
    is_answered: bool,
) -> Result<UnderstoodInbound> {
    let tenant_id = tx.tenant_id().as_uuid();
    let row = tx.query_one(UNDERSTAND_INBOUND, &[&tenant_id, &inbound_id.as_uuid(), &reply, &is_answered]).await?;
    Ok(UnderstoodInbound { reply: get(&row, "reply")?, is_answered: get(&row, "is_answered")? })
}

/// All that follows from a message was done, and the delivery that it answers is told so: once, however often this is done.
///
/// # Errors
/// Where the database fails.
pub async fn finish_inbound(
    connection: &EngineConnection,
    (tenant_id, inbound_id): (TenantId, InboundId),
    answers: Option<&AttemptRef>,
    now: Timestamp,
) -> Result<Option<DeliveryEvent>> {
    let event_id = EventId::new(now);
    let told = connection
        .query_opt(
            FINISH_INBOUND,
            &[
                &tenant_id.as_uuid(),
                &inbound_id.as_uuid(),
                &now,
                &answers.map(|attempt| attempt.message_id.as_uuid()),
                &answers.map(|attempt| attempt.attempt_no),
                &event_id.as_uuid(),
            ],
        )
        .await?;
    let (Some(attempt), Some(row)) = (answers, told) else { return Ok(None) };
    let key = DeliveryKey { tenant_id, message_id: attempt.message_id, channel: attempt.channel };
    let event = DeliveryEvent::new(key, EventKind::Replied, attempt.attempt_no, now);
    Ok(Some(DeliveryEvent { event_id, code: get(&row, "code")?, ..event }))
}

/// Messages of these tenants that were stored before an instant and not followed to their end, the oldest first.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_open_inbound(
    connection: &EngineConnection,
    tenants: &[TenantId],
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, InboundRecord)>> {
    let tenants: Vec<Uuid> = tenants.iter().map(|tenant_id| tenant_id.as_uuid()).collect();
    let rows = connection.query(LIST_OPEN_INBOUND, &[&tenants, &before, &limit]).await?;
    rows.iter().map(|row| Ok((rows::tenant_id(row)?, record(row)?))).collect()
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
        reply: get(row, "reply")?,
        payload_sealed: get(row, "payload_sealed")?,
    })
}
