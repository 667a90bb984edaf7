//! `X-Twilio-Signature`: HMAC-SHA-1 over the address and the sorted parameters, as twilio-node computes it.

use aws_lc_rs::{constant_time, digest, hmac};
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
    let (text, pairs) = if is_form && !has_body_hash(&query) {
        let form = decode(&webhook.body);
        (concatenate(&form), form)
    } else {
        // The parameters are in the address; a body counts only by the hash that the address carries.
        if !webhook.body.is_empty() && !body_hash_matches(&query, &webhook.body) {
            return Err(WebhookError::Signature);
        }
        (String::new(), query)
    };
    let keys: Vec<hmac::Key> = tokens.map(key_of).collect();
    let is_signed = |address: &str| {
        let fits = |key| constant_time::verify_slices_are_equal(tag(key, address, &text).as_ref(), &signature).is_ok();
        keys.iter().any(fits)
    };
    // Mostly the address is signed as we know it.
    if is_signed(address(&webhook.url)) || variants(&webhook.url).iter().any(|variant| is_signed(variant)) {
        return Ok(pairs);
    }
    Err(WebhookError::Signature)
}

fn key_of(token: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes())
}

fn tag(key: &hmac::Key, address: &str, text: &str) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(address.as_bytes());
    context.update(text.as_bytes());
    context.sign()
}

/// The signature of an address with parameters; the simulator signs with it.
pub(crate) fn sign(token: &str, url: &str, params: &[(String, String)]) -> String {
    STANDARD.encode(tag(&key_of(token), url, &concatenate(params)))
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
    let mut sorted: Vec<&(String, String)> = params.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.into_iter().flat_map(|(name, value)| [name.as_str(), value]).collect()
}

/// Without what never leaves a browser.
fn address(url: &str) -> &str {
    url.split('#').next().unwrap_or(url)
}

/// Further forms of an address that the vendor may have signed: it is not consistent about default ports, and it
/// signs an apostrophe percent-encoded. Everything else stays byte for byte, user and password included.
fn variants(url: &str) -> Vec<String> {
    let url = address(url);
    let Some((scheme, rest)) = url.split_once("://") else { return Vec::new() };
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
    let mut found = vec![format!("{scheme}://{bare}{path}"), format!("{scheme}://{bare}:{default_port}{path}")];
    if url.contains('\'') {
        let forms = found.iter().map(String::as_str).chain([url]);
        let encoded: Vec<String> = forms.map(|form| form.replace('\'', "%27")).collect();
        found.extend(encoded);
    }
    found
}
