//! Work that is due: what waits in rows, page by page.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{AttemptRef, Channel, MessageId, Phi, Priority, SealError, TenantId};
use carepost_store::{EngineConnection, Row};

use crate::error::DeliveryError;
use crate::types::{Delivery, DeliveryKey, Payload};

use super::rows::{self, Result, get};

pub(super) const LIST_DUE_DELIVERIES: &str = include_str!("../sql/list_due_deliveries.sql");
pub(super) const LIST_DUE_CHANNELS: &str = include_str!("../sql/list_due_channels.sql");
pub(super) const GET_DELIVERY: &str = include_str!("../sql/get_delivery.sql");

/// A place in the order of due deliveries of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuePlace {
    /// Due at this instant,
    pub due_at: Timestamp,
    /// and after this message.
    pub message_id: MessageId,
}

impl DuePlace {
    /// Before everything.
    pub const START: Self = Self { due_at: Timestamp::UNIX_EPOCH, message_id: MessageId::from_uuid(Uuid::nil()) };
}

/// A delivery as it lies in rows: its payload still sealed.
#[derive(Debug, Clone)]
pub struct DueRow {
    delivery: Delivery,
    /// Not there where it is large and the row came with a page.
    payload_sealed: Option<Vec<u8>>,
    /// Code of the last failure.
    pub code: Option<String>,
}

impl DueRow {
    /// A row that comes from somewhere else than PostgreSQL: the payload of `delivery` counts for nothing.
    #[must_use]
    pub fn new(delivery: Delivery, payload_sealed: Vec<u8>, code: Option<String>) -> Self {
        let delivery = Delivery { payload: Arc::default(), payload_bytes: payload_sealed.len(), ..delivery };
        Self { delivery, payload_sealed: Some(payload_sealed), code }
    }

    /// Its name.
    #[must_use]
    pub const fn key(&self) -> DeliveryKey {
        self.delivery.key
    }

    /// The last attempt, where there was one.
    #[must_use]
    pub fn last_attempt(&self) -> Option<AttemptRef> {
        let Delivery { key, attempt_no, .. } = self.delivery;
        (attempt_no > 0).then(|| key.attempt(attempt_no))
    }

    /// Its place in the order.
    #[must_use]
    pub const fn place(&self) -> DuePlace {
        DuePlace { due_at: self.delivery.due_at, message_id: self.delivery.key.message_id }
    }

    /// How much it hurries.
    #[must_use]
    pub const fn priority(&self) -> Priority {
        self.delivery.priority
    }

    /// Size of the payload, in bytes.
    #[must_use]
    pub const fn payload_bytes(&self) -> usize {
        self.delivery.payload_bytes
    }

    /// The payload came with it.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.payload_sealed.is_some()
    }

    /// It waits here, and no call was made that could still come of it.
    #[must_use]
    pub fn can_be_cancelled(&self) -> bool {
        self.delivery.state == crate::types::DeliveryState::Queued
    }

    /// A call was made for it, and the next channel of its plan may follow from what comes of that.
    #[must_use]
    pub fn may_fall_back(&self) -> bool {
        use crate::types::DeliveryState::{Bounced, Queued, Sending, Sent, Undelivered, Unknown};
        let is_undecided = matches!(self.delivery.state, Queued | Sending | Unknown | Sent | Undelivered | Bounced);
        self.delivery.strategy == crate::types::Strategy::Fallback && self.delivery.attempt_no > 0 && is_undecided
    }

    /// A call has started, and its outcome is not written down.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.delivery.state == crate::types::DeliveryState::Sending
    }

    /// Calls made so far.
    #[must_use]
    pub const fn attempt_no(&self) -> i16 {
        self.delivery.attempt_no
    }

    /// Calls that count as failed tries.
    #[must_use]
    pub const fn failures(&self) -> i16 {
        self.delivery.failures
    }

    /// Its unknown outcome was looked up, and is held for a receipt.
    #[must_use]
    pub fn is_looked_up(&self) -> bool {
        self.code.as_deref() == Some(crate::rules::HELD)
    }

    /// Opens the payload with `open(owner, sealed)`, which picks the key.
    ///
    /// # Errors
    /// Where it does not open.
    pub fn open(
        self,
        open: impl FnOnce(&[u8], &[u8]) -> std::result::Result<zeroize::Zeroizing<Vec<u8>>, SealError>,
    ) -> Result<Delivery> {
        let message_id = self.delivery.key.message_id;
        let fault = |source| DeliveryError::Seal { message_id, source };
        let owner = DeliveryKey::seal_owner(self.delivery.key.tenant_id, message_id);
        let sealed = self.payload_sealed.as_deref().ok_or_else(|| fault(SealError::Malformed))?;
        let plain = open(&owner, sealed).map_err(fault)?;
        let payload: Payload = serde_json::from_slice(&plain).map_err(|_| fault(SealError::Malformed))?;
        Ok(Delivery { payload: Arc::new(Phi::new(payload)), ..self.delivery })
    }
}

/// Before all rows; the earliest instant of the one library is none of PostgreSQL's.
pub(super) const FIRST: Timestamp = Timestamp::UNIX_EPOCH;
/// Payloads that are larger do not come with a page, in bytes.
const LARGE_PAYLOAD_BYTES: i32 = 16 << 10;

/// The next page of one channel's due deliveries of one priority, by time.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_due_deliveries(
    connection: &EngineConnection,
    (tenant_id, channel, priority): (TenantId, Channel, Priority),
    due_until: Timestamp,
    after: DuePlace,
    limit: i64,
) -> Result<Vec<DueRow>> {
    let (tenant_id, after_id) = (tenant_id.as_uuid(), after.message_id.as_uuid());
    let rows = connection
        .query(
            LIST_DUE_DELIVERIES,
            &[
                &tenant_id,
                &channel.as_i16(),
                &priority.as_i16(),
                &due_until,
                &after.due_at,
                &after_id,
                &limit,
                &LARGE_PAYLOAD_BYTES,
            ],
        )
        .await?;
    let mut page: Vec<DueRow> = rows.iter().map(due_row).collect::<Result<_>>()?;
    page.sort_unstable_by_key(|row| (row.place().due_at, row.key().message_id));
    Ok(page)
}

/// One delivery, whether due or not.
///
/// # Errors
/// Where the database fails or the row cannot be read.
pub async fn get_delivery(connection: &EngineConnection, key: DeliveryKey) -> Result<Option<DueRow>> {
    let (tenant_id, message_id) = (key.tenant_id.as_uuid(), key.message_id.as_uuid());
    let row = connection.query_opt(GET_DELIVERY, &[&tenant_id, &message_id, &key.channel.as_i16()]).await?;
    row.as_ref().map(due_row).transpose()
}

/// A channel of a tenant with open deliveries that are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueChannel {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Which one.
    pub channel: Channel,
    /// The first of them is due then.
    pub first_due_at: Timestamp,
}

/// Tenants and channels with open deliveries that are due from one instant until another.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_due_channels(
    connection: &EngineConnection,
    due_from: Timestamp,
    due_until: Timestamp,
) -> Result<Vec<DueChannel>> {
    let rows = connection.query(LIST_DUE_CHANNELS, &[&due_from.max(FIRST), &due_until]).await?;
    let channel = |row| {
        let (tenant_id, channel) = (rows::tenant_id(row)?, rows::channel(row)?);
        Ok(DueChannel { tenant_id, channel, first_due_at: get(row, "first_due_at")? })
    };
    rows.iter().map(channel).collect()
}

fn due_row(row: &Row) -> Result<DueRow> {
    let key = DeliveryKey {
        tenant_id: rows::tenant_id(row)?,
        message_id: rows::message_id(row)?,
        channel: rows::channel(row)?,
    };
    let delivery = Delivery {
        key,
        state: rows::state(row)?,
        reason: rows::reason(row)?,
        due_at: get(row, "due_at")?,
        attempt_no: get(row, "attempt_no")?,
        failures: get(row, "failures")?,
        account_id: rows::account_id(row)?,
        recipient_hash: rows::hash(row, "recipient_hash")?,
        purpose: rows::purpose(row)?,
        priority: rows::priority(row)?,
        strategy: rows::strategy(row)?,
        channels: rows::plan(row)?,
        created_at: get(row, "created_at")?,
        scheduled_at: get(row, "scheduled_at")?,
        expires_at: get(row, "expires_at")?,
        payload: Arc::default(),
        payload_bytes: usize::try_from(get::<i32>(row, "payload_bytes")?).unwrap_or(0),
    };
    Ok(DueRow { delivery, payload_sealed: get(row, "payload_sealed")?, code: get(row, "code")? })
}
