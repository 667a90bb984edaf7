//! Status webhooks; what has no status is a message from outside.

use carepost_kernel::{ProviderRef, ReceiptStatus};
use jiff::Timestamp;
use serde::Deserialize;

use super::classify::{self, Problem};
use super::inbound::{self, InboundBody};
use crate::contract::{ReceiptEvent, Received, WebhookError};

#[derive(Deserialize)]
#[serde(untagged)]
enum Webhook {
    Status(StatusBody),
    Inbound(Box<InboundBody>),
}

#[derive(Deserialize)]
struct StatusBody {
    message_uuid: String,
    status: String,
    timestamp: Option<String>,
    client_ref: Option<String>,
    error: Option<Problem>,
}

/// Reads a verified webhook.
pub(super) fn parse(body: &[u8]) -> Result<Received, WebhookError> {
    match serde_json::from_slice(body).map_err(|_| WebhookError::Malformed("neither a status nor a message"))? {
        Webhook::Status(status) => receipt(&status),
        Webhook::Inbound(message) => inbound::received(*message),
    }
}

fn receipt(body: &StatusBody) -> Result<Received, WebhookError> {
    let StatusBody { message_uuid, status: name, timestamp, client_ref, error } = body;
    let problem = error.as_ref();
    let already_sent = problem.and_then(Problem::code) == Some(classify::ALREADY_SENT);
    let (status, failure) = match name.as_str() {
        "submitted" => (ReceiptStatus::Sent, None),
        "delivered" => (ReceiptStatus::Delivered, None),
        "read" => (ReceiptStatus::Read, None),
        "rejected" if already_sent => (ReceiptStatus::Accepted, None),
        "rejected" | "undeliverable" => (ReceiptStatus::Undelivered, Some(classify::delivery_failure(name, problem))),
        _ => return Err(WebhookError::Malformed("unknown status")),
    };
    let receipt = ReceiptEvent {
        provider_ref: ProviderRef::new(message_uuid.as_str()).ok_or(WebhookError::Malformed("no message_uuid"))?,
        attempt: client_ref.as_deref().and_then(|reference| reference.parse().ok()),
        status,
        failure,
        occurred_at: timestamp.as_deref().and_then(time),
        dedup_key: format!("{message_uuid}:{name}"),
    };
    Ok(Received { receipts: vec![receipt], ..Received::default() })
}

/// RFC 3339; older webhooks of the vendor have no zone and mean UTC.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| jiff::tz::Offset::UTC.to_timestamp(text.parse().ok()?).ok())
}
