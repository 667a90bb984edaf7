//! Amazon SES v2: raw emails in, receipts and inbound mail by SNS.
//!
//! SendEmail is not idempotent: a lost answer is `unknown` (DEL-5). The attempt travels as email tag `carepost_ref`
//! and comes back in every event of the configuration set. SES puts a `Message-ID` of its own in place of ours
//! (`<message id>@email.amazonses.com`, or `@<region>.amazonses.com`), so that answers name the provider's id.

mod classify;
mod config;
mod inbound;
mod receipts;
mod request;
mod sns;

use async_trait::async_trait;
use carepost_kernel::{Cleared, Clock, Failure, SendOutcome};

use crate::contract::{
    AccountConfig, ConfigError, Outbound, Provider, Received, Shared, Vendor, WebhookError, WebhookRequest,
};
use crate::email::ses::config::Account;
use crate::email::ses::sns::{Kind, Topic};
use crate::http;

pub(crate) use crate::email::ses::request::{ToSign, signature_headers};

/// The name in codes.
const NAME: &str = "ses";

/// One SES account in one region.
pub struct Ses {
    account: Account,
    topic: Topic,
    http: reqwest::Client,
    clock: Clock,
}

impl Ses {
    /// Reads the account's configuration; see `ses/config.rs` for its fields.
    ///
    /// # Errors
    /// The first field that does not hold up.
    pub fn new(config: &AccountConfig, shared: &Shared) -> Result<Self, ConfigError> {
        let account = Account::new(config)?;
        let topic = Topic::new(&account, shared.http.clone());
        Ok(Self { account, topic, http: shared.http.clone(), clock: shared.clock.clone() })
    }

    async fn try_send(&self, outbound: &Outbound) -> Result<SendOutcome, Failure> {
        let now = self.clock.now();
        let body = request::body(&self.account, outbound, now)?;
        let call = request::signed(&self.account, &self.http, body, now)?;
        classify::outcome(&http::call(NAME, call).await?)
    }
}

#[async_trait]
impl Provider for Ses {
    fn vendor(&self) -> Vendor {
        Vendor::Ses
    }

    async fn send(&self, cleared: &Cleared<Outbound>) -> SendOutcome {
        self.try_send(cleared.get()).await.unwrap_or_else(SendOutcome::Failed)
    }

    async fn receive(&self, request: &WebhookRequest) -> Result<Received, WebhookError> {
        if request.method != "POST" {
            return Err(WebhookError::Signature);
        }
        let notification = self.topic.verify(request).await?;
        match notification.kind {
            Kind::Notification => {
                // SES tries a new topic with a sentence that is no JSON; there is nothing to do then.
                let Ok(record) = serde_json::from_str::<serde_json::Value>(&notification.message) else {
                    return Ok(Received::default());
                };
                if inbound::is_received(&record) {
                    return inbound::read(record)
                        .map(|message| Received { inbound: vec![message], ..Received::default() });
                }
                Ok(Received { receipts: receipts::read(record)?, ..Received::default() })
            }
            Kind::SubscriptionConfirmation => {
                self.topic.confirm(&notification).await?;
                Ok(Received::default())
            }
            // Signed, so that somebody with access to the topic meant it; there is nothing to do.
            Kind::UnsubscribeConfirmation => Ok(Received::default()),
        }
    }
}

#[cfg(test)]
mod tests;
