//! Delivery receipts: one for each part of a text.

use carepost_kernel::{ProviderRef, ReceiptStatus};
use jiff::Timestamp;

use super::classify;
use super::signature::Params;
use crate::contract::{ReceiptEvent, Received, WebhookError};
use crate::sms;

/// A parameter that is there and not empty.
pub(super) fn get<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// Reads a receipt.
pub(super) fn parse(params: &Params) -> Result<Received, WebhookError> {
    let id = get(params, "messageId").ok_or(WebhookError::Malformed("no messageId"))?;
    let name = get(params, "status").ok_or(WebhookError::Malformed("no status"))?;
    let status = match name {
        "accepted" => ReceiptStatus::Sent,
        "buffered" => ReceiptStatus::Deferred,
        "delivered" => ReceiptStatus::Delivered,
        "expired" | "failed" | "rejected" | "unknown" => ReceiptStatus::Undelivered,
        _ => return Err(WebhookError::Malformed("unknown status")),
    };
    let err_code = get(params, "err-code").and_then(|code| code.parse().ok());
    let failure = matches!(status, ReceiptStatus::Undelivered).then(|| classify::delivery_failure(name, err_code));
    let receipt = ReceiptEvent {
        provider_ref: ProviderRef::new(id).ok_or(WebhookError::Malformed("no messageId"))?,
        attempt: get(params, "client-ref").and_then(|reference| reference.parse().ok()),
        status,
        failure,
        occurred_at: get(params, "scts").and_then(sms::carrier_time).or_else(|| message_time(params)),
        dedup_key: format!("{id}:{name}"),
    };
    Ok(Received { receipts: vec![receipt], ..Received::default() })
}

/// `message-timestamp`, for example `2026-01-01 12:00:00`, in UTC.
pub(super) fn message_time(params: &Params) -> Option<Timestamp> {
    let civil: jiff::civil::DateTime = get(params, "message-timestamp")?.parse().ok()?;
    jiff::tz::Offset::UTC.to_timestamp(civil).ok()
}
