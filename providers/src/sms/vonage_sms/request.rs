//! What goes to Vonage's SMS API, and what its answer holds.

use carepost_kernel::segments::{self, Encoding};
use carepost_kernel::{Failure, FailureClass, ProviderRef, SendOutcome};
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use super::config::{VonageSmsCredentials, VonageSmsSettings};
use super::{classify, signature};
use crate::contract::{ConfigError, Outbound};
use crate::{http, sms};

/// `ttl` in seconds; the vendor counts milliseconds.
const VALIDITY: (i64, i64) = (20, 604_800);

pub(super) type Form = Vec<(&'static str, String)>;

/// Where messages are sent.
pub(super) fn send_url(base: Option<&Url>) -> Result<Url, ConfigError> {
    let base = base.map_or("https://rest.nexmo.com", Url::as_str).trim_end_matches('/');
    Url::parse(&format!("{base}/sms/json"))
        .map_err(|_| http::bad_field("/base_url", "cannot be extended by the vendor's path"))
}

/// The form of a send, without what proves who sends it.
pub(super) fn form(
    settings: &VonageSmsSettings,
    webhook_url: &Url,
    outbound: &Outbound,
    now: Timestamp,
) -> Result<Form, Failure> {
    let permanent = |code: &str| Failure::new(FailureClass::Permanent, code);
    let content = sms::content(outbound).ok_or_else(|| permanent("vonage_sms_not_sms"))?;
    if !content.media_urls.is_empty() {
        return Err(permanent("vonage_sms_no_media"));
    }
    let kind = match segments::count(&content.text).encoding {
        Encoding::Gsm7 => "text",
        Encoding::Ucs2 => "unicode",
    };
    let ttl_ms = sms::validity(now, outbound.expires_at, VALIDITY.0, VALIDITY.1) * 1000;
    Ok(vec![
        ("api_key", settings.api_key.clone()),
        ("from", settings.from.trim_start_matches('+').to_owned()),
        ("to", outbound.to.expose().trim_start_matches('+').to_owned()),
        ("text", content.text.clone()),
        ("type", kind.to_owned()),
        ("ttl", ttl_ms.to_string()),
        ("status-report-req", "true".to_owned()),
        ("callback", webhook_url.to_string()),
        ("client-ref", sms::compact_ref(outbound.attempt)),
    ])
}

/// Adds the secret or a signature; never both, which the vendor refuses.
pub(super) fn authenticate(
    form: &mut Form,
    settings: &VonageSmsSettings,
    credentials: &VonageSmsCredentials,
    now: Timestamp,
) {
    if let (true, Some(secret)) = (settings.sign_requests, &credentials.signature_secret) {
        form.push(("timestamp", now.as_second().to_string()));
        let params = form.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        form.push(("sig", signature::sign(settings.signature_method, secret.expose(), &params)));
    } else if let Some(secret) = &credentials.api_secret {
        form.push(("api_secret", secret.expose().clone()));
    }
}

/// An answer: one entry for each part of the text.
#[derive(Deserialize)]
pub(super) struct Sent {
    messages: Vec<SentPart>,
}

#[derive(Deserialize)]
struct SentPart {
    status: String,
    #[serde(rename = "message-id")]
    message_id: Option<String>,
}

impl Sent {
    /// Accepted where at least one part was: sending all again would repeat that one.
    pub(super) fn outcome(self) -> Result<SendOutcome, Failure> {
        let mut provider_refs = Vec::with_capacity(self.messages.len());
        let mut refused = None;
        for part in self.messages {
            match (part.status.as_str(), part.message_id) {
                ("0", Some(id)) => provider_refs.extend(ProviderRef::new(id)),
                ("0", None) => return Err(Failure::new(FailureClass::Unknown, "vonage_sms_answer_unreadable")),
                (status, _) => refused = refused.or_else(|| Some(classify::refusal(status))),
            }
        }
        match refused {
            Some(failure) if provider_refs.is_empty() => Err(failure),
            None if provider_refs.is_empty() => {
                Err(Failure::new(FailureClass::Unknown, "vonage_sms_answer_unreadable"))
            }
            partly => {
                if let Some(failure) = partly {
                    tracing::warn!(provider.name = super::NAME, failure.code, "some parts of a text were refused");
                }
                Ok(SendOutcome::Accepted { provider_refs, delivered: false })
            }
        }
    }
}
