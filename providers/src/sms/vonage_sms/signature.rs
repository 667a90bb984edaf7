//! The `sig` parameter: a keyed hash over the sorted parameters, in five flavours.

use std::collections::BTreeMap;

use aws_lc_rs::{constant_time, hmac};
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use serde_json::Value;
use url::form_urlencoded;

use super::config::SignatureMethod;
use crate::contract::{WebhookError, WebhookRequest};
use crate::sms;

/// Parameters by name. A repeated name keeps its last value, as the vendor's own libraries do.
pub(crate) type Params = BTreeMap<String, String>;

/// The parameters of a webhook: of the query for `GET`, of a form or a flat JSON object for `POST`.
pub(super) fn params(webhook: &WebhookRequest) -> Result<Params, WebhookError> {
    if webhook.method == "GET" {
        return Ok(form_urlencoded::parse(webhook.query().as_bytes()).into_owned().collect());
    }
    if !webhook.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return Ok(form_urlencoded::parse(&webhook.body).into_owned().collect());
    }
    let object: BTreeMap<String, Value> = serde_json::from_slice(&webhook.body).map_err(|_| WebhookError::Signature)?;
    let text = |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(object.into_iter().map(|(name, value)| (name, text(value))).collect())
}

/// Checks signature and age. Without a secret nothing passes.
pub(super) fn verify<'a>(
    params: &Params,
    method: SignatureMethod,
    secrets: impl Iterator<Item = &'a str>,
    received_at: Timestamp,
) -> Result<(), WebhookError> {
    let given = params.get("sig").and_then(|sig| hex::decode(sig).ok()).ok_or(WebhookError::Signature)?;
    let text = canonical(params);
    let matches = |secret: &str| constant_time::verify_slices_are_equal(&hash(method, secret, &text), &given).is_ok();
    if !secrets.into_iter().any(matches) {
        return Err(WebhookError::Signature);
    }
    let signed_at = params.get("timestamp").and_then(|seconds| seconds.parse().ok()).ok_or(WebhookError::Signature)?;
    if sms::is_fresh(signed_at, received_at) { Ok(()) } else { Err(WebhookError::Stale) }
}

/// The signature in lower-case hexadecimal digits; `sig` itself is left out.
pub(crate) fn sign(method: SignatureMethod, secret: &str, params: &Params) -> String {
    hex::encode(hash(method, secret, &canonical(params)))
}

/// `&name=value` for each parameter in order of names, with `&` and `=` inside values as `_`.
fn canonical(params: &Params) -> String {
    let mut text = String::new();
    for (name, value) in params.iter().filter(|(name, _)| *name != "sig") {
        text.push('&');
        text.push_str(name);
        text.push('=');
        text.push_str(&value.replace(['&', '='], "_"));
    }
    text
}

fn hash(method: SignatureMethod, secret: &str, text: &str) -> Vec<u8> {
    let algorithm = match method {
        SignatureMethod::Md5Hash => return Md5::digest(format!("{text}{secret}")).to_vec(),
        SignatureMethod::Md5 => return hmac_md5(secret.as_bytes(), text.as_bytes()),
        SignatureMethod::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        SignatureMethod::Sha256 => hmac::HMAC_SHA256,
        SignatureMethod::Sha512 => hmac::HMAC_SHA512,
    };
    hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), text.as_bytes()).as_ref().to_vec()
}

/// RFC 2104 over MD5, which aws-lc-rs does not offer.
fn hmac_md5(key: &[u8], text: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..16].copy_from_slice(&Md5::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Md5::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    Md5::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().to_vec()
}
