//! The batch writers' SQL, and the columns of their parameters. Used by `ingest.rs` and `ledger.rs` alone.

pub(crate) const CLAIM_KEYS: &str = include_str!("../sql/claim_idempotency_keys.sql");
pub(crate) const LIST_KEYS: &str = include_str!("../sql/list_idempotency_keys.sql");
pub(crate) const INSERT_MESSAGES: &str = include_str!("../sql/insert_messages.sql");
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
