//! A circuit breaker for one provider account: stops calls to a vendor that only fails, and tries it again carefully.
//!
//! Only what speaks of the vendor's health counts: transient failures and lost answers. A refusal of a message is a
//! healthy answer; a throttle is the pace's business; a configuration fault halts the lane apart from this.

use std::time::Duration;

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Yes.
    Call,
    /// Yes, as one of few trials.
    Probe(Trial),
    /// No, not before this time.
    Open {
        /// When trials begin.
        until: Duration,
    },
}

/// One of few calls that try a vendor again; what comes of it is told with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// Of which opening: a trial that outlives its round says nothing about the next one's.
    round: u64,
}

/// The breaker. Times are spans since an origin of the caller's choice.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    state: State,
    /// How often it has opened without closing in between.
    opened: u32,
    /// How often it has opened at all.
    round: u64,
}

#[derive(Debug, Clone)]
enum State {
    Closed { consecutive: u32 },
    Open { until: Duration },
    HalfOpen { in_trial: u32, passed: u32 },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { consecutive: 0 }
    }
}

/// Failures in a row that open it.
pub const OPENS_AFTER: u32 = 8;
/// Trials at once, and successes that close it.
const PROBES: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(16);

impl Breaker {
    /// Asks whether a call may be made. [`Admission::Probe`] takes one of the trials: tell what came of it by
    /// [`Self::succeeded`], [`Self::failed`] or [`Self::abandoned`], with the trial. While there are trials, calls from
    /// before it opened count for nothing.
    pub fn admit(&mut self, now: Duration) -> Admission {
        let trial = Trial { round: self.round };
        match &mut self.state {
            State::Closed { .. } => Admission::Call,
            State::Open { until } if now < *until => Admission::Open { until: *until },
            State::Open { .. } => {
                self.state = State::HalfOpen { in_trial: 1, passed: 0 };
                Admission::Probe(trial)
            }
            State::HalfOpen { in_trial, .. } if *in_trial < PROBES => {
                *in_trial += 1;
                Admission::Probe(trial)
            }
            State::HalfOpen { .. } => Admission::Open { until: now + FIRST_PAUSE },
        }
    }

    /// Until when no call may be made, if none may be made now. Takes no trial.
    #[must_use]
    pub fn open_until(&self, now: Duration) -> Option<Duration> {
        match &self.state {
            State::Open { until } if now < *until => Some(*until),
            // All trials are under way: what comes of them decides.
            State::HalfOpen { in_trial, .. } if *in_trial >= PROBES => Some(now + FIRST_PAUSE),
            State::Closed { .. } | State::Open { .. } | State::HalfOpen { .. } => None,
        }
    }

    /// The vendor answered soundly.
    pub fn succeeded(&mut self, trial: Option<Trial>) {
        let is_trial = self.is_of_this_round(trial);
        match &mut self.state {
            State::Closed { consecutive } => *consecutive = 0,
            State::HalfOpen { in_trial, passed } if is_trial => {
                *in_trial = in_trial.saturating_sub(1);
                *passed += 1;
                if *passed >= PROBES {
                    *self = Self { round: self.round, ..Self::default() };
                }
            }
            // The answer to a call from before it opened.
            State::HalfOpen { .. } | State::Open { .. } => {}
        }
    }

    /// A call that was admitted says nothing of the vendor's health: it was not made, or was refused for haste or for
    /// the account's sake. A trial goes back, so that another call can be one.
    pub fn abandoned(&mut self, trial: Option<Trial>) {
        let is_trial = self.is_of_this_round(trial);
        if let State::HalfOpen { in_trial, .. } = &mut self.state
            && is_trial
        {
            *in_trial = in_trial.saturating_sub(1);
        }
    }

    /// The vendor failed. Returns true where that opened it.
    pub fn failed(&mut self, now: Duration, trial: Option<Trial>) -> bool {
        let is_trial = self.is_of_this_round(trial);
        match &mut self.state {
            State::Closed { consecutive } => {
                *consecutive += 1;
                if *consecutive < OPENS_AFTER {
                    return false;
                }
            }
            State::HalfOpen { .. } if is_trial => {}
            State::HalfOpen { .. } | State::Open { .. } => return false,
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.opened.min(8)).min(LONGEST_PAUSE);
        self.opened += 1;
        self.round += 1;
        self.state = State::Open { until: now + pause };
        true
    }

    fn is_of_this_round(&self, trial: Option<Trial>) -> bool {
        trial.is_some_and(|trial| trial.round == self.round)
    }
}

/// How many calls may be under way at once: doubles with each round of sound calls until the vendor chokes, which
/// halves it; from half of what choked on it grows by one a round. (TCP's slow start and congestion avoidance, RFC 5681.)
#[derive(Debug, Clone)]
pub struct InFlightLimit {
    limit: f64,
    most: f64,
    /// Below it grows quickly.
    cautious_from: f64,
    halved: Option<Duration>,
}

/// Chokes within this time of the last one say nothing new.
const ONE_CHOKE: Duration = Duration::from_secs(1);

impl InFlightLimit {
    /// Starts at 16 or `most`, whatever is less.
    #[must_use]
    pub fn new(most: u32) -> Self {
        let most = f64::from(most.max(1));
        Self { limit: most.min(16.0), most, cautious_from: most, halved: None }
    }

    /// The present limit.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and `most`, a u32")]
    pub const fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// A call came back soundly, while so many were under way: what was not used proves nothing of more.
    pub fn succeeded(&mut self, in_flight: u32) {
        if f64::from(in_flight) * 2.0 < self.limit {
            return;
        }
        let step = if self.limit < self.cautious_from { 1.0 } else { 1.0 / self.limit };
        self.limit = (self.limit + step).min(self.most);
    }

    /// A call timed out or was turned away by a server in trouble.
    pub fn choked(&mut self, now: Duration) {
        if self.halved.is_none_or(|halved| now >= halved + ONE_CHOKE) {
            self.limit = (self.limit / 2.0).max(1.0);
            self.cautious_from = self.limit;
            self.halved = Some(now);
        }
    }
}

#[cfg(test)]
mod tests;
