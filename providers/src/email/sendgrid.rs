//! SendGrid v3: Mail Send, the signed Event Webhook, Inbound Parse.
//!
//! Mail Send is not idempotent: a lost answer is `unknown` (DEL-5). The attempt travels as custom argument
//! `carepost_ref` and comes back in every event; the `Message-ID` is ours and stays the same over retries.

mod classify;
mod config;
mod inbound;
mod receipts;
mod request;

use async_trait::async_trait;
use carepost_kernel::{Cleared, Clock, Failure, SendOutcome};

use crate::contract::{
    AccountConfig, ConfigError, Outbound, Provider, Received, Shared, Vendor, WebhookError, WebhookRequest,
};
use crate::email::sendgrid::config::Account;
use crate::http;

/// The name in codes.
const NAME: &str = "sendgrid";

/// One SendGrid account.
pub struct Sendgrid {
    account: Account,
    http: reqwest::Client,
    clock: Clock,
}

impl Sendgrid {
    /// Reads the account's configuration; see `sendgrid/config.rs` for its fields.
    ///
    /// # Errors
    /// The first field that does not hold up.
    pub fn new(config: &AccountConfig, shared: &Shared) -> Result<Self, ConfigError> {
        Ok(Self { account: Account::new(config)?, http: shared.http.clone(), clock: shared.clock.clone() })
    }

    async fn try_send(&self, outbound: &Outbound) -> Result<SendOutcome, Failure> {
        let body = request::body(&self.account, outbound)?;
        let call = self
            .http
            .post(self.account.mail_send_url.clone())
            .timeout(self.account.timeout)
            .bearer_auth(self.account.credentials.api_key.expose())
            .json(&body);
        let answer = http::call(NAME, call).await?;
        classify::outcome(&answer, outbound.attempt, self.clock.now())
    }
}

#[async_trait]
impl Provider for Sendgrid {
    fn vendor(&self) -> Vendor {
        Vendor::Sendgrid
    }

    async fn send(&self, cleared: &Cleared<Outbound>) -> SendOutcome {
        self.try_send(cleared.get()).await.unwrap_or_else(SendOutcome::Failed)
    }

    /// Events are signed; Inbound Parse is not, and is accepted only where the account says so.
    async fn receive(&self, request: &WebhookRequest) -> Result<Received, WebhookError> {
        if request.method != "POST" {
            return Err(WebhookError::Signature);
        }
        let is_signed = request.header(receipts::SIGNATURE_HEADER).is_some();
        if !is_signed && inbound::is_form(request) {
            return inbound::receive(&self.account, request);
        }
        receipts::verify(&self.account, request)?;
        Ok(Received { receipts: receipts::parse(&request.body)?, ..Received::default() })
    }
}

#[cfg(test)]
mod tests;
