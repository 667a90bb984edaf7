//! The Event Webhook: ECDSA over timestamp and raw body, then a batch of events.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::{AttemptRef, Failure, FailureClass, ProviderRef, ReceiptStatus};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::contract::{ReceiptEvent, WebhookError, WebhookRequest};
use crate::email::sendgrid::config::Account;
use crate::email::{EnhancedCode, REF_FIELD, is_fresh, snake};

/// Base64 of a DER signature.
pub(super) const SIGNATURE_HEADER: &str = "x-twilio-email-event-webhook-signature";
/// Seconds since 1970, part of what is signed.
pub(super) const TIMESTAMP_HEADER: &str = "x-twilio-email-event-webhook-timestamp";

/// Checks signature and window.
///
/// # Errors
/// [`WebhookError::Signature`] where it is missing or wrong, [`WebhookError::Stale`] where it is outside the window.
pub(super) fn verify(account: &Account, request: &WebhookRequest) -> Result<(), WebhookError> {
    let spki = account.webhook_public_key.as_deref().ok_or(WebhookError::Signature)?;
    let timestamp = request.header(TIMESTAMP_HEADER).ok_or(WebhookError::Signature)?;
    let signature =
        request.header(SIGNATURE_HEADER).and_then(|text| STANDARD.decode(text).ok()).ok_or(WebhookError::Signature)?;
    let signed = [timestamp.as_bytes(), &request.body].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, spki)
        .verify(&signed, &signature)
        .map_err(|_| WebhookError::Signature)?;
    let signed_at = timestamp.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    match signed_at {
        Some(signed_at) if is_fresh(signed_at, request.received_at, account.max_age_seconds) => Ok(()),
        _ => Err(WebhookError::Stale),
    }
}

/// An event; everything is optional, since SendGrid adds and leaves out fields freely.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    event: String,
    #[serde(default)]
    sg_message_id: String,
    #[serde(default)]
    timestamp: Option<i64>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default, rename = "carepost_ref")]
    attempt: Option<String>,
}

const _: () = assert!(REF_FIELD.len() == "carepost_ref".len(), "the name of the field in `Event`");

/// Reads a batch. Events that are not of a message, or not understood, are left out: one of them must not cost the
/// batch.
///
/// # Errors
/// Where the body is no JSON array.
pub(super) fn parse(body: &[u8]) -> Result<Vec<ReceiptEvent>, WebhookError> {
    let batch: Vec<Value> =
        serde_json::from_slice(body).map_err(|_| WebhookError::Malformed("not an array of events"))?;
    Ok(batch.into_iter().filter_map(|event| serde_json::from_value(event).ok()).filter_map(receipt).collect())
}

fn receipt(event: Event) -> Option<ReceiptEvent> {
    let (status, failure) = meaning(&event)?;
    let attempt: Option<AttemptRef> = event.attempt.as_deref().and_then(|text| text.parse().ok());
    // `<X-Message-Id>.<filter>...`: the part before the first dot is the id that Mail Send answered.
    let message_id = event.sg_message_id.split('.').next().unwrap_or("");
    let provider_ref = match (message_id, attempt) {
        ("", None) => return None,
        ("", Some(attempt)) => attempt.into(),
        (id, _) => ProviderRef::new(id)?,
    };
    // `sg_event_id` may change from try to try, so that it does not name the news.
    let known_as = if event.sg_message_id.is_empty() { provider_ref.as_str() } else { &event.sg_message_id };
    let dedup_key = format!("{known_as}:{}:{}", event.event, event.timestamp.unwrap_or_default());
    let occurred_at = event.timestamp.and_then(|seconds| Timestamp::from_second(seconds).ok());
    Some(ReceiptEvent { provider_ref, attempt, status, failure, occurred_at, dedup_key })
}

/// The one table of events.
fn meaning(event: &Event) -> Option<(ReceiptStatus, Option<Failure>)> {
    let code = |what: &str| match event.status.as_deref().and_then(EnhancedCode::parse) {
        Some(found) => format!("sendgrid_{what}_{}", found.underscored()),
        None => format!("sendgrid_{what}"),
    };
    let bad = |status, class, code: String| Some((status, Some(Failure::new(class, code))));
    match event.event.as_str() {
        "processed" => Some((ReceiptStatus::Accepted, None)),
        "deferred" => bad(ReceiptStatus::Deferred, FailureClass::Transient, code("deferred")),
        "delivered" => Some((ReceiptStatus::Delivered, None)),
        // Blocked is the receiving server's policy of the day; the address itself is good and not suppressed.
        "bounce" if event.kind.as_deref() == Some("blocked") => {
            bad(ReceiptStatus::Undelivered, FailureClass::Transient, code("blocked"))
        }
        "bounce" => bad(ReceiptStatus::Bounced, FailureClass::Permanent, code("bounce")),
        "dropped" => {
            let (class, code) = dropped(event.reason.as_deref().unwrap_or(""));
            bad(ReceiptStatus::Undelivered, class, code)
        }
        "open" => Some((ReceiptStatus::Opened, None)),
        "click" => Some((ReceiptStatus::Clicked, None)),
        "spamreport" => bad(ReceiptStatus::Complained, FailureClass::Suppressed, "sendgrid_spamreport".to_owned()),
        "unsubscribe" | "group_unsubscribe" => {
            let code = format!("sendgrid_{}", event.event);
            bad(ReceiptStatus::Unsubscribed, FailureClass::Suppressed, code)
        }
        "group_resubscribe" => Some((ReceiptStatus::Resubscribed, None)),
        _ => None,
    }
}

/// Why SendGrid never sent it: the reason's first words, as SendGrid documents them.
fn dropped(reason: &str) -> (FailureClass, String) {
    const REASONS: [(&str, FailureClass); 10] = [
        ("bounced address", FailureClass::Suppressed),
        ("unsubscribed address", FailureClass::Suppressed),
        ("spam reporting address", FailureClass::Suppressed),
        ("invalid smtpapi header", FailureClass::Permanent),
        ("invalid", FailureClass::Suppressed),
        ("spam content", FailureClass::Permanent),
        ("recipient list over package quota", FailureClass::ConfigFault),
        ("recipient list exceeds package quota", FailureClass::ConfigFault),
        ("mail was blocked", FailureClass::Transient),
        ("group unsubscribe", FailureClass::Suppressed),
    ];
    let reason = reason.to_ascii_lowercase();
    match REASONS.into_iter().find(|(known, _)| reason.starts_with(known)) {
        Some((known, class)) => (class, format!("sendgrid_dropped_{}", snake(known))),
        None => (FailureClass::Permanent, "sendgrid_dropped".to_owned()),
    }
}

#[cfg(test)]
#[path = "receipts_tests.rs"]
mod tests;
