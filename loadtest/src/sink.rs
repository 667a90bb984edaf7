//! The provider at the other end: the simulators of `carepost_providers`, in this process, quick and reliable.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use carepost_kernel::{AttemptRef, Channel, Secret};
use carepost_providers::Vendor;
use carepost_providers::simulator::{CallOutcome, Profile, ReceiptProfile, Simulator};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::admin::Admin;

/// A simulator remembers 200,000 calls: they are fetched before it forgets the first.
const FETCH_AFTER: u64 = 100_000;
/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the provider has seen of one message.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// When it was first called, in microseconds since 1970.
    pub(crate) first_us: i64,
    /// Digests of its own ids, one for each acceptance: a soak has millions.
    refs: Vec<u64>,
}

impl Seen {
    /// How often it took the message.
    pub(crate) fn acceptances(&self) -> u64 {
        self.refs.len() as u64
    }
}

/// The provider's book.
pub(crate) struct Sink {
    simulator: Simulator,
    vendors: Vec<Vendor>,
    seen: HashMap<Uuid, Seen>,
    fetched: u64,
    /// One for each tenant with a Twilio account, in the order in which they were connected.
    faces: Vec<Face>,
}

/// How quick the provider is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) latency: Duration,
    pub(crate) receipt_delay: Duration,
    /// Calls at a time for each account.
    pub(crate) in_flight: u32,
    /// Calls per second for each account; `None` is no set rate.
    pub(crate) rate_per_second: Option<u32>,
    /// No receipts come by themselves.
    pub(crate) is_silent: bool,
    /// How long the engine waits for an answer.
    pub(crate) timeout: Duration,
}

impl Default for Pace {
    /// Answers at once, and tells soon after.
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            receipt_delay: Duration::from_millis(20),
            in_flight: 256,
            rate_per_second: None,
            is_silent: false,
            timeout: TIMEOUT,
        }
    }
}

/// Where receipts of a Twilio account go, and what they are signed with.
#[derive(Debug, Clone)]
pub(crate) struct Face {
    pub(crate) webhook_url: url::Url,
    pub(crate) account_sid: String,
    pub(crate) auth_token: Secret<String>,
}

impl Face {
    /// Whether the account gave this id: it begins with the account's first digits.
    pub(crate) fn owns(&self, provider_ref: &str) -> bool {
        self.account_sid.get(2..10).is_some_and(|mark| provider_ref.get(2..10) == Some(mark))
    }
}

impl Sink {
    pub(crate) async fn start(channels: &[Channel], pace: Pace) -> anyhow::Result<Self> {
        let simulator = Simulator::start(1).await.context("start the provider")?;
        let vendor = |channel: &Channel| match channel {
            Channel::Sms => Some(Vendor::Twilio),
            Channel::Email => Some(Vendor::Sendgrid),
            _ => None,
        };
        let vendors: Vec<Vendor> = channels.iter().filter_map(vendor).collect();
        for vendor in &vendors {
            let receipts =
                ReceiptProfile { delay: pace.receipt_delay, silent: pace.is_silent, ..ReceiptProfile::default() };
            simulator.set_profile(*vendor, Profile { latency: pace.latency, receipts, ..Profile::default() });
        }
        Ok(Self { simulator, vendors, seen: HashMap::new(), fetched: 0, faces: Vec::new() })
    }

    /// Gives a tenant an account at each vendor, and one for its own inbox where `channels` has it.
    pub(crate) async fn connect(
        &mut self,
        admin: &Admin,
        tenant: Uuid,
        channels: &[Channel],
        pace: Pace,
    ) -> anyhow::Result<()> {
        for vendor in &self.vendors {
            // The webhook's address is known once the account is there; until then any will do.
            let account = self.simulator.account(*vendor, &self.simulator.http_base());
            let credentials: Value = serde_json::from_str(account.credentials.expose())?;
            let body = json!({
                "name": format!("load test, {}", vendor.as_str()),
                "vendor": vendor.as_str(),
                "settings": account.settings,
                "credentials": &credentials,
                "base_url": account.base_url.as_ref().map(url::Url::as_str),
                "max_in_flight": pace.in_flight,
                "rate_per_second": pace.rate_per_second,
                "timeout_ms": u64::try_from(pace.timeout.as_millis()).unwrap_or(u64::MAX),
            });
            let made = admin.create_account(tenant, &body).await?;
            let adopted = self.simulator.adopt(*vendor, &account.settings, &account.credentials, &made.webhook_url);
            ensure!(adopted, "the simulated {} does not take its own account back", vendor.as_str());
            if *vendor == Vendor::Twilio {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                self.faces.push(Face {
                    webhook_url: made.webhook_url,
                    account_sid: text(&account.settings["account_sid"]),
                    auth_token: Secret::new(text(&credentials["auth_token"])),
                });
            }
        }
        if channels.contains(&Channel::InApp) {
            admin.create_account(tenant, &json!({"name": "inbox", "vendor": Vendor::InApp.as_str()})).await?;
        }
        Ok(())
    }

    /// Where receipts go, by tenant.
    pub(crate) fn faces(&self) -> &[Face] {
        &self.faces
    }

    /// What Twilio has accepted, oldest first, with its ids; the newest 200,000.
    pub(crate) fn accepted_calls(&self) -> Vec<(AttemptRef, String)> {
        let accepted = |call: carepost_providers::simulator::Call| match (call.attempt, call.outcome) {
            (Some(attempt), CallOutcome::Accepted { provider_ref } | CallOutcome::Dropped { provider_ref }) => {
                Some((attempt, provider_ref))
            }
            _ => None,
        };
        self.simulator.calls(Vendor::Twilio).into_iter().filter_map(accepted).collect()
    }

    /// Whom all vendors have accepted something for, once for each acceptance; of the newest 200,000 calls of each.
    pub(crate) fn accepted_addresses(&self) -> Vec<String> {
        let is_accepted =
            |outcome: &CallOutcome| matches!(outcome, CallOutcome::Accepted { .. } | CallOutcome::Dropped { .. });
        let calls = self.vendors.iter().flat_map(|vendor| self.simulator.calls(*vendor));
        calls.filter(|call| is_accepted(&call.outcome)).map(|call| call.to).collect()
    }

    /// What Twilio was asked beyond the first `seen` calls.
    pub(crate) fn calls_after(&self, seen: u64) -> Vec<carepost_providers::simulator::Call> {
        self.simulator.calls_after(Vendor::Twilio, seen)
    }

    /// Changes how Twilio behaves from now on.
    pub(crate) fn behave(&self, profile: Profile) {
        self.simulator.set_profile(Vendor::Twilio, profile);
    }

    /// A handle that counts acceptances, for a gate.
    pub(crate) fn counter(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let (simulator, vendors) = (self.simulator.clone(), self.vendors.clone());
        move || vendors.iter().map(|vendor| simulator.accepted(*vendor)).sum()
    }

    /// Whether every message of these channels leads to a call.
    pub(crate) fn sees_all(&self, channels: &[Channel]) -> bool {
        self.vendors.len() == channels.len()
    }

    /// Copies the simulator's memory where it is about to forget.
    pub(crate) fn keep_up(&mut self) {
        if self.counter()() >= self.fetched + FETCH_AFTER {
            self.fetch();
        }
    }

    /// The whole book.
    pub(crate) fn book(&mut self) -> &HashMap<Uuid, Seen> {
        self.fetch();
        &self.seen
    }

    fn fetch(&mut self) {
        self.fetched = self.counter()();
        for vendor in &self.vendors {
            for call in self.simulator.calls(*vendor) {
                let (Some(attempt), CallOutcome::Accepted { provider_ref } | CallOutcome::Dropped { provider_ref }) =
                    (call.attempt, call.outcome)
                else {
                    continue;
                };
                let at_us = call.at.as_microsecond();
                let seen = self.seen.entry(attempt.message_id.as_uuid()).or_default();
                if seen.refs.is_empty() || at_us < seen.first_us {
                    seen.first_us = at_us;
                }
                let digest = BuildHasherDefault::<DefaultHasher>::default().hash_one(&provider_ref);
                if !seen.refs.contains(&digest) {
                    seen.refs.push(digest);
                }
            }
        }
    }

    /// Ends at once.
    pub(crate) async fn abandon(self) {
        self.simulator.stop().await;
    }

    /// Waits until every receipt was taken or given up, and ends.
    pub(crate) async fn stop(self) {
        self.simulator.settled().await;
        self.abandon().await;
    }
}
