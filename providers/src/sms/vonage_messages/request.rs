//! What goes to Vonage's Messages API, and what its answer holds.

use carepost_kernel::{Failure, FailureClass};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::config::VonageMessagesSettings;
use crate::contract::{ConfigError, Outbound};
use crate::{http, sms};

/// `ttl` in seconds, for text and for pictures.
const SMS_VALIDITY: (i64, i64) = (20, 604_800);
const MMS_VALIDITY: (i64, i64) = (300, 259_200);

/// Where messages are sent.
pub(super) fn send_url(base: Option<&Url>) -> Result<Url, ConfigError> {
    let base = base.map_or("https://api.nexmo.com", Url::as_str).trim_end_matches('/');
    Url::parse(&format!("{base}/v1/messages"))
        .map_err(|_| http::bad_field("/base_url", "cannot be extended by the vendor's path"))
}

/// The body of a send.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    #[serde(flatten)]
    kind: Kind<'a>,
    to: &'a str,
    from: &'a str,
    client_ref: String,
    webhook_url: &'a str,
    webhook_version: &'static str,
    ttl: i64,
}

#[derive(Serialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
enum Kind<'a> {
    Sms { message_type: &'static str, text: &'a str, sms: SmsOptions },
    Mms { message_type: &'static str, image: Image<'a> },
}

#[derive(Serialize)]
struct SmsOptions {
    encoding_type: &'static str,
}

#[derive(Serialize)]
struct Image<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    caption: &'a str,
}

/// Makes the body of a send.
pub(super) fn body<'a>(
    settings: &'a VonageMessagesSettings,
    webhook_url: &'a Url,
    outbound: &'a Outbound,
    now: Timestamp,
) -> Result<Body<'a>, Failure> {
    let permanent = |code: &str| Failure::new(FailureClass::Permanent, code);
    let content = sms::content(outbound).ok_or_else(|| permanent("vonage_messages_not_sms"))?;
    let (kind, bounds) = match content.media_urls.as_slice() {
        [] => {
            let sms = SmsOptions { encoding_type: "auto" };
            (Kind::Sms { message_type: "text", text: &content.text, sms }, SMS_VALIDITY)
        }
        [url] => {
            let image = Image { url, caption: &content.text };
            (Kind::Mms { message_type: "image", image }, MMS_VALIDITY)
        }
        _ => return Err(permanent("vonage_messages_too_many_media")),
    };
    Ok(Body {
        kind,
        to: outbound.to.expose().trim_start_matches('+'),
        from: settings.from.trim_start_matches('+'),
        client_ref: outbound.attempt.to_string(),
        webhook_url: webhook_url.as_str(),
        webhook_version: "v1",
        ttl: sms::validity(now, outbound.expires_at, bounds.0, bounds.1),
    })
}

/// The part of an answer to a send that matters.
#[derive(Deserialize)]
pub(super) struct Accepted {
    pub(super) message_uuid: String,
}
