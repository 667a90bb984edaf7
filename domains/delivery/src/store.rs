//! Typed functions over this room's SQL: one for each file in `sql/`.
//!
//! Reads of callers take the tenant's transaction; the batch writers and the scheduler take the engine's.

mod due;
mod events;
mod in_app;
mod inbound;
mod keys;
mod links;
mod reads;
mod redrive;
mod replay;
mod rows;
mod sweep;
mod waiting;

pub(crate) mod batch;

pub(crate) use links::{INSERT_LINKS, LinkColumns};

pub use due::{DueChannel, DuePlace, DueRow, get_delivery, list_due_channels, list_due_deliveries};
pub use events::{
    AttemptStarted, find_by_provider_ref, get_attempt_start, get_bad_news, list_event_stream, list_events,
};
pub use in_app::{InAppRecord, insert_in_app, list_in_app, mark_in_app_read, put_in_app};
pub use inbound::{
    InboundRecord, NewInbound, StoredInbound, UnderstoodInbound, finish_inbound, insert_inbound, list_inbound,
    list_open_inbound, understand_inbound,
};
pub use keys::{KeyHolder, list_key_holders};
pub use links::{LinkRecord, get_link, insert_link_click};
pub use reads::{MessageFilter, get_message, list_messages};
pub use redrive::{FailedDelivery, RedriveFilter, Redriven, list_failed_deliveries, redrive_deliveries};
pub use replay::{PastRow, find_replay_start, list_past_messages};
pub use sweep::{ParkedMatch, Stretch, SweepBounds, Swept, list_parked_matches, list_stretches, sweep_stretch};
pub use waiting::{PutOff, advance_deliveries, count_waiting};

/// Every SQL file of the room by name, for the test that prepares them all.
pub const SQL_FILES: &[(&str, &str)] = &[
    ("advance_deliveries", waiting::ADVANCE_DELIVERIES),
    ("apply_changes", batch::APPLY_CHANGES),
    ("claim_idempotency_keys", batch::CLAIM_KEYS),
    ("count_blocks", sweep::COUNT_BLOCKS),
    ("count_waiting", waiting::COUNT_WAITING),
    ("delete_expired_keys", sweep::DELETE_EXPIRED_KEYS),
    ("delete_old_in_app", sweep::DELETE_OLD_IN_APP),
    ("delete_old_inbound", sweep::DELETE_OLD_INBOUND),
    ("delete_old_link_clicks", links::DELETE_OLD_LINK_CLICKS),
    ("delete_old_links", links::DELETE_OLD_LINKS),
    ("delete_old_parked", sweep::DELETE_OLD_PARKED),
    ("delete_old_refs", sweep::DELETE_OLD_REFS),
    ("extend_message", redrive::EXTEND_MESSAGE),
    ("find_by_provider_ref", events::FIND_BY_PROVIDER_REF),
    ("find_oldest_day", events::FIND_OLDEST_DAY),
    ("finish_inbound", inbound::FINISH_INBOUND),
    ("find_replay_start", replay::FIND_REPLAY_START),
    ("get_attempt_start", events::GET_ATTEMPT_START),
    ("get_bad_news", events::GET_BAD_NEWS),
    ("get_delivery", due::GET_DELIVERY),
    ("get_link", links::GET_LINK),
    ("get_message", reads::GET_MESSAGE),
    ("ensure_deliveries", batch::ENSURE_DELIVERIES),
    ("insert_deliveries", batch::INSERT_DELIVERIES),
    ("insert_events", batch::INSERT_EVENTS),
    ("insert_fallbacks", batch::INSERT_FALLBACKS),
    ("insert_in_app", in_app::INSERT_IN_APP),
    ("insert_inbound", inbound::INSERT_INBOUND),
    ("insert_link_click", links::INSERT_LINK_CLICK),
    ("insert_links", links::INSERT_LINKS),
    ("insert_messages", batch::INSERT_MESSAGES),
    ("insert_provider_refs", batch::INSERT_REFS),
    ("insert_receipt_events", batch::INSERT_RECEIPT_EVENTS),
    ("list_deliveries", reads::LIST_DELIVERIES),
    ("list_due_channels", due::LIST_DUE_CHANNELS),
    ("list_due_deliveries", due::LIST_DUE_DELIVERIES),
    ("list_event_stream", events::LIST_EVENT_STREAM),
    ("list_events", events::LIST_EVENTS),
    ("list_failed_deliveries", redrive::LIST_FAILED),
    ("list_idempotency_keys", batch::LIST_KEYS),
    ("list_in_app", in_app::LIST_IN_APP),
    ("list_inbound", inbound::LIST_INBOUND),
    ("list_key_holders", keys::LIST_KEY_HOLDERS),
    ("list_known_events", batch::LIST_KNOWN_EVENTS),
    ("list_messages", reads::LIST_MESSAGES),
    ("list_messages_to", reads::LIST_MESSAGES_TO),
    ("list_open_inbound", inbound::LIST_OPEN_INBOUND),
    ("list_parked_matches", sweep::LIST_PARKED_MATCHES),
    ("list_past_messages", replay::LIST_PAST_MESSAGES),
    ("list_provider_refs", batch::LIST_REFS),
    ("mark_in_app_read", in_app::MARK_IN_APP_READ),
    ("merge_receipts", batch::MERGE_RECEIPTS),
    ("park_receipts", batch::PARK_RECEIPTS),
    ("reopen_deliveries", redrive::REOPEN),
    ("start_attempts", batch::START_ATTEMPTS),
    ("take_parked_receipts", batch::TAKE_PARKED),
    ("understand_inbound", inbound::UNDERSTAND_INBOUND),
    ("yield_changes", batch::YIELD_CHANGES),
];
