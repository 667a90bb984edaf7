//! DEL-8: the gate decides, at the moment of leaving, whether, when and how a delivery may leave.
//!
//! Each rule is a pure function of facts; [`decide`] is the one caller of [`Verdicts::clear`]. Rules for consent, quiet
//! hours, caps and health information take their facts from rooms that are not built yet: until those rooms exist, a
//! deployment has no such facts, and the rule's verdict on no facts is to let pass.

use jiff::Timestamp;

use carepost_kernel::{Channel, Cleared, Verdict, Verdicts, WaitReason};

use crate::types::{Delivery, DeliveryState};

/// What the gate knows besides the delivery itself.
#[derive(Debug, Clone, Copy)]
pub struct GateFacts {
    /// The present instant.
    pub now: Timestamp,
    /// The tenant, the channel, or all of its accounts were paused by hand.
    pub is_paused: bool,
    /// The tenant's own sending limit allows the next one at this instant, if not now.
    pub tenant_limit_until: Option<Timestamp>,
    /// Whether the channel has a sender that can be used.
    pub sender: Sender,
    /// When something that was paused by hand is looked at again.
    pub pause_recheck: Timestamp,
}

/// What the gate knows of the channel's senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// One has a turn.
    Ready,
    /// There is no account.
    Missing,
    /// No account can be used for longer than a moment.
    Blocked {
        /// When one may be, as far as is known.
        until: Timestamp,
        /// What is in the way.
        reason: WaitReason,
    },
}

/// Reasons that may end at once when the configuration of the tenant or of its accounts changes.
pub const BY_CONFIGURATION: [WaitReason; 5] = [
    WaitReason::Paused,
    WaitReason::ProviderConfig,
    WaitReason::TenantLimit,
    WaitReason::ProviderLimit,
    WaitReason::BreakerOpen,
];

/// Decides on one delivery and, where it may leave, wraps what is to leave.
///
/// # Errors
/// The verdict that holds it back, and `what`, unchanged.
pub fn decide<T>(delivery: &Delivery, facts: &GateFacts, what: T) -> Result<Cleared<T>, (Verdict, T)> {
    let verdicts = Verdicts {
        life: life(delivery, facts.now),
        schedule: schedule(delivery, facts.now),
        pause: pause(facts),
        suppression: Verdict::Go,
        consent: Verdict::Go,
        quiet_hours: Verdict::Go,
        caps: caps(facts),
        phi_guard: Verdict::Go,
        sender: sender(delivery.key.channel, facts),
    };
    #[expect(clippy::disallowed_methods, reason = "this is the gate")]
    verdicts.clear(what, facts.now)
}

fn life(delivery: &Delivery, now: Timestamp) -> Verdict {
    if delivery.state >= DeliveryState::Failed {
        Verdict::Refuse { code: "finished" }
    } else if now >= delivery.expires_at {
        Verdict::Refuse { code: EXPIRED }
    } else {
        Verdict::Go
    }
}

/// The code of a refusal because the time ran out.
pub const EXPIRED: &str = "expired";

fn schedule(delivery: &Delivery, now: Timestamp) -> Verdict {
    match delivery.scheduled_at {
        Some(until) if now < until => Verdict::Wait { until, reason: WaitReason::Scheduled },
        _ => Verdict::Go,
    }
}

const fn pause(facts: &GateFacts) -> Verdict {
    if facts.is_paused { Verdict::Wait { until: facts.pause_recheck, reason: WaitReason::Paused } } else { Verdict::Go }
}

const fn caps(facts: &GateFacts) -> Verdict {
    match facts.tenant_limit_until {
        Some(until) => Verdict::Wait { until, reason: WaitReason::TenantLimit },
        None => Verdict::Go,
    }
}

/// Without an account the channel cannot say who is speaking; a message waits for one rather than be lost.
const fn sender(channel: Channel, facts: &GateFacts) -> Verdict {
    match channel {
        Channel::Sms | Channel::Email | Channel::InApp => match facts.sender {
            Sender::Ready => Verdict::Go,
            Sender::Missing => Verdict::Wait { until: facts.pause_recheck, reason: WaitReason::ProviderConfig },
            Sender::Blocked { until, reason } => Verdict::Wait { until, reason },
        },
        Channel::Push | Channel::Voice => Verdict::OtherChannel { code: "channel_not_available" },
    }
}

#[cfg(test)]
mod tests;
