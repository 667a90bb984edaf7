//! What follows from what: an attempt's outcome, a look-up, a receipt, a due time. Pure: time and chance come as values.

use jiff::{SignedDuration, Timestamp};

use carepost_kernel::{Channel, Failure, FailureClass, ProviderAccountId, RetryPolicy, SendOutcome, WaitReason};
use carepost_tenancy::types::{TenantSettings, UnknownPolicy};

use crate::types::{Delivery, DeliveryEvent, DeliveryKey, DeliveryState, EventKind, Strategy};

/// What is written of a delivery's present state. The merge with what the row holds is in `apply_changes.sql`.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which delivery.
    pub key: DeliveryKey,
    /// Which attempt this speaks of: it is void once another one has started.
    pub attempt_no: i16,
    /// The new state.
    pub state: DeliveryState,
    /// Why it waits; none where it is finished.
    pub reason: Option<WaitReason>,
    /// When it is looked at again.
    pub due_at: Timestamp,
    /// Something is still to be done.
    pub is_open: bool,
    /// Failed calls so far.
    pub failures: i16,
    /// Code of the last failure.
    pub code: Option<String>,
    /// When the provider took it, if this is about that.
    pub sent_at: Option<Timestamp>,
    /// Keeps `finished_at` of the row empty or fills it.
    pub finished_at: Option<Timestamp>,
}

/// What the owner of the delivery does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Nothing until a receipt or the due time comes.
    AwaitReceipt,
    /// Go through the gate again at the due time.
    TryAgain,
    /// Ask the provider after the attempt at the due time.
    LookUp,
    /// This channel is done for; the next one of the plan takes over, if there is one.
    NextChannel,
    /// Nothing.
    Finish,
}

/// One step: what is written, and what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The state.
    pub change: Change,
    /// The entry of the history.
    pub event: DeliveryEvent,
    /// What follows.
    pub then: Then,
}

/// What a rule needs besides the delivery.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The tenant's policies.
    pub settings: &'a TenantSettings,
    /// The present instant.
    pub now: Timestamp,
    /// Drawn from `[0, 1)`.
    pub jitter: f64,
    /// The account that was called.
    pub account_id: ProviderAccountId,
}

/// What a provider said when asked after an unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookedUp {
    /// It has the message.
    Found,
    /// It never took it.
    Absent,
    /// It cannot tell.
    CannotTell,
}

/// How long after the call a look-up is worth asking: vendors list a message only after some seconds.
pub const LOOK_UP_AFTER: SignedDuration = SignedDuration::from_secs(35);
/// The code of an unknown outcome that was looked up in vain and is held for a receipt.
pub const HELD: &str = "unknown_outcome";
/// When a delivery whose account is refused is looked at again.
const CONFIG_RECHECK: SignedDuration = SignedDuration::from_secs(60);

/// What follows from the outcome of a call.
#[must_use]
pub fn after_attempt(delivery: &Delivery, outcome: &SendOutcome, on: Circumstances<'_>) -> Step {
    match outcome {
        SendOutcome::Accepted { delivered, .. } => accepted(delivery, *delivered, on),
        SendOutcome::Failed(failure) => match failure.class {
            FailureClass::Transient => transient(delivery, failure, on),
            FailureClass::Throttled => throttled(delivery, failure, on),
            FailureClass::ConfigFault => config_fault(delivery, failure, on),
            FailureClass::Unknown => unknown(delivery, failure, on),
            FailureClass::Permanent | FailureClass::Suppressed => {
                exhausted(delivery, Some(failure), DeliveryState::Failed, on)
            }
        },
    }
}

/// What follows from asking the provider after an unknown outcome.
#[must_use]
pub fn after_look_up(delivery: &Delivery, found: LookedUp, on: Circumstances<'_>) -> Step {
    let mut step = match found {
        LookedUp::Found => accepted(delivery, false, on),
        LookedUp::Absent => transient(delivery, &Failure::new(FailureClass::Transient, "not_found_at_provider"), on),
        LookedUp::CannotTell => hold(delivery, HELD, on),
    };
    step.event.kind = EventKind::LookedUp;
    step
}

/// What follows where a receipt says that the message did not arrive.
#[must_use]
pub fn after_bad_news(delivery: &Delivery, failure: &Failure, on: Circumstances<'_>) -> Step {
    if failure.class == FailureClass::Transient && delivery.state == DeliveryState::Undelivered {
        return transient(delivery, failure, on);
    }
    exhausted(delivery, Some(failure), delivery.state, on)
}

/// What follows where the time that a delivery was put off to has come, and it is past the gate.
/// `None` where it has to go through the gate, or where bad news is to be read first ([`awaits_bad_news`]).
#[must_use]
pub fn when_due(delivery: &Delivery, on: Circumstances<'_>) -> Option<Step> {
    match delivery.state {
        DeliveryState::Queued => None,
        // Found in a row by a process that is not making the call: the one that made it is gone (DEL-5).
        DeliveryState::Sending => Some(unknown(delivery, &Failure::new(FailureClass::Unknown, "engine_stopped"), on)),
        DeliveryState::Unknown => Some(closed(delivery, DeliveryState::Unknown, HELD, on)),
        DeliveryState::Sent => Some(closed(delivery, DeliveryState::Sent, "no_receipt", on)),
        DeliveryState::Undelivered | DeliveryState::Bounced => None,
        finished => Some(closed(delivery, finished, "finished", on)),
    }
}

/// A receipt has told that it did not arrive, and nothing was decided yet: see [`after_bad_news`].
#[must_use]
pub const fn awaits_bad_news(state: DeliveryState) -> bool {
    matches!(state, DeliveryState::Undelivered | DeliveryState::Bounced)
}

/// What bad news comes to that names no failure.
#[must_use]
pub fn unnamed_bad_news() -> Failure {
    Failure::new(FailureClass::Permanent, "undelivered")
}

/// The gate makes it wait.
#[must_use]
pub fn waits(delivery: &Delivery, until: Timestamp, reason: WaitReason, on: Circumstances<'_>) -> Step {
    Step {
        change: change(delivery, delivery.state, on).wait(reason, until),
        event: DeliveryEvent {
            reason: Some(reason),
            until: Some(until),
            ..DeliveryEvent::new(delivery.key, EventKind::Waiting, delivery.attempt_no, on.now)
        },
        then: Then::TryAgain,
    }
}

/// The gate refuses it: for good, or for this channel.
#[must_use]
pub fn refused(delivery: &Delivery, code: &'static str, other_channel: bool, on: Circumstances<'_>) -> Step {
    let expired = code == crate::gate::EXPIRED;
    let state = if expired { DeliveryState::Expired } else { DeliveryState::Refused };
    let kind = if expired { EventKind::Expired } else { EventKind::Refused };
    let mut step = exhausted(delivery, None, state, on);
    step.change.code = Some(code.to_owned());
    step.event = DeliveryEvent { kind, code: Some(code.to_owned()), ..step.event };
    if !other_channel {
        step.then = Then::Finish;
    }
    step
}

/// Taken back by the caller.
#[must_use]
pub fn cancelled(key: DeliveryKey, attempt_no: i16, failures: i16, now: Timestamp) -> Step {
    Step {
        change: Change {
            key,
            attempt_no,
            state: DeliveryState::Cancelled,
            reason: None,
            due_at: now,
            is_open: false,
            failures,
            code: None,
            sent_at: None,
            finished_at: Some(now),
        },
        event: DeliveryEvent {
            state: Some(DeliveryState::Cancelled),
            ..DeliveryEvent::new(key, EventKind::Cancelled, attempt_no, now)
        },
        then: Then::Finish,
    }
}

/// The channel after this one in a fallback plan.
#[must_use]
pub fn next_channel(strategy: Strategy, plan: &[Channel], after: Channel) -> Option<Channel> {
    match strategy {
        Strategy::All => None,
        Strategy::Fallback => {
            let at = plan.iter().position(|channel| *channel == after)?;
            plan.get(at + 1).copied()
        }
    }
}

/// No call was made for an attempt whose start is written down: its commit went through, its answer was lost, and the
/// process that had asked knows. The delivery goes back to the gate; no failure is counted.
#[must_use]
pub fn not_called(key: DeliveryKey, attempt_no: i16, failures: i16, now: Timestamp) -> Step {
    Step {
        change: Change {
            key,
            attempt_no,
            state: DeliveryState::Queued,
            reason: Some(WaitReason::Dispatch),
            due_at: now,
            is_open: true,
            failures,
            code: None,
            sent_at: None,
            finished_at: None,
        },
        event: DeliveryEvent {
            state: Some(DeliveryState::Queued),
            reason: Some(WaitReason::Dispatch),
            until: Some(now),
            code: Some("not_called".to_owned()),
            ..DeliveryEvent::new(key, EventKind::AttemptFinished, attempt_no, now)
        },
        then: Then::TryAgain,
    }
}

fn accepted(delivery: &Delivery, delivered: bool, on: Circumstances<'_>) -> Step {
    let base = change(delivery, DeliveryState::Sent, on);
    let (change, then) = if delivered {
        let change = Change { sent_at: Some(on.now), ..base.finish(DeliveryState::Delivered, on.now) };
        (change, Then::Finish)
    } else {
        let until = later(on.now, on.settings.receipt_wait(delivery.key.channel));
        (Change { sent_at: Some(on.now), ..base.wait(WaitReason::AwaitingReceipt, until) }, Then::AwaitReceipt)
    };
    Step { event: finished(delivery, &change, None, on), change, then }
}

fn transient(delivery: &Delivery, failure: &Failure, on: Circumstances<'_>) -> Step {
    let failures = delivery.failures.saturating_add(1);
    let policy: RetryPolicy = on.settings.retry_policy();
    let Some(delay) = policy.delay(u16::try_from(failures).unwrap_or(u16::MAX), on.jitter) else {
        return exhausted(delivery, Some(failure), DeliveryState::Failed, on);
    };
    let at = later(on.now, delay.max(failure.after.unwrap_or_default()));
    if at >= delivery.expires_at {
        return exhausted(delivery, Some(failure), DeliveryState::Failed, on);
    }
    let mut change = change(delivery, DeliveryState::Queued, on).wait(WaitReason::Backoff, at);
    change.failures = failures;
    change.code = Some(failure.code.clone());
    Step { event: finished(delivery, &change, Some(failure), on), change, then: Then::TryAgain }
}

/// DEL-7: no failure is counted; the lane knows how long to be silent, the delivery goes back to its queue.
fn throttled(delivery: &Delivery, failure: &Failure, on: Circumstances<'_>) -> Step {
    let at = later(on.now, failure.after.unwrap_or_default()).min(delivery.expires_at);
    let mut change = change(delivery, DeliveryState::Queued, on).wait(WaitReason::ProviderLimit, at);
    change.code = Some(failure.code.clone());
    Step { event: finished(delivery, &change, Some(failure), on), change, then: Then::TryAgain }
}

/// The account is refused, not the message: it waits until somebody has mended the account. No failure is counted.
fn config_fault(delivery: &Delivery, failure: &Failure, on: Circumstances<'_>) -> Step {
    let at = on.now.saturating_add(CONFIG_RECHECK).unwrap_or(Timestamp::MAX);
    let mut change = change(delivery, DeliveryState::Queued, on).wait(WaitReason::ProviderConfig, at);
    change.code = Some(failure.code.clone());
    Step { event: finished(delivery, &change, Some(failure), on), change, then: Then::TryAgain }
}

fn unknown(delivery: &Delivery, failure: &Failure, on: Circumstances<'_>) -> Step {
    match on.settings.unknown_policy(delivery.purpose) {
        UnknownPolicy::LookUpThenHold => {
            let at = on.now.saturating_add(LOOK_UP_AFTER).unwrap_or(Timestamp::MAX);
            let mut change = change(delivery, DeliveryState::Unknown, on).wait(WaitReason::UnknownOutcome, at);
            change.code = Some(failure.code.clone());
            Step { event: finished(delivery, &change, Some(failure), on), change, then: Then::LookUp }
        }
        UnknownPolicy::Hold => {
            let mut step = hold(delivery, &failure.code, on);
            step.event.failure_class = Some(FailureClass::Unknown);
            step
        }
        UnknownPolicy::ResendMayDuplicate => {
            let mut step = transient(delivery, failure, on);
            step.event.code = Some(format!("{}_may_duplicate", failure.code));
            step
        }
        UnknownPolicy::GiveUp => {
            let mut step = closed(delivery, DeliveryState::Unknown, &failure.code, on);
            step.event.kind = EventKind::AttemptFinished;
            step.event.failure_class = Some(FailureClass::Unknown);
            step
        }
    }
}

fn hold(delivery: &Delivery, code: &str, on: Circumstances<'_>) -> Step {
    let until = later(on.now, on.settings.unknown_hold());
    let mut change = change(delivery, DeliveryState::Unknown, on).wait(WaitReason::UnknownOutcome, until);
    change.code = Some(code.to_owned());
    let mut event = finished(delivery, &change, None, on);
    event.code = Some(code.to_owned());
    Step { change, event, then: Then::AwaitReceipt }
}

/// Nothing more can be done on this channel.
fn exhausted(delivery: &Delivery, failure: Option<&Failure>, state: DeliveryState, on: Circumstances<'_>) -> Step {
    let mut change = change(delivery, state, on).finish(state, on.now);
    change.failures = delivery.failures.saturating_add(i16::from(failure.is_some()));
    change.code = failure.map(|failure| failure.code.clone());
    Step { event: finished(delivery, &change, failure, on), change, then: Then::NextChannel }
}

fn closed(delivery: &Delivery, state: DeliveryState, code: &str, on: Circumstances<'_>) -> Step {
    let mut change = change(delivery, state, on).finish(state, on.now);
    change.code = Some(code.to_owned());
    let mut event = finished(delivery, &change, None, on);
    event.kind = EventKind::Closed;
    event.code = Some(code.to_owned());
    Step { change, event, then: Then::Finish }
}

fn change(delivery: &Delivery, state: DeliveryState, on: Circumstances<'_>) -> Change {
    Change {
        key: delivery.key,
        attempt_no: delivery.attempt_no,
        state,
        reason: None,
        due_at: on.now,
        is_open: true,
        failures: delivery.failures,
        code: None,
        sent_at: None,
        finished_at: None,
    }
}

impl Change {
    fn wait(self, reason: WaitReason, until: Timestamp) -> Self {
        Self { reason: Some(reason), due_at: until, ..self }
    }

    fn finish(self, state: DeliveryState, now: Timestamp) -> Self {
        Self { state, reason: None, due_at: now, is_open: false, finished_at: Some(now), ..self }
    }
}

fn finished(delivery: &Delivery, change: &Change, failure: Option<&Failure>, on: Circumstances<'_>) -> DeliveryEvent {
    DeliveryEvent {
        state: Some(change.state),
        reason: change.reason,
        until: change.reason.map(|_| change.due_at),
        failure_class: failure.map(|failure| failure.class),
        code: failure.map(|failure| failure.code.clone()),
        account_id: Some(on.account_id),
        ..DeliveryEvent::new(delivery.key, EventKind::AttemptFinished, delivery.attempt_no, on.now)
    }
}

fn later(now: Timestamp, wait: std::time::Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
