//! What the room tells others of a delivery's life: ids, states and codes, nothing of recipient or content (DEL-9).
//!
//! Streams, pages and outbound webhooks show the same fields under the same names.

use carepost_kernel::{Channel, EventId, FailureClass, MessageId, ProviderAccountId, ReceiptStatus, WaitReason};
use jiff::Timestamp;
use serde::Serialize;

use crate::types::{DeliveryEvent, DeliveryState};

/// An entry of the history as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventView<'a> {
    /// Its id; ids grow with time.
    pub id: EventId,
    /// What it tells: `delivery.` and the kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of which message.
    pub message_id: MessageId,
    /// On which channel.
    pub channel: Channel,
    /// When.
    pub at: Timestamp,
    /// During which attempt; 0 before the first.
    pub attempt: i16,
    /// The state after it, where it changed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<DeliveryState>,
    /// Why the delivery waits from here on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<WaitReason>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Class of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_class: Option<FailureClass>,
    /// Stable code of a failure or refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// The account that was called, or that told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_account_id: Option<ProviderAccountId>,
    /// What the provider told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_status: Option<ReceiptStatus>,
}

/// The name of an event's type: `delivery.` and the kind.
#[must_use]
pub fn type_name(event: &DeliveryEvent) -> String {
    format!("delivery.{}", event.kind.as_str())
}

impl<'a> From<&'a DeliveryEvent> for EventView<'a> {
    fn from(event: &'a DeliveryEvent) -> Self {
        Self {
            id: event.event_id,
            kind: type_name(event),
            message_id: event.key.message_id,
            channel: event.key.channel,
            at: event.at,
            attempt: event.attempt_no,
            status: event.state,
            reason: event.reason,
            until: event.until,
            failure_class: event.failure_class,
            code: event.code.as_deref(),
            provider_account_id: event.account_id,
            receipt_status: event.receipt_status,
        }
    }
}
