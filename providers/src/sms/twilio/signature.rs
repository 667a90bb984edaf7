//! `X-Twilio-Signature`: HMAC-SHA-1 over the address and the sorted parameters, as twilio-node computes it.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use crate::contract::{WebhookError, WebhookRequest};

/// Names and values in the order in which they came.
pub(super) type Pairs = Vec<(String, String)>;

/// Checks a webhook and gives back its parameters: those of the form, or of the query for `GET`.
pub(super) fn verify<'a>(
    webhook: &WebhookRequest,
    tokens: impl Iterator<Item = &'a str>,
) -> Result<Pairs, WebhookError> {
    let signature = webhook.header("x-twilio-signature").ok_or(WebhookError::Signature)?;
    let signature = STANDARD.decode(signature).map_err(|_| WebhookError::Signature)?;
    let query = decode(webhook.query().as_bytes());
    let is_form = webhook.method == "POST"
        && webhook.header("content-type").is_none_or(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let (signed, pairs) = if is_form && !has_body_hash(&query) {
        let form = decode(&webhook.body);
        (form.clone(), form)
    } else {
        // The parameters are in the address; a body counts only by the hash that the address carries.
        if !webhook.body.is_empty() && !body_hash_matches(&query, &webhook.body) {
            return Err(WebhookError::Signature);
        }
        (Vec::new(), query)
    };
    let text = concatenate(&signed);
    let addresses = variants(&webhook.url);
    for token in tokens {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
        for address in &addresses {
            if hmac::verify(&key, format!("{address}{text}").as_bytes(), &signature).is_ok() {
                return Ok(pairs);
            }
        }
    }
    Err(WebhookError::Signature)
}

/// The signature of an address with parameters; the simulator signs with it.
pub(crate) fn sign(token: &str, url: &str, params: &[(String, String)]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    STANDARD.encode(hmac::sign(&key, format!("{url}{}", concatenate(params)).as_bytes()))
}

fn decode(form: &[u8]) -> Pairs {
    form_urlencoded::parse(form).into_owned().collect()
}

fn has_body_hash(query: &Pairs) -> bool {
    query.iter().any(|(name, _)| name == "bodySHA256")
}

fn body_hash_matches(query: &Pairs, body: &[u8]) -> bool {
    let wanted = hex::encode(digest::digest(&digest::SHA256, body));
    query.iter().any(|(name, value)| name == "bodySHA256" && *value == wanted)
}

/// Keys in byte order, each with its values, sorted and without repeats.
fn concatenate(params: &[(String, String)]) -> String {
    let mut sorted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in params {
        sorted.entry(name).or_default().insert(value);
    }
    let mut text = String::new();
    for (name, values) in sorted {
        for value in values {
            text.push_str(name);
            text.push_str(value);
        }
    }
    text
}

/// The forms of an address that the vendor may have signed: it is not consistent about default ports, and it
/// signs an apostrophe percent-encoded. Everything else stays byte for byte, user and password included.
fn variants(url: &str) -> Vec<String> {
    let url = url.split('#').next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return vec![url.to_owned()] };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host_from = authority.rfind('@').map_or(0, |at| at + 1);
    // A colon inside the brackets of an IPv6 address is no port's.
    let host_end = match authority[host_from..].rfind(':') {
        Some(colon) if !authority[host_from + colon..].contains(']') => host_from + colon,
        _ => authority.len(),
    };
    let bare = &authority[..host_end];
    let default_port = if scheme == "http" { 80 } else { 443 };
    let mut found = vec![url.to_owned(), format!("{scheme}://{bare}{path}")];
    found.push(format!("{scheme}://{bare}:{default_port}{path}"));
    if url.contains('\'') {
        let encoded: Vec<String> = found.iter().map(|form| form.replace('\'', "%27")).collect();
        found.extend(encoded);
    }
    found
}
