//! What goes to Twilio, and what its answers to sends and lists hold.

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use url::Url;

use super::config::TwilioSettings;
use crate::contract::{ConfigError, Outbound};
use crate::{http, sms};

/// Messages of one list request; more newer ones than this for one recipient, and the list proves nothing.
const PAGE_SIZE: usize = 200;
/// The vendor's clock may be behind ours by this much.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);
/// `ValidityPeriod` in seconds.
const VALIDITY: (i64, i64) = (1, 36_000);

/// Where messages are created and listed.
pub(super) fn messages_url(base: Option<&Url>, account_sid: &str) -> Result<Url, ConfigError> {
    let base = base.map_or("https://api.twilio.com", Url::as_str).trim_end_matches('/');
    Url::parse(&format!("{base}/2010-04-01/Accounts/{account_sid}/Messages.json"))
        .map_err(|_| http::bad_field("/base_url", "cannot be extended by the vendor's path"))
}

/// The form of a send; `None` where the content is no text message.
pub(super) fn form(
    settings: &TwilioSettings,
    webhook_url: &Url,
    outbound: &Outbound,
    now: Timestamp,
) -> Option<Vec<(&'static str, String)>> {
    let content = sms::content(outbound)?;
    let mut form = vec![("To", outbound.to.expose().clone())];
    if let Some(from) = &settings.from {
        form.push(("From", from.clone()));
    }
    if let Some(service) = &settings.messaging_service_sid {
        form.push(("MessagingServiceSid", service.clone()));
    }
    if !content.text.is_empty() {
        form.push(("Body", content.text.clone()));
    }
    form.extend(content.media_urls.iter().map(|media| ("MediaUrl", media.clone())));
    form.push(("StatusCallback", format!("{webhook_url}?ref={}", outbound.attempt)));
    let validity = sms::validity(now, outbound.expires_at, VALIDITY.0, VALIDITY.1);
    form.push(("ValidityPeriod", validity.to_string()));
    Some(form)
}

/// The part of an answer to a send that matters.
#[derive(Deserialize)]
pub(super) struct Created {
    pub(super) sid: String,
}

/// The query of a list. No date filter: it works on `DateSent`, which a message that still waits has not.
pub(super) fn list_query(outbound: &Outbound) -> Option<Vec<(&'static str, String)>> {
    sms::content(outbound)?;
    Some(vec![("To", outbound.to.expose().clone()), ("PageSize", PAGE_SIZE.to_string())])
}

/// One page of a list, newest first.
#[derive(Deserialize)]
pub(super) struct Listed {
    messages: Vec<ListedMessage>,
}

#[derive(Deserialize)]
struct ListedMessage {
    sid: String,
    body: Option<String>,
    from: Option<String>,
    messaging_service_sid: Option<String>,
    num_media: Option<String>,
    direction: Option<String>,
    date_created: String,
}

impl ListedMessage {
    fn created_at(&self) -> Option<Timestamp> {
        rfc2822::DateTimeParser::new().parse_timestamp(&self.date_created).ok()
    }

    fn is_since(&self, attempted_at: Timestamp) -> bool {
        // A time that cannot be read might be any time.
        self.created_at().is_none_or(|created| created.duration_since(attempted_at) >= -CLOCK_SKEW)
    }

    fn is(&self, settings: &TwilioSettings, outbound: &Outbound) -> bool {
        let Some(content) = sms::content(outbound) else { return false };
        let same_sender = match (&settings.from, &settings.messaging_service_sid) {
            (Some(from), _) => self.from.as_ref() == Some(from),
            (None, service) => self.messaging_service_sid.as_ref() == service.as_ref(),
        };
        let media: usize = self.num_media.as_deref().and_then(|count| count.parse().ok()).unwrap_or(0);
        let inbound = self.direction.as_deref() == Some("inbound");
        let same_content = self.body.as_deref().unwrap_or("") == content.text && media == content.media_urls.len();
        !inbound && same_sender && same_content
    }
}

impl Listed {
    /// Whether the page reaches back to the attempt: only then does absence from it prove anything.
    pub(super) fn is_whole_since(&self, attempted_at: Timestamp) -> bool {
        self.messages.len() < PAGE_SIZE || self.messages.iter().any(|message| !message.is_since(attempted_at))
    }
}

/// The message of this attempt in the list: the same sender and content, not older than the attempt; the oldest
/// such one, since a later one may be of a later attempt.
pub(super) fn find(
    listed: &Listed,
    settings: &TwilioSettings,
    outbound: &Outbound,
    attempted_at: Timestamp,
) -> Option<String> {
    listed
        .messages
        .iter()
        .rev()
        .find(|message| message.is_since(attempted_at) && message.is(settings, outbound))
        .map(|message| message.sid.clone())
}
