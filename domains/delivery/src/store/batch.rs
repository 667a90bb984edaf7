//! The batch writers' SQL, and the columns of their parameters. Used by `ingest.rs` and `ledger.rs` alone.

use carepost_kernel::{ApiKeyId, MessageId, TenantId, WaitReason};
use carepost_store::ToSql;
use jiff::Timestamp;
use uuid::Uuid;

use crate::types::{NewDelivery, NewMessage};

pub(crate) const CLAIM_KEYS: &str = include_str!("../sql/claim_idempotency_keys.sql");
pub(crate) const LIST_KEYS: &str = include_str!("../sql/list_idempotency_keys.sql");
pub(crate) const INSERT_MESSAGES: &str = include_str!("../sql/insert_messages.sql");
pub(crate) const ENSURE_DELIVERIES: &str = include_str!("../sql/ensure_deliveries.sql");
pub(crate) const INSERT_DELIVERIES: &str = include_str!("../sql/insert_deliveries.sql");
pub(crate) const START_ATTEMPTS: &str = include_str!("../sql/start_attempts.sql");
pub(crate) const APPLY_CHANGES: &str = include_str!("../sql/apply_changes.sql");
pub(crate) const YIELD_CHANGES: &str = include_str!("../sql/yield_changes.sql");
pub(crate) const INSERT_FALLBACKS: &str = include_str!("../sql/insert_fallbacks.sql");
pub(crate) const LIST_KNOWN_EVENTS: &str = include_str!("../sql/list_known_events.sql");
pub(crate) const INSERT_EVENTS: &str = include_str!("../sql/insert_events.sql");
pub(crate) const INSERT_REFS: &str = include_str!("../sql/insert_provider_refs.sql");
pub(crate) const LIST_REFS: &str = include_str!("../sql/list_provider_refs.sql");
pub(crate) const TAKE_PARKED: &str = include_str!("../sql/take_parked_receipts.sql");
pub(crate) const PARK_RECEIPTS: &str = include_str!("../sql/park_receipts.sql");
pub(crate) const INSERT_RECEIPT_EVENTS: &str = include_str!("../sql/insert_receipt_events.sql");
pub(crate) const MERGE_RECEIPTS: &str = include_str!("../sql/merge_receipts.sql");

/// One column of a batch: a value for each row.
macro_rules! column {
    ($rows:expr, |$row:ident| $value:expr) => {
        $rows.iter().map(|$row| $value).collect::<Vec<_>>()
    };
}
pub(crate) use column;

pub(crate) use super::rows::{
    account_id, channel, failure_class, get, hash, message_id, provider_ref, receipt_status, state, tenant_id,
};

/// Waits by reason as they stand in `delivery_events.waits`; null where there is nothing to tell.
pub(crate) fn waits_json(waits: &[(carepost_kernel::WaitReason, u32)]) -> Option<serde_json::Value> {
    if waits.is_empty() { None } else { serde_json::to_value(waits).ok() }
}

/// The parameters of `insert_messages.sql`.
pub(crate) struct MessageColumns<'a> {
    tenant_ids: Vec<Uuid>,
    message_ids: Vec<Uuid>,
    created_at: Vec<Timestamp>,
    purposes: Vec<i16>,
    priorities: Vec<i16>,
    strategies: Vec<i16>,
    plans: Vec<Vec<u8>>,
    scheduled_at: Vec<Option<Timestamp>>,
    expires_at: Vec<Timestamp>,
    payloads_sealed: Vec<&'a [u8]>,
    api_key_ids: Vec<Option<Uuid>>,
}

impl<'a> MessageColumns<'a> {
    pub(crate) fn of(messages: &[&'a NewMessage]) -> Self {
        let plan = |message: &NewMessage| message.channels.iter().map(|channel| *channel as u8).collect();
        Self {
            tenant_ids: column!(messages, |message| message.tenant_id.as_uuid()),
            message_ids: column!(messages, |message| message.message_id.as_uuid()),
            created_at: column!(messages, |message| message.created_at),
            purposes: column!(messages, |message| message.purpose.as_i16()),
            priorities: column!(messages, |message| message.priority.as_i16()),
            strategies: column!(messages, |message| message.strategy.as_i16()),
            plans: column!(messages, |message| plan(message)),
            scheduled_at: column!(messages, |message| message.scheduled_at),
            expires_at: column!(messages, |message| message.expires_at),
            payloads_sealed: column!(messages, |message| message.payload_sealed.as_slice()),
            api_key_ids: column!(messages, |message| message.api_key_id.map(ApiKeyId::as_uuid)),
        }
    }

    pub(crate) fn params(&self) -> [&(dyn ToSql + Sync); 11] {
        [
            &self.tenant_ids,
            &self.message_ids,
            &self.created_at,
            &self.purposes,
            &self.priorities,
            &self.strategies,
            &self.plans,
            &self.scheduled_at,
            &self.expires_at,
            &self.payloads_sealed,
            &self.api_key_ids,
        ]
    }
}

/// One row for `insert_deliveries.sql` and `ensure_deliveries.sql`.
pub(crate) struct DeliveryInsert<'a> {
    pub(crate) tenant_id: TenantId,
    pub(crate) message_id: MessageId,
    pub(crate) reason: WaitReason,
    pub(crate) due_at: Timestamp,
    pub(crate) delivery: &'a NewDelivery,
}

/// Their parameters.
pub(crate) struct DeliveryColumns<'a> {
    tenant_ids: Vec<Uuid>,
    message_ids: Vec<Uuid>,
    channels: Vec<i16>,
    reasons: Vec<i16>,
    due_at: Vec<Timestamp>,
    recipient_hashes: Vec<&'a [u8]>,
    priorities: Vec<i16>,
    segments: Vec<Option<i16>>,
}

impl<'a> DeliveryColumns<'a> {
    pub(crate) fn of(rows: &[DeliveryInsert<'a>]) -> Self {
        Self {
            tenant_ids: column!(rows, |row| row.tenant_id.as_uuid()),
            message_ids: column!(rows, |row| row.message_id.as_uuid()),
            channels: column!(rows, |row| row.delivery.channel.as_i16()),
            reasons: column!(rows, |row| row.reason.as_i16()),
            due_at: column!(rows, |row| row.due_at),
            recipient_hashes: column!(rows, |row| row.delivery.recipient_hash.as_slice()),
            priorities: column!(rows, |row| row.delivery.priority.as_i16()),
            segments: column!(rows, |row| row.delivery.segments),
        }
    }

    pub(crate) fn params(&self) -> [&(dyn ToSql + Sync); 8] {
        [
            &self.tenant_ids,
            &self.message_ids,
            &self.channels,
            &self.reasons,
            &self.due_at,
            &self.recipient_hashes,
            &self.priorities,
            &self.segments,
        ]
    }
}
