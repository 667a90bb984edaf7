//! Twilio Programmable Messaging (API 2010-04-01): SMS and MMS.

mod classify;
mod config;
mod inbound;
mod receipts;
mod request;
pub(crate) mod signature;

#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use carepost_kernel::{Cleared, Clock, Failure, FailureClass, ProviderRef, SendOutcome};
use jiff::{SignedDuration, Timestamp};
use url::Url;
use url::form_urlencoded;

pub use self::config::{TwilioCredentials, TwilioSettings};
use self::request::{Created, Listed};
use crate::contract::{
    AccountConfig, ConfigError, LookUpOutcome, Outbound, Provider, Received, Shared, Vendor, WebhookError,
    WebhookRequest,
};
use crate::http;

const NAME: &str = Vendor::Twilio.as_str();

/// Sooner after an attempt the vendor's list may not show it yet: its absence proves nothing.
const LIST_LAG: SignedDuration = SignedDuration::from_secs(30);

/// One account at Twilio.
pub struct Twilio {
    settings: TwilioSettings,
    credentials: TwilioCredentials,
    messages_url: Url,
    webhook_url: Url,
    timeout: Duration,
    http: reqwest::Client,
    clock: Clock,
}

impl Twilio {
    /// Reads the account.
    ///
    /// # Errors
    /// The first field that does not hold up.
    pub fn new(config: &AccountConfig, shared: &Shared) -> Result<Self, ConfigError> {
        let (settings, credentials) = config::read(config)?;
        Ok(Self {
            messages_url: request::messages_url(config.base_url.as_ref(), &settings.account_sid)?,
            settings,
            credentials,
            webhook_url: config.webhook_url.clone(),
            timeout: config.timeout,
            http: shared.http.clone(),
            clock: shared.clock.clone(),
        })
    }

    fn authenticated(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let (user, password) = self.credentials.basic(&self.settings.account_sid);
        request.basic_auth(user, Some(password)).timeout(self.timeout)
    }

    async fn try_send(&self, outbound: &Outbound) -> Result<SendOutcome, Failure> {
        let form = request::form(&self.settings, &self.webhook_url, outbound, self.clock.now())
            .ok_or_else(|| Failure::new(FailureClass::Permanent, "twilio_not_sms"))?;
        let call = self.authenticated(self.http.post(self.messages_url.clone())).form(&form);
        let answer = http::call(NAME, call).await?;
        if !answer.is_success() {
            return Err(classify::refusal(&answer));
        }
        // A success that cannot be read may stand for a message on its way (DEL-5).
        let created: Created =
            answer.json().ok_or_else(|| Failure::new(FailureClass::Unknown, "twilio_answer_unreadable"))?;
        Ok(SendOutcome::Accepted {
            provider_refs: ProviderRef::new(created.sid).into_iter().collect(),
            delivered: false,
        })
    }
}

#[async_trait]
impl Provider for Twilio {
    fn vendor(&self) -> Vendor {
        Vendor::Twilio
    }

    async fn send(&self, cleared: &Cleared<Outbound>) -> SendOutcome {
        self.try_send(cleared.get()).await.unwrap_or_else(SendOutcome::Failed)
    }

    async fn look_up(&self, outbound: &Outbound, attempted_at: Timestamp) -> LookUpOutcome {
        let Some(query) = request::list_query(outbound) else { return LookUpOutcome::CannotTell };
        let call = self.authenticated(self.http.get(self.messages_url.clone())).query(&query);
        let listed: Option<Listed> = match http::call(NAME, call).await {
            Ok(answer) if answer.is_success() => answer.json(),
            _ => None,
        };
        let Some(listed) = listed else { return LookUpOutcome::CannotTell };
        if let Some(sid) = request::find(&listed, &self.settings, outbound, attempted_at) {
            return LookUpOutcome::Found { provider_refs: ProviderRef::new(sid).into_iter().collect() };
        }
        let is_settled = self.clock.now().duration_since(attempted_at) > LIST_LAG;
        if is_settled && listed.is_whole_since(attempted_at) {
            LookUpOutcome::Absent
        } else {
            LookUpOutcome::CannotTell
        }
    }

    async fn receive(&self, webhook: &WebhookRequest) -> Result<Received, WebhookError> {
        let pairs = signature::verify(webhook, self.credentials.signing_tokens())?;
        let attempt = form_urlencoded::parse(webhook.query().as_bytes())
            .find(|(name, _)| name == "ref")
            .and_then(|(_, value)| value.parse().ok());
        let fields = receipts::Fields::new(&pairs);
        if inbound::is_inbound(&fields) { inbound::parse(&fields) } else { receipts::parse(&fields, attempt) }
    }
}
