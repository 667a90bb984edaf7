//! The history, read: of one message, and as a tenant's stream.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use carepost_kernel::{EventId, Failure, MessageId, ProviderAccountId, ProviderRef, TenantId};
use carepost_store::{EngineConnection, TenantTx};

use crate::types::{DeliveryEvent, DeliveryKey, GateRecord};

use super::rows::{self, Result, get};

pub(super) const LIST_EVENTS: &str = include_str!("../sql/list_events.sql");
pub(super) const FIND_BY_PROVIDER_REF: &str = include_str!("../sql/find_by_provider_ref.sql");
pub(super) const GET_ATTEMPT_START: &str = include_str!("../sql/get_attempt_start.sql");
pub(super) const GET_BAD_NEWS: &str = include_str!("../sql/get_bad_news.sql");
pub(super) const FIND_OLDEST_DAY: &str = include_str!("../sql/find_oldest_day.sql");
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

/// The first look goes so far, in milliseconds; each further one goes so many times as far, up to the longest.
const FIRST_WINDOW_MS: u128 = 1_000;
const WINDOW_GROWTH: u128 = 8;
const LONGEST_WINDOW_MS: u128 = 6 * 3_600_000;
/// Bits of an id below its milliseconds.
const BELOW_MS: u32 = 80;

/// Parts of a span of ids, each longer than the one before.
fn windows(after: EventId, until: EventId) -> impl Iterator<Item = (EventId, EventId)> {
    let (mut from, end) = (after.as_uuid().as_u128(), until.as_uuid().as_u128());
    let mut width_ms = FIRST_WINDOW_MS;
    std::iter::from_fn(move || {
        let window = (from < end).then(|| (from, end.min(from.saturating_add(width_ms << BELOW_MS))))?;
        from = window.1;
        width_ms = LONGEST_WINDOW_MS.min(width_ms * WINDOW_GROWTH);
        let id = |number| EventId::from_uuid(Uuid::from_u128(number));
        Some((id(window.0), id(window.1)))
    })
}

/// The tenant's events after `after` and up to `until`, the oldest first, at most `limit`.
///
/// It is read window by window: the index tells blocks by their ids' bounds, so that a page at the beginning of a long
/// span would be found by reading and sorting all of it. Old days stay in it at little cost, and they must: a late
/// receipt lies in the day of its message.
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
    let span = until.as_uuid().as_u128().saturating_sub(after.as_uuid().as_u128());
    let after = if span >> BELOW_MS > LONGEST_WINDOW_MS { after.max(oldest(tx).await?) } else { after };
    let mut events = Vec::new();
    for (from, to) in windows(after, until) {
        let left = limit - i64::try_from(events.len()).unwrap_or(i64::MAX);
        if left <= 0 {
            break;
        }
        let rows = tx.query(LIST_EVENT_STREAM, &[&tenant_id.as_uuid(), &from.as_uuid(), &to.as_uuid(), &left]).await?;
        for row in &rows {
            events.push(rows::event(row, tenant_id)?);
        }
    }
    Ok(events)
}

/// Below every event that is kept.
async fn oldest(tx: &TenantTx<'_>) -> Result<EventId> {
    let first: Option<Uuid> = get(&tx.query_one(FIND_OLDEST_DAY, &[]).await?, "first_id")?;
    Ok(EventId::from_uuid(first.unwrap_or(Uuid::nil())))
}

/// The start of an attempt, as the history has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptStarted {
    /// The entry's id.
    pub event_id: EventId,
    /// When.
    pub at: Timestamp,
    /// The policy that the gate let it go by.
    pub policy_version: Option<u32>,
}

/// When an attempt was started.
///
/// # Errors
/// Where the database fails.
pub async fn get_attempt_start(
    connection: &EngineConnection,
    key: DeliveryKey,
    attempt_no: i16,
) -> Result<Option<AttemptStarted>> {
    let (tenant_id, message_id) = (key.tenant_id.as_uuid(), key.message_id.as_uuid());
    let row =
        connection.query_opt(GET_ATTEMPT_START, &[&tenant_id, &message_id, &key.channel.as_i16(), &attempt_no]).await?;
    row.as_ref().map(started).transpose()
}

fn started(row: &Row) -> Result<AttemptStarted> {
    let gate: Option<&[u8]> = get(row, "gate")?;
    let policy_version = gate.and_then(|gate| GateRecord::from_bytes(gate).read()).map(|gate| gate.policy_version);
    Ok(AttemptStarted { event_id: EventId::from_uuid(get(row, "event_id")?), at: get(row, "at")?, policy_version })
}

/// The delivery that a provider's own id belongs to.
///
/// # Errors
/// Where the database fails or the row cannot be read.
pub async fn find_by_provider_ref(
    connection: &EngineConnection,
    tenant_id: TenantId,
    account_id: ProviderAccountId,
    provider_ref: &ProviderRef,
) -> Result<Option<DeliveryKey>> {
    let (tenant, account, reference) = (tenant_id.as_uuid(), account_id.as_uuid(), provider_ref.as_str());
    let row = connection.query_opt(FIND_BY_PROVIDER_REF, &[&tenant, &account, &reference]).await?;
    let key = |row| Ok(DeliveryKey { tenant_id, message_id: rows::message_id(row)?, channel: rows::channel(row)? });
    row.as_ref().map(key).transpose()
}

/// What the receipt says that a delivery's bad state comes from; `None` where it names no failure.
///
/// # Errors
/// Where the database fails or the row cannot be read.
pub async fn get_bad_news(connection: &EngineConnection, key: DeliveryKey) -> Result<Option<Failure>> {
    let (tenant_id, message_id) = (key.tenant_id.as_uuid(), key.message_id.as_uuid());
    let Some(row) = connection.query_opt(GET_BAD_NEWS, &[&tenant_id, &message_id, &key.channel.as_i16()]).await? else {
        return Ok(None);
    };
    let code: Option<String> = get(&row, "code")?;
    Ok(rows::failure_class(&row)?.map(|class| Failure::new(class, code.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_a_span_without_a_gap() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        for hours in [0, 1, 30, 24 * 97] {
            let (after, until) =
                (EventId::first_at(now - jiff::SignedDuration::from_hours(hours)), EventId::first_at(now));
            let mut reached = after;
            let mut count = 0;
            for (from, to) in windows(after, until) {
                assert_eq!(from, reached);
                assert!(to > from && to <= until);
                (reached, count) = (to, count + 1);
            }
            assert_eq!(reached, until);
            assert!(count <= 6 + hours / 6, "{count} windows for {hours} hours");
        }
        assert_eq!(windows(EventId::from_uuid(Uuid::max()), EventId::from_uuid(Uuid::nil())).count(), 0);
    }
}
