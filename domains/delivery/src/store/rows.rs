//! From rows to records. A number that this version does not know is an error, never a guess.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{
    Channel, EventId, FailureClass, MessageId, Priority, ProviderAccountId, ProviderRef, Purpose, ReceiptStatus,
    TenantId, WaitReason,
};
use carepost_store::{Row, StoreError};

use crate::error::DeliveryError;
use crate::types::{
    DeliveryEvent, DeliveryKey, DeliveryRecord, DeliveryState, EventKind, GateRecord, MessageRecord, Strategy,
};

pub(super) type Result<T> = std::result::Result<T, DeliveryError>;

/// A column as it is stored.
pub(crate) fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, column: &'static str) -> Result<T> {
    row.try_get(column).map_err(|error| DeliveryError::Store(StoreError::from(error)))
}

/// A numbered column as its enum.
fn number<T>(row: &Row, column: &'static str, from: impl Fn(i16) -> Option<T>) -> Result<T> {
    from(get(row, column)?).ok_or(DeliveryError::Row { column })
}

fn optional_number<T>(row: &Row, column: &'static str, from: impl Fn(i16) -> Option<T>) -> Result<Option<T>> {
    let stored: Option<i16> = get(row, column)?;
    stored.map(|stored| from(stored).ok_or(DeliveryError::Row { column })).transpose()
}

pub(crate) fn message_id(row: &Row) -> Result<MessageId> {
    Ok(MessageId::from_uuid(get(row, "message_id")?))
}

pub(crate) fn tenant_id(row: &Row) -> Result<TenantId> {
    Ok(TenantId::from_uuid(get(row, "tenant_id")?))
}

pub(crate) fn channel(row: &Row) -> Result<Channel> {
    number(row, "channel", Channel::from_i16)
}

pub(crate) fn state(row: &Row) -> Result<DeliveryState> {
    number(row, "state", DeliveryState::from_i16)
}

pub(crate) fn reason(row: &Row) -> Result<Option<WaitReason>> {
    optional_number(row, "reason", WaitReason::from_i16)
}

pub(crate) fn account_id(row: &Row) -> Result<Option<ProviderAccountId>> {
    Ok(get::<Option<Uuid>>(row, "provider_account_id")?.map(ProviderAccountId::from_uuid))
}

pub(crate) fn provider_ref(row: &Row) -> Result<ProviderRef> {
    ProviderRef::new(get::<&str>(row, "provider_ref")?).ok_or(DeliveryError::Row { column: "provider_ref" })
}

pub(crate) fn hash(row: &Row, column: &'static str) -> Result<[u8; 16]> {
    get::<&[u8]>(row, column)?.try_into().map_err(|_| DeliveryError::Row { column })
}

pub(crate) fn purpose(row: &Row) -> Result<Purpose> {
    number(row, "purpose", Purpose::from_i16)
}

pub(crate) fn priority(row: &Row) -> Result<Priority> {
    number(row, "priority", Priority::from_i16)
}

pub(crate) fn strategy(row: &Row) -> Result<Strategy> {
    number(row, "strategy", Strategy::from_i16)
}

pub(crate) fn plan(row: &Row) -> Result<Vec<Channel>> {
    let stored: &[u8] = get(row, "channels")?;
    let known: Option<Vec<Channel>> = stored.iter().map(|byte| Channel::from_i16(i16::from(*byte))).collect();
    known.ok_or(DeliveryError::Row { column: "channels" })
}

pub(crate) fn receipt_status(row: &Row) -> Result<ReceiptStatus> {
    number(row, "receipt_status", ReceiptStatus::from_i16)
}

pub(crate) fn failure_class(row: &Row) -> Result<Option<FailureClass>> {
    optional_number(row, "failure_class", FailureClass::from_i16)
}

pub(super) fn message(row: &Row) -> Result<MessageRecord> {
    Ok(MessageRecord {
        message_id: message_id(row)?,
        created_at: get(row, "created_at")?,
        purpose: purpose(row)?,
        priority: priority(row)?,
        strategy: strategy(row)?,
        channels: plan(row)?,
        scheduled_at: get(row, "scheduled_at")?,
        expires_at: get(row, "expires_at")?,
        payload_sealed: get(row, "payload_sealed")?,
        deliveries: Vec::new(),
    })
}

pub(super) fn delivery_record(row: &Row) -> Result<DeliveryRecord> {
    let is_open: bool = get(row, "is_open")?;
    let due_at: Timestamp = get(row, "due_at")?;
    Ok(DeliveryRecord {
        channel: channel(row)?,
        state: state(row)?,
        reason: reason(row)?,
        due_at: is_open.then_some(due_at),
        attempts: get(row, "attempt_no")?,
        account_id: account_id(row)?,
        code: get(row, "code")?,
        segments: get(row, "segments")?,
        sent_at: get(row, "sent_at")?,
        finished_at: get(row, "finished_at")?,
    })
}

pub(super) fn event(row: &Row, tenant_id: TenantId) -> Result<DeliveryEvent> {
    let waits: Option<serde_json::Value> = get(row, "waits")?;
    let receipt_key: Option<&[u8]> = get(row, "receipt_key")?;
    let gate: Option<&[u8]> = get(row, "gate")?;
    Ok(DeliveryEvent {
        event_id: EventId::from_uuid(get(row, "event_id")?),
        key: DeliveryKey { tenant_id, message_id: message_id(row)?, channel: channel(row)? },
        kind: number(row, "kind", EventKind::from_i16)?,
        at: get(row, "at")?,
        attempt_no: get(row, "attempt_no")?,
        state: optional_number(row, "state", DeliveryState::from_i16)?,
        reason: reason(row)?,
        until: get(row, "until")?,
        failure_class: failure_class(row)?,
        code: get(row, "code")?,
        account_id: account_id(row)?,
        receipt_status: optional_number(row, "receipt_status", ReceiptStatus::from_i16)?,
        receipt_key: receipt_key.and_then(|key| key.try_into().ok()),
        waits: waits.and_then(|waits| serde_json::from_value(waits).ok()).unwrap_or_default(),
        gate: gate.map(GateRecord::from_bytes),
    })
}
