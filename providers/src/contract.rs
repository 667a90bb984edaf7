//! The one contract of all vendors: send, look up, receive.
//!
//! A provider is one tenant's account at one vendor, ready to use. It holds no queue, no retry and no limit:
//! those belong to the actor in front of it. It never logs a body, an address or a raw request (DEL-9).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use carepost_kernel::{
    AttemptRef, Channel, Cleared, Clock, Content, Failure, Phi, ProviderAccountId, ProviderRef, Reach, ReceiptStatus,
    Secret, SendOutcome, TenantId,
};

/// The vendors that we speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Twilio Programmable Messaging: SMS and MMS.
    Twilio,
    /// Vonage's older SMS API.
    VonageSms,
    /// Vonage Messages API v1.
    VonageMessages,
    /// SendGrid v3.
    Sendgrid,
    /// Amazon SES v2, with receipts by SNS.
    Ses,
    /// Any mail server.
    Smtp,
    /// Our own inbox for recipients.
    InApp,
}

impl Vendor {
    /// All vendors.
    pub const ALL: [Self; 7] =
        [Self::Twilio, Self::VonageSms, Self::VonageMessages, Self::Sendgrid, Self::Ses, Self::Smtp, Self::InApp];

    /// The name on the wire, in webhook paths and in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::VonageSms => "vonage_sms",
            Self::VonageMessages => "vonage_messages",
            Self::Sendgrid => "sendgrid",
            Self::Ses => "ses",
            Self::Smtp => "smtp",
            Self::InApp => "in_app",
        }
    }

    /// The channel that the vendor serves.
    #[must_use]
    pub const fn channel(self) -> Channel {
        match self {
            Self::Twilio | Self::VonageSms | Self::VonageMessages => Channel::Sms,
            Self::Sendgrid | Self::Ses | Self::Smtp => Channel::Email,
            Self::InApp => Channel::InApp,
        }
    }
}

impl std::str::FromStr for Vendor {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::ALL
            .into_iter()
            .find(|vendor| vendor.as_str() == text)
            .ok_or(ConfigError { pointer: "/vendor".to_owned(), problem: "no such vendor" })
    }
}

/// One call to make: what to say, to whom, and the name of the attempt.
pub struct Outbound {
    /// Whose message it is.
    pub tenant_id: TenantId,
    /// Goes to the vendor as its client reference, where it takes one.
    pub attempt: AttemptRef,
    /// E.164 phone number, email address or in-app recipient id.
    pub to: Phi<String>,
    /// What is said.
    pub content: Phi<Content>,
    /// After this instant the vendor need not try any more.
    pub expires_at: Timestamp,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}

/// What a provider finds when it is asked after an attempt whose outcome is unknown (DEL-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUpOutcome {
    /// The vendor has it, under these ids.
    Found {
        /// The provider's own ids.
        provider_refs: Vec<ProviderRef>,
    },
    /// The vendor surely never took it: it may be sent again.
    Absent,
    /// The vendor cannot be asked, or its answer proves nothing.
    CannotTell,
}

/// A webhook request as it came, before anything in it is believed.
#[derive(Clone)]
pub struct WebhookRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// The address as the vendor called it: our public base, path and raw query, percent-encoding untouched.
    pub url: String,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The raw bytes: signatures are over these.
    pub body: Bytes,
    /// When it came.
    pub received_at: Timestamp,
}

impl WebhookRequest {
    /// The first value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The raw query, empty where there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.url.split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or(""))
    }
}

impl fmt::Debug for WebhookRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// One thing that a vendor says of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptEvent {
    /// The provider's own id of the message.
    pub provider_ref: ProviderRef,
    /// Our name of the attempt, where the vendor gives it back.
    pub attempt: Option<AttemptRef>,
    /// What it says.
    pub status: ReceiptStatus,
    /// Why, where it is bad news. Class and code only.
    pub failure: Option<Failure>,
    /// When it happened, by the vendor's clock.
    pub occurred_at: Option<Timestamp>,
    /// Equal for two copies of the same news: id, status, and the vendor's time where it repeats ids.
    pub dedup_key: String,
}

/// A keyword by which somebody opts out, in, or asks for help, where the vendor has recognised it itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptOutKeyword {
    /// Wants no more.
    Stop,
    /// Wants more again.
    Start,
    /// Asks who this is.
    Help,
}

/// A message from outside.
#[derive(Debug, Clone)]
pub struct InboundMessage {
    /// The provider's own id, or a digest of the message where it has none.
    pub provider_ref: ProviderRef,
    /// Who wrote: E.164 with `+`, or an email address.
    pub from: Phi<String>,
    /// Our number or address that it came to.
    pub to: String,
    /// Subject of an email.
    pub subject: Option<Phi<String>>,
    /// The text.
    pub text: Phi<String>,
    /// HTML of an email.
    pub html: Option<Phi<String>>,
    /// Where media lie, or the names of attached files.
    pub media: Vec<Phi<InboundMedia>>,
    /// `Message-ID`s that the email answers to (`In-Reply-To`, `References`).
    pub in_reply_to: Vec<String>,
    /// Where the vendor saw a keyword.
    pub keyword: Option<OptOutKeyword>,
    /// When it was written, by the vendor's clock.
    pub occurred_at: Option<Timestamp>,
}

/// A picture or file of an inbound message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundMedia {
    /// Its media type.
    pub content_type: String,
    /// The vendor's address of it, where it must be fetched.
    pub url: Option<String>,
    /// Its name, where it has one.
    pub filename: Option<String>,
    /// Its bytes in base64, where it came along.
    pub content_base64: Option<String>,
}

/// What a verified webhook held, and how to answer it.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// News of attempts.
    pub receipts: Vec<ReceiptEvent>,
    /// Messages from outside.
    pub inbound: Vec<InboundMessage>,
    /// Content type and body of the answer; an empty 204 where the vendor wants nothing.
    pub reply: Option<(&'static str, &'static str)>,
}

/// Why a webhook is refused. Never holds anything of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The signature is missing, wrong, or made for something else.
    #[error("verify webhook: the signature is missing or wrong")]
    Signature,
    /// Signed, but too long ago, or seen before.
    #[error("verify webhook: the signed time is outside the window")]
    Stale,
    /// Signed, but not in the vendor's format.
    #[error("parse webhook: {0}")]
    Malformed(&'static str),
    /// What is needed to verify it could not be had (a certificate); the vendor should try again.
    #[error("verify webhook: the signer's certificate could not be fetched")]
    Unavailable,
}

/// A vendor account's configuration that does not hold up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("configure provider account: {pointer}: {problem}")]
pub struct ConfigError {
    /// JSON pointer to the field, below `/settings` or `/credentials`.
    pub pointer: String,
    /// What is wrong with it; never the value.
    pub problem: &'static str,
}

/// A tenant's account at a vendor, as configured.
#[derive(Debug, Clone)]
pub struct AccountConfig {
    /// The account.
    pub account_id: ProviderAccountId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Which vendor.
    pub vendor: Vendor,
    /// The vendor's public settings (sender, region, hosts ...): an object, see each vendor's `config.rs`.
    pub settings: serde_json::Value,
    /// The vendor's secrets: a JSON object as text, see each vendor's `config.rs`.
    pub credentials: Secret<String>,
    /// Stands in for an HTTP vendor's own address: simulators, regional hosts, proxies.
    pub base_url: Option<Url>,
    /// Our public address for the vendor's webhooks, with the account's token, without a query.
    pub webhook_url: Url,
    /// How long one call may take, from the first byte sent.
    pub timeout: Duration,
}

/// What all providers of a process share.
#[derive(Clone)]
pub struct Shared {
    /// Pooled HTTP client with TLS by rustls, out of [`crate::network::client`] with the same reach.
    pub http: reqwest::Client,
    /// How far the accounts' addresses may lead.
    pub reach: Reach,
    /// The time.
    pub clock: Clock,
    /// Where in-app messages are put.
    pub in_app: Arc<dyn InAppInbox>,
}

/// The inbox behind the in-app channel: stores, and tells open sessions. Implemented above, handed in by `compose`.
#[async_trait]
pub trait InAppInbox: Send + Sync {
    /// Puts one message into a recipient's inbox; a second put of the same message and channel changes nothing.
    ///
    /// # Errors
    /// Where it could not be stored; it may then be tried again.
    async fn put(&self, item: InAppItem) -> Result<(), InAppUnavailable>;
}

/// One message for an in-app inbox.
#[derive(Debug, Clone)]
pub struct InAppItem {
    /// Whose message it is.
    pub tenant_id: TenantId,
    /// Which attempt puts it.
    pub attempt: AttemptRef,
    /// The recipient's id in the tenant's own words.
    pub recipient: Phi<String>,
    /// What is said.
    pub content: Phi<carepost_kernel::InAppContent>,
}

/// The inbox could not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("put in-app message: the inbox is unavailable")]
pub struct InAppUnavailable;

/// One account at one vendor.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Which vendor this is.
    fn vendor(&self) -> Vendor;

    /// Makes one call. Never retries: a lost answer is [`carepost_kernel::FailureClass::Unknown`] (DEL-5).
    async fn send(&self, cleared: &Cleared<Outbound>) -> SendOutcome;

    /// Asks the vendor after an attempt whose outcome is unknown.
    async fn look_up(&self, _outbound: &Outbound, _attempted_at: Timestamp) -> LookUpOutcome {
        LookUpOutcome::CannotTell
    }

    /// Verifies a webhook over its raw bytes, then parses it.
    ///
    /// # Errors
    /// Where it is not authentic or not in the vendor's format: nothing of it may then be believed.
    async fn receive(&self, _request: &WebhookRequest) -> Result<Received, WebhookError> {
        Err(WebhookError::Signature)
    }
}
