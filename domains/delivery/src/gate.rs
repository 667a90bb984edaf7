//! DEL-8: the gate decides, at the moment of leaving, whether, when and how a delivery may leave.
//!
//! Each rule is a pure function of facts; [`decide`] is the one caller of [`Verdicts::clear`]. The rules about people
//! (consent, wishes, hours, caps) are those of the consent room, what is found in a text is the guard's; both are asked
//! about the content as it leaves ([`dress`]).

pub mod dress;
pub mod dry_run;
pub mod foresee;
mod rulebook;

use jiff::Timestamp;

use carepost_consent::rules::{Answers, GateQuestion};
use carepost_consent::types::ContactFacts;
use carepost_kernel::{Channel, Cleared, Verdict, Verdicts, WaitReason};

use crate::types::{Delivery, DeliveryState, GateRecord};

use dress::Judged;
pub use rulebook::Rulebook;

/// What the gate knows besides the delivery itself.
#[derive(Debug, Clone)]
pub struct GateFacts<'a> {
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
    /// What is known of the address and of whoever reads there.
    pub contact: &'a ContactFacts,
    /// The tenant's policy.
    pub rulebook: &'a Rulebook,
    /// What is to be known of the content as it would leave.
    pub judged: Judged,
}

/// A delivery that the gate holds back.
#[derive(Debug)]
pub struct Held<T> {
    /// The verdict that counts.
    pub verdict: Verdict,
    /// What each rule said.
    pub record: GateRecord,
    /// What was to leave, unchanged.
    pub what: T,
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

/// Reasons that may end at once when the gate's policy changes.
pub const BY_POLICY: [WaitReason; 3] = [WaitReason::QuietHours, WaitReason::Caps, WaitReason::Digest];

/// Reasons of deliveries that no provider has taken and for which no call is under way: the gate is asked again.
pub const BEFORE_A_CALL: [WaitReason; 13] = [
    WaitReason::Dispatch,
    WaitReason::Scheduled,
    WaitReason::QuietHours,
    WaitReason::TenantLimit,
    WaitReason::ProviderLimit,
    WaitReason::BreakerOpen,
    WaitReason::Backoff,
    WaitReason::Fairness,
    WaitReason::Paused,
    WaitReason::ProviderConfig,
    WaitReason::TakeOver,
    WaitReason::Caps,
    WaitReason::Digest,
];

/// Decides on one delivery and, where it may leave, wraps what is to leave. The record says what each rule said.
///
/// # Errors
/// What holds it back.
pub fn decide<T>(delivery: &Delivery, facts: &GateFacts<'_>, what: T) -> Result<(Cleared<T>, GateRecord), Held<T>> {
    let verdicts = ask(delivery, facts);
    let record = GateRecord::of(facts.rulebook.version(), &verdicts, facts.judged.note());
    #[expect(clippy::disallowed_methods, reason = "this is the gate")]
    match verdicts.clear(what, facts.now) {
        Ok(cleared) => Ok((cleared, record)),
        Err((verdict, what)) => Err(Held { verdict, record, what }),
    }
}

/// Asks every rule. For a simulation, which lets nothing leave, this is all.
#[must_use]
pub fn ask(delivery: &Delivery, facts: &GateFacts<'_>) -> Verdicts {
    let question = question(delivery, facts);
    // The one answer to an opt-out goes to whoever has just opted out, at once; it is no message of the practice.
    let is_answer = delivery.payload.expose().about.confirms_opt_out;
    let answers = if is_answer { answers_to_reader(question.answers()) } else { question.answers() };
    Verdicts {
        life: life(delivery, facts.now),
        schedule: schedule(delivery, facts.now),
        pause: pause(facts),
        suppression: answers.suppression,
        consent: answers.consent,
        preference: answers.preference,
        digest: answers.digest,
        quiet_hours: answers.quiet_hours,
        caps: answers.caps,
        tenant_limit: tenant_limit(facts),
        length: answers.length,
        phi_guard: facts.judged.phi.clone(),
        identification: answers.identification,
        registration: answers.registration,
        sender: sender(delivery.key.channel, facts),
    }
}

fn answers_to_reader(answers: Answers) -> Answers {
    Answers {
        suppression: Verdict::Go,
        consent: Verdict::Go,
        preference: Verdict::Go,
        digest: Verdict::Go,
        quiet_hours: Verdict::Go,
        caps: Verdict::Go,
        identification: Verdict::Go,
        length: Verdict::Go,
        ..answers
    }
}

/// What the rules of the consent room are asked about a delivery.
#[must_use]
pub fn question<'a>(delivery: &Delivery, facts: &GateFacts<'a>) -> GateQuestion<'a> {
    let about = &delivery.payload.expose().about;
    let policy = facts.rulebook.policy();
    let message_type = about.message_type.as_deref().and_then(|key| policy.message_type(key));
    GateQuestion {
        now: facts.now,
        ready_at: delivery.scheduled_at.unwrap_or(delivery.created_at),
        channel: delivery.key.channel,
        purpose: delivery.purpose,
        topic: about.topic,
        message_type,
        priority: delivery.priority,
        recipient_id: about.recipient_id,
        facts: facts.contact,
        policy,
        text_chars: facts.judged.text_chars,
        is_identified: facts.judged.is_identified,
        message_id: delivery.key.message_id,
    }
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

const fn pause(facts: &GateFacts<'_>) -> Verdict {
    if facts.is_paused { Verdict::Wait { until: facts.pause_recheck, reason: WaitReason::Paused } } else { Verdict::Go }
}

const fn tenant_limit(facts: &GateFacts<'_>) -> Verdict {
    match facts.tenant_limit_until {
        Some(until) => Verdict::Wait { until, reason: WaitReason::TenantLimit },
        None => Verdict::Go,
    }
}

/// Without an account the channel cannot say who is speaking; a message waits for one rather than be lost.
const fn sender(channel: Channel, facts: &GateFacts<'_>) -> Verdict {
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
