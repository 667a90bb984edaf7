//! Rows of bulk sends, and the deliveries of their messages.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_delivery::types::DeliveryState;
use carepost_kernel::{BulkSendId, Channel, Cursor, MessageId, Page, Phi, RecipientId, SealError};
use carepost_store::{Json, Row, TenantTx, ToSql};
use carepost_tenancy::TenantHandle;

use super::{Result, get, number, optional_number};
use crate::CampaignError;
use crate::error::Tried as _;
use crate::rules::compose::row_owner;
use crate::types::{
    ChannelSaid, DeliveryCount, DuePlace, DueRow, FedRow, RowCount, RowRecord, RowState, RowVerdict, Said,
};

const INSERT_BULK_ROWS: &str = include_str!("../sql/insert_bulk_rows.sql");
const COUNT_BULK_ROWS: &str = include_str!("../sql/count_bulk_rows.sql");
const COUNT_BULK_DELIVERIES: &str = include_str!("../sql/count_bulk_deliveries.sql");
const LIST_BULK_ROWS: &str = include_str!("../sql/list_bulk_rows.sql");
const LIST_UNCOUNTED_ROWS: &str = include_str!("../sql/list_uncounted_rows.sql");
const LIST_DUE_ROWS: &str = include_str!("../sql/list_due_rows.sql");
const LIST_UNSENT_ROWS: &str = include_str!("../sql/list_unsent_rows.sql");
const FIND_NEXT_DUE_ROW: &str = include_str!("../sql/find_next_due_row.sql");
const LIST_ROW_MESSAGES: &str = include_str!("../sql/list_row_messages.sql");
const LIST_WAITING_DELIVERIES: &str = include_str!("../sql/list_waiting_deliveries.sql");

/// A row as it is stored first, sealed.
pub(crate) struct SealedRow {
    pub(crate) row_no: i32,
    pub(crate) target_hash: [u8; 16],
    pub(crate) recipient_id: Option<RecipientId>,
    pub(crate) row_sealed: Vec<u8>,
}

/// Stores rows; returns the numbers of those whose recipient was not there yet.
pub(crate) async fn insert_rows(
    tx: &TenantTx<'_>,
    bulk_send_id: BulkSendId,
    rows: &[SealedRow],
    now: Timestamp,
) -> Result<Vec<i32>> {
    let numbers: Vec<i32> = rows.iter().map(|row| row.row_no).collect();
    let hashes: Vec<&[u8]> = rows.iter().map(|row| row.target_hash.as_slice()).collect();
    let people: Vec<Option<Uuid>> = rows.iter().map(|row| row.recipient_id.map(RecipientId::as_uuid)).collect();
    let sealed: Vec<&[u8]> = rows.iter().map(|row| row.row_sealed.as_slice()).collect();
    let params: [&(dyn ToSql + Sync); 8] = [
        &tx.tenant_id().as_uuid(),
        &bulk_send_id.as_uuid(),
        &numbers,
        &hashes,
        &people,
        &sealed,
        &RowState::Waiting.as_i16(),
        &now,
    ];
    let found = tx.query(INSERT_BULK_ROWS, &params).await.tried("insert rows of a bulk send")?;
    found.iter().map(|row| get(row, "row_no")).collect()
}

/// Rows by state and verdict.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn count_rows(tx: &TenantTx<'_>, bulk_send_id: BulkSendId) -> Result<Vec<RowCount>> {
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &bulk_send_id.as_uuid()];
    let found = tx.query(COUNT_BULK_ROWS, &params).await.tried("count rows of a bulk send")?;
    let read = |row: &Row| {
        Ok(RowCount {
            state: number(row, "state", RowState::from_i16)?,
            verdict: optional_number(row, "verdict", RowVerdict::from_i16)?,
            code: get(row, "verdict_code")?,
            channel: optional_number(row, "verdict_channel", Channel::from_i16)?,
            rows: get(row, "rows")?,
        })
    };
    found.iter().map(read).collect()
}

/// The deliveries of a send's messages by channel and state.
///
/// # Errors
/// As [`count_rows`].
pub async fn count_deliveries(tx: &TenantTx<'_>, bulk_send_id: BulkSendId) -> Result<Vec<DeliveryCount>> {
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &bulk_send_id.as_uuid()];
    let found = tx.query(COUNT_BULK_DELIVERIES, &params).await.tried("count deliveries of a bulk send")?;
    let read = |row: &Row| {
        Ok(DeliveryCount {
            channel: number(row, "channel", Channel::from_i16)?,
            state: number(row, "state", DeliveryState::from_i16)?,
            deliveries: get(row, "deliveries")?,
        })
    };
    found.iter().map(read).collect()
}

/// Which rows a list holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowFilter {
    /// In this state.
    pub state: Option<RowState>,
    /// With this verdict.
    pub verdict: Option<RowVerdict>,
}

/// A page of rows by number.
///
/// # Errors
/// As [`count_rows`].
pub async fn list_rows(
    tx: &TenantTx<'_>,
    bulk_send_id: BulkSendId,
    filter: RowFilter,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<RowRecord>> {
    let after = cursor.map_or(0, |cursor| i32::try_from(cursor.last().as_u128()).unwrap_or(i32::MAX));
    let fetch = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let params: [&(dyn ToSql + Sync); 6] = [
        &tx.tenant_id().as_uuid(),
        &bulk_send_id.as_uuid(),
        &after,
        &filter.state.map(RowState::as_i16),
        &filter.verdict.map(RowVerdict::as_i16),
        &fetch,
    ];
    let found = tx.query(LIST_BULK_ROWS, &params).await.tried("list rows of a bulk send")?;
    let rows = found.iter().map(read_record).collect::<Result<Vec<_>>>()?;
    Ok(Page::from_rows(rows, limit, |row| Uuid::from_u128(u128::try_from(row.row_no).unwrap_or(0))))
}

/// The next rows that the count has not looked at.
///
/// # Errors
/// Where the database fails, or a row does not open.
pub async fn list_uncounted_rows(
    tx: &TenantTx<'_>,
    tenant: &TenantHandle,
    (bulk_send_id, after): (BulkSendId, i32),
    limit: i64,
) -> Result<Vec<FedRow>> {
    let params: [&(dyn ToSql + Sync); 4] = [&tx.tenant_id().as_uuid(), &bulk_send_id.as_uuid(), &after, &limit];
    let found = tx.query(LIST_UNCOUNTED_ROWS, &params).await.tried("list rows to count")?;
    found.iter().map(|row| open(row, tenant, bulk_send_id)).collect()
}

/// The next rows after a place whose turn has come.
///
/// # Errors
/// As [`list_uncounted_rows`].
pub async fn list_due_rows(
    tx: &TenantTx<'_>,
    tenant: &TenantHandle,
    (bulk_send_id, now): (BulkSendId, Timestamp),
    after: DuePlace,
    limit: i64,
) -> Result<Vec<DueRow>> {
    let DuePlace { due_at, row_no } = after;
    let params: [&(dyn ToSql + Sync); 6] =
        [&tx.tenant_id().as_uuid(), &bulk_send_id.as_uuid(), &now, &limit, &due_at, &row_no];
    let found = tx.query(LIST_DUE_ROWS, &params).await.tried("list rows whose turn has come")?;
    let read = |row: &Row| {
        Ok(DueRow { row: open(row, tenant, bulk_send_id)?, due_at: get(row, "due_at")?, held: read_held(row)? })
    };
    found.iter().map(read).collect()
}

fn read_held(row: &Row) -> Result<Option<Said>> {
    let state = number(row, "state", RowState::from_i16)?;
    let verdict = optional_number(row, "verdict", RowVerdict::from_i16)?;
    let Some(verdict) = verdict.filter(|_| state == RowState::Held) else { return Ok(None) };
    let (code, channel) = (get(row, "verdict_code")?, optional_number(row, "verdict_channel", Channel::from_i16)?);
    Ok(Some(Said { verdict, code, channel, until: None, channels: read_channels(row)? }))
}

fn read_channels(row: &Row) -> Result<Vec<ChannelSaid>> {
    let channels: Option<Json<Vec<ChannelSaid>>> = get(row, "verdicts")?;
    Ok(channels.map(|Json(channels)| channels).unwrap_or_default())
}

/// Numbers of rows that have no fate yet by their own mark, whenever their turn is. Some may be messages already: see
/// [`list_row_messages`].
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_unsent_rows(tx: &TenantTx<'_>, bulk_send_id: BulkSendId, limit: i64) -> Result<Vec<i32>> {
    let params: [&(dyn ToSql + Sync); 3] = [&tx.tenant_id().as_uuid(), &bulk_send_id.as_uuid(), &limit];
    let found = tx.query(LIST_UNSENT_ROWS, &params).await.tried("list rows to cancel")?;
    found.iter().map(|row| get(row, "row_no")).collect()
}

/// When the next row after a place is looked at; none: each of them has its fate.
///
/// # Errors
/// Where the database fails.
pub async fn next_due(tx: &TenantTx<'_>, bulk_send_id: BulkSendId, after: DuePlace) -> Result<Option<Timestamp>> {
    let DuePlace { due_at, row_no } = after;
    let params: [&(dyn ToSql + Sync); 4] = [&tx.tenant_id().as_uuid(), &bulk_send_id.as_uuid(), &due_at, &row_no];
    let found = tx.query_opt(FIND_NEXT_DUE_ROW, &params).await.tried("find next row of a bulk send")?;
    found.as_ref().map(|row| get(row, "due_at")).transpose()
}

/// The messages that these keys belong to, one answer for each key in order.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_row_messages(tx: &TenantTx<'_>, key_hashes: &[[u8; 16]]) -> Result<Vec<Option<MessageId>>> {
    let wanted: Vec<&[u8]> = key_hashes.iter().map(<[u8; 16]>::as_slice).collect();
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &wanted];
    let found = tx.query(LIST_ROW_MESSAGES, &params).await.tried("find messages of rows")?;
    let mut messages = vec![None; key_hashes.len()];
    for row in &found {
        let place: i64 = get(row, "place")?;
        // WITH ORDINALITY counts from 1.
        let place = usize::try_from(place - 1).ok().and_then(|place| messages.get_mut(place));
        *place.ok_or(CampaignError::Row { column: "place" })? = Some(MessageId::from_uuid(get(row, "message_id")?));
    }
    Ok(messages)
}

/// A delivery of a send that may yet leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingDelivery {
    /// The row's number in the list.
    pub row_no: i32,
    /// Its message.
    pub message_id: MessageId,
    /// On which channel.
    pub channel: Channel,
    /// Where it stands.
    pub state: DeliveryState,
    /// Calls made so far.
    pub attempt_no: i16,
    /// Calls that count as failed tries.
    pub failures: i16,
}

/// Deliveries that may yet leave, of rows after one. Where nobody knows what came of a call, it is waited for elsewhere.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_waiting_deliveries(
    tx: &TenantTx<'_>,
    (bulk_send_id, after): (BulkSendId, i32),
    limit: i64,
) -> Result<Vec<WaitingDelivery>> {
    let params: [&(dyn ToSql + Sync); 4] = [&tx.tenant_id().as_uuid(), &bulk_send_id.as_uuid(), &after, &limit];
    let found = tx.query(LIST_WAITING_DELIVERIES, &params).await.tried("list waiting deliveries of a bulk send")?;
    let read = |row: &Row| {
        Ok(WaitingDelivery {
            row_no: get(row, "row_no")?,
            message_id: MessageId::from_uuid(get(row, "message_id")?),
            channel: number(row, "channel", Channel::from_i16)?,
            state: number(row, "state", DeliveryState::from_i16)?,
            attempt_no: get(row, "attempt_no")?,
            failures: get(row, "failures")?,
        })
    };
    found.iter().map(read).collect()
}

fn open(row: &Row, tenant: &TenantHandle, bulk_send_id: BulkSendId) -> Result<FedRow> {
    const TRIED: &str = "open row of a bulk send";
    let row_no: i32 = get(row, "row_no")?;
    let plain = tenant.open(&row_owner(tenant, bulk_send_id, row_no), get(row, "row_sealed")?).tried(TRIED)?;
    let target = serde_json::from_slice(&plain).map_err(|_| SealError::Malformed).tried(TRIED)?;
    let recipient_id: Option<Uuid> = get(row, "recipient_id")?;
    Ok(FedRow { row_no, recipient_id: recipient_id.map(RecipientId::from_uuid), target: Phi::new(target) })
}

fn read_record(row: &Row) -> Result<RowRecord> {
    let recipient_id: Option<Uuid> = get(row, "recipient_id")?;
    let message_id: Option<Uuid> = get(row, "message_id")?;
    Ok(RowRecord {
        row_no: get(row, "row_no")?,
        recipient_id: recipient_id.map(RecipientId::from_uuid),
        state: number(row, "state", RowState::from_i16)?,
        due_at: get(row, "due_at")?,
        verdict: optional_number(row, "verdict", RowVerdict::from_i16)?,
        code: get(row, "verdict_code")?,
        channel: optional_number(row, "verdict_channel", Channel::from_i16)?,
        channels: read_channels(row)?,
        message_id: message_id.map(MessageId::from_uuid),
        error: get(row, "error")?,
    })
}
