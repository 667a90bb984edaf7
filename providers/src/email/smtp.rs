//! Any mail server, by SMTP (RFC 5321): pooled connections, TLS, AUTH, delivery notices.
//!
//! The message is written by lettre's builder (`email/mime.rs`). The dialogue is our own, since three things must be
//! known that lettre's transport does not tell: in which phase a connection was lost (before the final dot nothing
//! can have been accepted, after it nobody knows: DEL-5), whether the server offers DSN and SIZE, and whether
//! somebody slipped plain text behind the answer to `STARTTLS` (RFC 3207, section 5).
//!
//! Receipts are delivery status notifications (RFC 3464) and abuse reports (RFC 5965) that the tenant's mail server
//! posts to the account's webhook as they came:
//!
//! ```text
//! POST <webhook address>
//! content-type: message/rfc822
//! x-carepost-signature: t=<unix seconds>,v1=<hex HMAC-SHA256(webhook secret, "<t>." + body)>
//! ```
//!
//! Any other email that is posted so is an inbound message, a reply for example. A notice finds its attempt by the
//! VERP recipient (`bounces+<ref>@...`), the envelope id, or the headers of the returned message.

mod classify;
mod client;
mod config;
mod dsn;
mod pool;
mod tls;
mod verp;
mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use carepost_kernel::{Cleared, Clock, Failure, SendOutcome};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::contract::{
    AccountConfig, ConfigError, Outbound, Provider, Received, Shared, Vendor, WebhookError, WebhookRequest,
};
use crate::email::mime::{self, Letter, Unwritable};
use crate::email::smtp::client::{Envelope, Fault, Phase};
use crate::email::smtp::config::Account;
use crate::email::smtp::pool::Pool;

pub(crate) use crate::email::smtp::webhook::{SIGNATURE_HEADER, sign};

/// The name in codes.
const NAME: &str = "smtp";

/// How long it may take until a connection is free, protected and logged in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One account at one mail server.
pub struct Smtp {
    account: Account,
    pool: Pool,
    clock: Clock,
}

impl Smtp {
    /// Reads the account's configuration; see `smtp/config.rs` for its fields.
    ///
    /// # Errors
    /// The first field that does not hold up.
    pub fn new(config: &AccountConfig, shared: &Shared) -> Result<Self, ConfigError> {
        let account = Account::new(config, shared.reach)?;
        Ok(Self { pool: Pool::new(account.server.clone()), account, clock: shared.clock.clone() })
    }

    async fn try_send(&self, outbound: &Outbound) -> Result<SendOutcome, Failure> {
        let content = super::content(NAME, outbound)?;
        let to = outbound.to.expose();
        let letter =
            Letter { from: &self.account.sender, to, content, attempt: outbound.attempt, date: self.clock.now() };
        let message = mime::write(&letter).map_err(|fault| fault.failure(NAME))?;
        let envelope = Envelope {
            from: self.account.envelope_sender(outbound.attempt),
            to: mime::address(to).ok_or_else(|| Unwritable::Recipient.failure(NAME))?.to_string(),
            envelope_id: outbound.attempt.to_string(),
            wants_notices: self.account.delivery_notices,
        };
        let mut phase = Phase::Connect;
        let handed_over = self.hand_over(&envelope, &message, &mut phase).await;
        match handed_over {
            Ok(Ok(())) => Ok(SendOutcome::Accepted { provider_refs: vec![outbound.attempt.into()], delivered: false }),
            Ok(Err(fault)) => Err(classify::failure(phase, &fault)),
            Err(_elapsed) => Err(classify::timed_out(phase)),
        }
    }

    /// Connects, then delivers. The account's timeout counts from the first byte of the delivery, as its contract says.
    async fn hand_over(
        &self,
        envelope: &Envelope,
        message: &[u8],
        phase: &mut Phase,
    ) -> Result<Result<(), Fault>, Elapsed> {
        let mut lease = match timeout(CONNECT_TIMEOUT, self.pool.lease(phase)).await? {
            Ok(lease) => lease,
            Err(fault) => return Ok(Err(fault)),
        };
        // Where the time runs out, the lease is dropped, and its connection with it.
        let delivered = timeout(self.account.timeout, lease.session.deliver(envelope, message, phase)).await?;
        self.pool.give_back(lease, &delivered);
        Ok(delivered)
    }
}

#[async_trait]
impl Provider for Smtp {
    fn vendor(&self) -> Vendor {
        Vendor::Smtp
    }

    async fn send(&self, cleared: &Cleared<Outbound>) -> SendOutcome {
        self.try_send(cleared.get()).await.unwrap_or_else(SendOutcome::Failed)
    }

    async fn receive(&self, request: &WebhookRequest) -> Result<Received, WebhookError> {
        webhook::receive(&self.account, request)
    }
}

#[cfg(test)]
mod tests;
