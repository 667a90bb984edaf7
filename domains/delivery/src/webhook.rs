//! Outbound webhooks by the Standard Webhooks scheme (standardwebhooks.com, specification 1.0): what is said, how it is
//! signed, who wants it, and when it is tried again.
//!
//! Delivery is in order and at least once: `webhook-id` is the event's id, so that a receiver can tell copies.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use zeroize::Zeroizing;

use carepost_kernel::{RetryPolicy, Secret};

use crate::events::{EventView, type_name};
use crate::types::DeliveryEvent;

/// The body of one webhook.
#[derive(Debug, Serialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: Timestamp,
    data: &'a EventView<'a>,
}

/// The body that tells of an event: `{"type", "timestamp", "data"}`, the data as in the stream of events.
#[must_use]
pub fn body(event: &DeliveryEvent) -> Vec<u8> {
    let view = EventView::from(event);
    let envelope = Envelope { kind: &view.kind, timestamp: event.at, data: &view };
    serde_json::to_vec(&envelope).expect("a view is strings, numbers and names: nothing in it can fail to serialize")
}

/// A secret that is not `whsec_` and base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sign webhook: the secret is not of the form whsec_base64")]
pub struct SecretForm;

/// The header `webhook-signature`: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
///
/// # Errors
/// Where the secret has another form.
pub fn sign(secret: &Secret<String>, id: &str, timestamp_s: i64, body: &[u8]) -> Result<String, SecretForm> {
    let encoded = secret.expose().strip_prefix("whsec_").ok_or(SecretForm)?;
    let key = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| SecretForm)?);
    if key.is_empty() {
        return Err(SecretForm);
    }
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
    context.update(format!("{id}.{timestamp_s}.").as_bytes());
    context.update(body);
    Ok(format!("v1,{}", STANDARD.encode(context.sign())))
}

/// Whether an endpoint wants to hear of an event; an empty list wants everything.
#[must_use]
pub fn wants(event_types: &[String], event: &DeliveryEvent) -> bool {
    event_types.is_empty() || event_types.contains(&type_name(event))
}

/// The waits between tries: from one second, doubled up to one hour, without an end.
const RETRY: RetryPolicy = RetryPolicy {
    initial: Duration::from_secs(1),
    multiplier: 2.0,
    cap: Duration::from_secs(3_600),
    max_failures: u16::MAX,
};
/// Failures after which the waits have reached their longest.
const MANY: u32 = 13;
/// An event that could not be told for so long makes its endpoint a failing one.
const FAILING_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);

/// The wait after `failures` failed tries in a row; `jitter` in `[0, 1)` is drawn by the caller.
#[must_use]
pub fn wait_after(failures: u32, jitter: f64) -> Duration {
    let failures = u16::try_from(failures).unwrap_or(u16::MAX).clamp(1, u16::MAX - 1);
    RETRY.delay(failures, jitter).unwrap_or(RETRY.cap)
}

/// Whether an endpoint counts as failing: it was tried often, and the event that it should take is five days old.
#[must_use]
pub fn is_failing(failures: u32, waiting_since: Timestamp, now: Timestamp) -> bool {
    failures >= MANY && now.duration_since(waiting_since) >= FAILING_AFTER
}

/// What an endpoint's answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It took the event.
    Taken,
    /// It wants no more: 410 (Standard Webhooks: the endpoint shall be disabled).
    Gone,
    /// It shall be tried again.
    Refused,
}

/// What a status code means. Redirects are not followed, so they are refusals.
#[must_use]
pub const fn answer(status: u16) -> Answer {
    match status {
        200..300 => Answer::Taken,
        410 => Answer::Gone,
        _ => Answer::Refused,
    }
}

#[cfg(test)]
mod tests;
