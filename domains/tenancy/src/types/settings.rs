//! Limits and policies of a tenant. Every field has a default; `rules/settings.rs` has the bounds.

use std::collections::BTreeSet;
use std::time::Duration;

use carepost_kernel::{Channel, Priority, Purpose, RetryPolicy};
use serde::{Deserialize, Serialize};

use super::named;

/// Limits and policies of a tenant, as they stand in `tenants.settings` and on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantSettings {
    /// How many messages are taken in.
    pub admission: Admission,
    /// Messages sent per second over all channels; `None` is no limit of the tenant's own.
    pub send_per_second: Option<u32>,
    /// The share of a busy engine, against other tenants' weights (DEL-11).
    pub weight: u32,
    /// How long an idempotency key is remembered (DEL-2).
    pub idempotency_window_hours: u32,
    /// Messages that may wait at a time (DEL-12).
    pub max_waiting: u64,
    /// How long a message is worth sending, by priority, where it does not say so itself.
    pub message_ttl_hours: TtlHours,
    /// How long a receipt is awaited, by channel.
    pub receipt_wait_hours: ReceiptWaitHours,
    /// Waits after transient failures.
    pub retry: RetrySettings,
    /// What is done about unknown outcomes (DEL-5).
    pub unknown: UnknownPolicies,
    /// Channels that send nothing for now.
    pub paused_channels: BTreeSet<Channel>,
    /// Whether messages may ask for a pixel by which their being opened is known (decision C49).
    pub allow_open_tracking: bool,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            admission: Admission::default(),
            send_per_second: None,
            weight: 1,
            idempotency_window_hours: 168,
            max_waiting: 2_000_000,
            message_ttl_hours: TtlHours::default(),
            receipt_wait_hours: ReceiptWaitHours::default(),
            retry: RetrySettings::default(),
            unknown: UnknownPolicies::default(),
            paused_channels: BTreeSet::new(),
            allow_open_tracking: false,
        }
    }
}

impl TenantSettings {
    /// How long an idempotency key is remembered.
    #[must_use]
    pub const fn idempotency_window(&self) -> Duration {
        hours(self.idempotency_window_hours)
    }

    /// How long a message of this priority is worth sending.
    #[must_use]
    pub const fn message_ttl(&self, priority: Priority) -> Duration {
        hours(match priority {
            Priority::Emergency => self.message_ttl_hours.emergency,
            Priority::Urgent => self.message_ttl_hours.urgent,
            Priority::Normal => self.message_ttl_hours.normal,
            Priority::Bulk => self.message_ttl_hours.bulk,
        })
    }

    /// How long a receipt is awaited on this channel.
    #[must_use]
    pub const fn receipt_wait(&self, channel: Channel) -> Duration {
        hours(match channel {
            Channel::Sms => self.receipt_wait_hours.sms,
            Channel::Email => self.receipt_wait_hours.email,
            Channel::InApp => self.receipt_wait_hours.in_app,
            Channel::Push => self.receipt_wait_hours.push,
            Channel::Voice => self.receipt_wait_hours.voice,
        })
    }

    /// The waits after transient failures.
    #[must_use]
    pub const fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy {
            initial: Duration::from_millis(self.retry.initial_ms),
            multiplier: self.retry.multiplier,
            cap: Duration::from_millis(self.retry.cap_ms),
            max_failures: self.retry.max_failures,
        }
    }

    /// What is done about an unknown outcome of this purpose.
    #[must_use]
    pub const fn unknown_policy(&self, purpose: Purpose) -> UnknownPolicy {
        match purpose {
            Purpose::Emergency => self.unknown.emergency,
            Purpose::Transactional => self.unknown.transactional,
            Purpose::Treatment => self.unknown.treatment,
            Purpose::Financial => self.unknown.financial,
            Purpose::Marketing => self.unknown.marketing,
        }
    }

    /// How long an unknown outcome is held for a receipt.
    #[must_use]
    pub const fn unknown_hold(&self) -> Duration {
        Duration::from_secs(self.unknown.hold_minutes as u64 * 60)
    }
}

const fn hours(count: u32) -> Duration {
    Duration::from_secs(count as u64 * 3_600)
}

/// How many messages are taken in: a steady rate and a burst on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admission {
    /// Messages per second.
    pub per_second: u32,
    /// Messages at once.
    pub burst: u32,
}

impl Default for Admission {
    fn default() -> Self {
        Self { per_second: 1_000, burst: 2_000 }
    }
}

/// Hours that a message is worth sending, by priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TtlHours {
    /// For emergencies.
    pub emergency: u32,
    /// For urgent ones.
    pub urgent: u32,
    /// For the usual.
    pub normal: u32,
    /// For bulk.
    pub bulk: u32,
}

impl Default for TtlHours {
    fn default() -> Self {
        Self { emergency: 4, urgent: 24, normal: 72, bulk: 72 }
    }
}

/// Hours that a receipt is awaited, by channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiptWaitHours {
    /// Text messages.
    pub sms: u32,
    /// Email.
    pub email: u32,
    /// Our own inbox, which answers at once.
    pub in_app: u32,
    /// Push.
    pub push: u32,
    /// Calls.
    pub voice: u32,
}

impl Default for ReceiptWaitHours {
    fn default() -> Self {
        Self { sms: 72, email: 72, in_app: 1, push: 24, voice: 4 }
    }
}

/// Waits after transient failures: exponential, with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrySettings {
    /// The first wait, in milliseconds.
    pub initial_ms: u64,
    /// Each further wait is this many times longer.
    pub multiplier: f64,
    /// No wait is longer, in milliseconds.
    pub cap_ms: u64,
    /// Failed tries after which the channel is exhausted.
    pub max_failures: u16,
}

impl Default for RetrySettings {
    /// The kernel's own defaults.
    fn default() -> Self {
        Self { initial_ms: 2_000, multiplier: 2.0, cap_ms: 900_000, max_failures: 8 }
    }
}

named! {
    /// What is done where bytes were sent and no answer came (DEL-5).
    UnknownPolicy = "policy for unknown outcomes" {
        /// Ask the vendor, where it can be asked; hold otherwise.
        LookUpThenHold = "look_up_then_hold",
        /// Wait for a receipt; give up after the hold.
        Hold = "hold",
        /// Send again, marked as a possible duplicate.
        ResendMayDuplicate = "resend_may_duplicate",
        /// Finish as unknown.
        GiveUp = "give_up",
    }
}

/// The policy for unknown outcomes, by purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnknownPolicies {
    /// Danger: twice is better than never.
    pub emergency: UnknownPolicy,
    /// Follows from something that the recipient did.
    pub transactional: UnknownPolicy,
    /// Care.
    pub treatment: UnknownPolicy,
    /// Money: never twice.
    pub financial: UnknownPolicy,
    /// Offers: never twice.
    pub marketing: UnknownPolicy,
    /// How long an outcome is held for a receipt, in minutes.
    pub hold_minutes: u32,
}

impl Default for UnknownPolicies {
    fn default() -> Self {
        Self {
            emergency: UnknownPolicy::ResendMayDuplicate,
            transactional: UnknownPolicy::Hold,
            treatment: UnknownPolicy::Hold,
            financial: UnknownPolicy::GiveUp,
            marketing: UnknownPolicy::GiveUp,
            hold_minutes: 15,
        }
    }
}
