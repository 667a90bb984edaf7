//! Messages that have been, for a trial of a policy: in the order in which they came, page by page.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{Channel, DataKey, MessageId, Phi, Priority, Purpose, SealError, TenantId, WaitReason};
use carepost_store::{Row, TenantTx, ToSql};
use zeroize::Zeroizing;

use crate::error::DeliveryError;
use crate::gate::dry_run::PastMessage;
use crate::prepare::address_hash;
use crate::types::{Delivery, DeliveryKey, DeliveryState, Payload, Strategy};

use super::rows::{self, Result, get};

pub(super) const FIND_REPLAY_START: &str = include_str!("../sql/find_replay_start.sql");
pub(super) const LIST_PAST_MESSAGES: &str = include_str!("../sql/list_past_messages.sql");

/// Payloads that are larger are left out, in bytes: a page must fit into memory.
const LARGE_PAYLOAD_BYTES: i32 = 64 << 10;

/// A message that has been, its payload still sealed.
#[derive(Debug)]
pub struct PastRow {
    tenant_id: TenantId,
    message_id: MessageId,
    created_at: Timestamp,
    purpose: Purpose,
    priority: Priority,
    strategy: Strategy,
    channels: Vec<Channel>,
    scheduled_at: Option<Timestamp>,
    expires_at: Timestamp,
    /// Not there where it is large.
    payload_sealed: Option<Vec<u8>>,
}

impl PastRow {
    /// Which.
    #[must_use]
    pub const fn message_id(&self) -> MessageId {
        self.message_id
    }

    /// When it came.
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Opens the payload with `open(owner, sealed)`, which picks the key, and makes deliveries of it as they were before the
    /// first call; `None` where the payload is too large.
    ///
    /// # Errors
    /// Where it does not open.
    pub fn open(
        self,
        hash_key: &DataKey,
        open: impl FnOnce(&[u8], &[u8]) -> std::result::Result<Zeroizing<Vec<u8>>, SealError>,
    ) -> Result<Option<PastMessage>> {
        let message_id = self.message_id;
        let fault = |source| DeliveryError::Seal { message_id, source };
        let Some(sealed) = &self.payload_sealed else { return Ok(None) };
        let plain = open(&DeliveryKey::seal_owner(self.tenant_id, message_id), sealed).map_err(fault)?;
        let payload: Payload = serde_json::from_slice(&plain).map_err(|_| fault(SealError::Malformed))?;
        let payload_bytes = sealed.len();
        let payload = Arc::new(Phi::new(payload));
        // A channel without address or content is passed by, as the engine does.
        let is_said = |channel: &&Channel| {
            let payload = payload.expose();
            payload.to.address(**channel).is_some() && payload.content(**channel).is_some()
        };
        let delivery = |channel: &Channel| Delivery {
            key: DeliveryKey { tenant_id: self.tenant_id, message_id, channel: *channel },
            state: DeliveryState::Queued,
            reason: Some(WaitReason::Dispatch),
            due_at: self.scheduled_at.unwrap_or(self.created_at),
            attempt_no: 0,
            failures: 0,
            account_id: None,
            recipient_hash: address_hash(hash_key, *channel, payload.expose().to.address(*channel).unwrap_or_default()),
            purpose: self.purpose,
            priority: self.priority,
            strategy: self.strategy,
            channels: self.channels.clone(),
            created_at: self.created_at,
            scheduled_at: self.scheduled_at,
            expires_at: self.expires_at,
            payload: Arc::clone(&payload),
            payload_bytes,
        };
        let deliveries = self.channels.iter().filter(is_said).map(delivery).collect();
        Ok(Some(PastMessage { strategy: self.strategy, deliveries }))
    }
}

/// The first of the newest `most` messages of the transaction's tenant that came from one instant until another; `None`
/// where there are fewer.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn find_replay_start(
    tx: &TenantTx<'_>,
    (from, until): (Timestamp, Timestamp),
    most: u32,
) -> Result<Option<MessageId>> {
    let (tenant_id, from, until) = (tx.tenant_id().as_uuid(), first_at(from), first_at(until));
    let params: [&(dyn ToSql + Sync); 4] = [&tenant_id, &from, &until, &i64::from(most.saturating_sub(1))];
    let row = tx.query_opt(FIND_REPLAY_START, &params).await?;
    row.as_ref().map(rows::message_id).transpose()
}

/// A page of messages of the transaction's tenant after one of them and up to an instant, in the order in which they came.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_past_messages(
    tx: &TenantTx<'_>,
    after: MessageId,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<PastRow>> {
    let (tenant_id, until) = (tx.tenant_id().as_uuid(), first_at(until));
    let params: [&(dyn ToSql + Sync); 5] = [&tenant_id, &after.as_uuid(), &until, &limit, &LARGE_PAYLOAD_BYTES];
    tx.query(LIST_PAST_MESSAGES, &params).await?.iter().map(past_row).collect()
}

fn first_at(instant: Timestamp) -> Uuid {
    MessageId::first_at(instant).as_uuid()
}

fn past_row(row: &Row) -> Result<PastRow> {
    Ok(PastRow {
        tenant_id: rows::tenant_id(row)?,
        message_id: rows::message_id(row)?,
        created_at: get(row, "created_at")?,
        purpose: rows::purpose(row)?,
        priority: rows::priority(row)?,
        strategy: rows::strategy(row)?,
        channels: rows::plan(row)?,
        scheduled_at: get(row, "scheduled_at")?,
        expires_at: get(row, "expires_at")?,
        payload_sealed: get(row, "payload_sealed")?,
    })
}
