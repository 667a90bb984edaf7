//! Vonage Messages API v1: SMS, and MMS with one picture.

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
use url::Url;

pub use self::config::{VonageMessagesCredentials, VonageMessagesSettings};
use self::request::Accepted;
use self::signature::CallAuth;
use crate::contract::{
    AccountConfig, ConfigError, Outbound, Provider, Received, Shared, Vendor, WebhookError, WebhookRequest,
};
use crate::http;

const NAME: &str = Vendor::VonageMessages.as_str();

/// One account or application at Vonage's Messages API.
pub struct VonageMessages {
    settings: VonageMessagesSettings,
    credentials: VonageMessagesCredentials,
    auth: CallAuth,
    send_url: Url,
    webhook_url: Url,
    timeout: Duration,
    http: reqwest::Client,
    clock: Clock,
}

impl VonageMessages {
    /// Reads the account.
    ///
    /// # Errors
    /// The first field that does not hold up.
    pub fn new(config: &AccountConfig, shared: &Shared) -> Result<Self, ConfigError> {
        let (settings, credentials) = config::read(config)?;
        Ok(Self {
            send_url: request::send_url(config.base_url.as_ref())?,
            auth: CallAuth::new(&settings, &credentials)?,
            settings,
            credentials,
            webhook_url: config.webhook_url.clone(),
            timeout: config.timeout,
            http: shared.http.clone(),
            clock: shared.clock.clone(),
        })
    }

    async fn try_send(&self, outbound: &Outbound) -> Result<SendOutcome, Failure> {
        let now = self.clock.now();
        let body = request::body(&self.settings, &self.webhook_url, outbound, now)?;
        let call = self.http.post(self.send_url.clone()).timeout(self.timeout).json(&body);
        let answer = http::call(NAME, self.auth.apply(call, now)?).await?;
        if !answer.is_success() {
            return classify::refusal(&answer);
        }
        // A success that cannot be read may stand for a message on its way (DEL-5).
        let accepted: Accepted =
            answer.json().ok_or_else(|| Failure::new(FailureClass::Unknown, "vonage_messages_answer_unreadable"))?;
        Ok(SendOutcome::Accepted {
            provider_refs: ProviderRef::new(accepted.message_uuid).into_iter().collect(),
            delivered: false,
        })
    }
}

#[async_trait]
impl Provider for VonageMessages {
    fn vendor(&self) -> Vendor {
        Vendor::VonageMessages
    }

    async fn send(&self, cleared: &Cleared<Outbound>) -> SendOutcome {
        self.try_send(cleared.get()).await.unwrap_or_else(SendOutcome::Failed)
    }

    async fn receive(&self, webhook: &WebhookRequest) -> Result<Received, WebhookError> {
        signature::verify(webhook, self.credentials.signing_secrets())?;
        receipts::parse(&webhook.body)
    }
}
