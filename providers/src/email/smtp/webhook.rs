//! What the tenant's mail server posts: a signed raw email, a notice or a message from outside.

use aws_lc_rs::hmac;
use jiff::Timestamp;

use crate::contract::{Received, WebhookError, WebhookRequest};
use crate::email::smtp::config::Account;
use crate::email::smtp::dsn;
use crate::email::{is_fresh, mail};

/// `t=<unix seconds>,v1=<hex>`.
pub(crate) const SIGNATURE_HEADER: &str = "x-carepost-signature";

/// The header for a body that is posted at `seconds`.
pub(crate) fn sign(secret: &str, seconds: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, &signed_bytes(seconds, body));
    format!("t={seconds},v1={}", hex::encode(tag))
}

fn signed_bytes(seconds: i64, body: &[u8]) -> Vec<u8> {
    [seconds.to_string().as_bytes(), b".", body].concat()
}

/// Verifies and reads one email.
///
/// # Errors
/// Why it is not believed, or that it is no email.
pub(super) fn receive(account: &Account, request: &WebhookRequest) -> Result<Received, WebhookError> {
    verify(account, request)?;
    if let Some(receipts) = dsn::read(&request.body) {
        return Ok(Received { receipts, ..Received::default() });
    }
    let message = mail::read(&request.body, None).ok_or(WebhookError::Malformed("not an email"))?;
    Ok(Received { inbound: vec![message], ..Received::default() })
}

fn verify(account: &Account, request: &WebhookRequest) -> Result<(), WebhookError> {
    let secret = account.webhook_secret.as_ref().ok_or(WebhookError::Signature)?;
    let header = request.header(SIGNATURE_HEADER).ok_or(WebhookError::Signature)?;
    let field = |name: &str| header.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let seconds: i64 = field("t").and_then(|text| text.parse().ok()).ok_or(WebhookError::Signature)?;
    let given = field("v1").and_then(|text| hex::decode(text).ok()).ok_or(WebhookError::Signature)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    hmac::verify(&key, &signed_bytes(seconds, &request.body), &given).map_err(|_| WebhookError::Signature)?;
    let is_young = Timestamp::from_second(seconds)
        .is_ok_and(|signed_at| is_fresh(signed_at, request.received_at, account.max_age_seconds));
    if is_young { Ok(()) } else { Err(WebhookError::Stale) }
}
