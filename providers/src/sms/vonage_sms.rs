//! Vonage's older SMS API: forms out, statuses inside HTTP 200 back, one id for each part of a long text.
//!
//! The parts of a long inbound text are handed up one by one, each with its own `messageId`: a part that waited in
//! memory for the others would be lost with the process after the vendor was told that it had been taken.

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
use carepost_kernel::{Cleared, Clock, Failure, FailureClass, SendOutcome};
use url::Url;

pub use self::config::{SignatureMethod, VonageSmsCredentials, VonageSmsSettings};
use self::request::Sent;
use crate::contract::{
    AccountConfig, ConfigError, Outbound, Provider, Received, Shared, Vendor, WebhookError, WebhookRequest,
};
use crate::http;

const NAME: &str = Vendor::VonageSms.as_str();

/// One account at Vonage's SMS API.
pub struct VonageSms {
    settings: VonageSmsSettings,
    credentials: VonageSmsCredentials,
    send_url: Url,
    webhook_url: Url,
    timeout: Duration,
    http: reqwest::Client,
    clock: Clock,
}

impl VonageSms {
    /// Reads the account.
    ///
    /// # Errors
    /// The first field that does not hold up.
    pub fn new(config: &AccountConfig, shared: &Shared) -> Result<Self, ConfigError> {
        let (settings, credentials) = config::read(config)?;
        Ok(Self {
            send_url: request::send_url(config.base_url.as_ref())?,
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
        let mut form = request::form(&self.settings, &self.webhook_url, outbound, now)?;
        request::authenticate(&mut form, &self.settings, &self.credentials, now);
        let call = self.http.post(self.send_url.clone()).timeout(self.timeout).form(&form);
        let answer = http::call(NAME, call).await?;
        if !answer.is_success() {
            return Err(answer.failure_by_status(NAME));
        }
        // A success that cannot be read may stand for a message on its way (DEL-5).
        let sent: Sent =
            answer.json().ok_or_else(|| Failure::new(FailureClass::Unknown, "vonage_sms_answer_unreadable"))?;
        sent.outcome()
    }
}

#[async_trait]
impl Provider for VonageSms {
    fn vendor(&self) -> Vendor {
        Vendor::VonageSms
    }

    async fn send(&self, cleared: &Cleared<Outbound>) -> SendOutcome {
        self.try_send(cleared.get()).await.unwrap_or_else(SendOutcome::Failed)
    }

    async fn receive(&self, webhook: &WebhookRequest) -> Result<Received, WebhookError> {
        let params = signature::params(webhook)?;
        let secrets = self.credentials.signing_secrets();
        signature::verify(&params, self.settings.signature_method, secrets, webhook.received_at)?;
        if params.contains_key("status") { receipts::parse(&params) } else { inbound::parse(&params) }
    }
}
