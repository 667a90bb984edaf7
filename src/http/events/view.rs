//! An entry of the history as callers see it: ids, states and codes, nothing of recipient or content.

use carepost_delivery::types::{DeliveryEvent, DeliveryState};
use carepost_kernel::{Channel, EventId, FailureClass, MessageId, ProviderAccountId, ReceiptStatus, WaitReason};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::names::{ChannelName, EventTypeName, FailureClassName, ReasonName, ReceiptStatusName, StatusName};

/// An event of a delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventView {
    /// Its id; ids grow with time.
    #[schema(value_type = Uuid)]
    id: EventId,
    /// What it tells.
    #[serde(rename = "type")]
    #[schema(value_type = EventTypeName)]
    kind: String,
    /// Of which message.
    #[schema(value_type = Uuid)]
    message_id: MessageId,
    /// On which channel.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// When.
    at: Timestamp,
    /// During which attempt; 0 before the first.
    attempt: i16,
    /// The state after it, where it changed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StatusName>)]
    status: Option<DeliveryState>,
    /// Why the delivery waits from here on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ReasonName>)]
    reason: Option<WaitReason>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// Class of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FailureClassName>)]
    failure_class: Option<FailureClass>,
    /// Stable code of a failure or refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "twilio_30003")]
    code: Option<String>,
    /// The account that was called, or that told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    provider_account_id: Option<ProviderAccountId>,
    /// What the provider told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ReceiptStatusName>)]
    receipt_status: Option<ReceiptStatus>,
}

impl EventView {
    /// The name in `type` and in the stream's `event:` line.
    pub(crate) fn name(event: &DeliveryEvent) -> String {
        format!("delivery.{}", event.kind.as_str())
    }
}

impl From<&DeliveryEvent> for EventView {
    fn from(event: &DeliveryEvent) -> Self {
        Self {
            id: event.event_id,
            kind: Self::name(event),
            message_id: event.key.message_id,
            channel: event.key.channel,
            at: event.at,
            attempt: event.attempt_no,
            status: event.state,
            reason: event.reason,
            until: event.until,
            failure_class: event.failure_class,
            code: event.code.clone(),
            provider_account_id: event.account_id,
            receipt_status: event.receipt_status,
        }
    }
}

#[cfg(test)]
mod tests {
    use carepost_delivery::EventKind;
    use carepost_delivery::types::DeliveryKey;
    use carepost_kernel::TenantId;

    use super::*;

    #[test]
    fn streams_pages_and_webhooks_show_the_same_fields() {
        let now = Timestamp::UNIX_EPOCH;
        let key =
            DeliveryKey { tenant_id: TenantId::new(now), message_id: MessageId::new(now), channel: Channel::Email };
        let bare = DeliveryEvent::new(key, EventKind::Waiting, 0, now);
        let full = DeliveryEvent {
            state: Some(DeliveryState::Failed),
            reason: Some(WaitReason::Backoff),
            until: Some(now),
            failure_class: Some(FailureClass::Transient),
            code: Some("ses_throttling".to_owned()),
            account_id: Some(ProviderAccountId::new(now)),
            receipt_status: Some(ReceiptStatus::Bounced),
            ..bare.clone()
        };
        for event in [bare, full] {
            let webhook: serde_json::Value =
                serde_json::from_slice(&carepost_delivery::webhook::body(&event)).expect("JSON");
            assert_eq!(serde_json::to_value(EventView::from(&event)).expect("JSON"), webhook["data"]);
        }
    }
}
