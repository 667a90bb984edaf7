//! DEL-7: the pace that a vendor's throttles teach. A throttle slows the lane and burns no attempt.
//!
//! Additive increase, multiplicative decrease, with a twist that keeps the use of the allowed rate at 97 % and more:
//! the first throttle shows what the vendor really takes (what it accepted in the last second), so the pace drops to
//! that at once; later throttles lower it by 2 %; after thirty quiet seconds it grows by 1 % a second.
//! Several throttles of calls that were under way together count as one.
//!
//! Times are spans since an origin of the caller's choice, so that nothing here reads a clock.

use std::collections::VecDeque;
use std::time::Duration;

/// What came of asking for a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Call now.
    Now,
    /// Ask again at this time.
    At(Duration),
}

/// The learned pace of one lane. Without a throttle it sets no limit.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Calls a second; `None` until the first throttle.
    rate: Option<f64>,
    /// The next call is due at this time, if a rate is known.
    next: Duration,
    /// The vendor wants silence until then.
    silent_until: Duration,
    /// When the rate was lowered last.
    lowered: Option<Duration>,
    /// When the rate was raised last.
    raised: Duration,
    /// When calls were accepted, of the last second.
    accepted: VecDeque<Duration>,
}

const SECOND: Duration = Duration::from_secs(1);
/// Throttles within this time of the last one say nothing new.
const ONE_LESSON: Duration = Duration::from_millis(500);
/// How long it stays quiet before it dares more.
const QUIET: Duration = Duration::from_secs(30);
const LOWER: f64 = 0.98;
const RAISE: f64 = 1.01;
const LOWEST: f64 = 0.1;
/// Turns that were missed may be caught up on for this long: a timer's imprecision must not cost rate.
const CATCH_UP: Duration = Duration::from_millis(100);
/// Where the vendor names no time.
const DEFAULT_SILENCE: Duration = Duration::from_millis(200);
/// Beyond this many accepted calls in a second the exact number does not matter.
const REMEMBERED: usize = 20_000;

impl Default for Pace {
    fn default() -> Self {
        Self {
            rate: None,
            next: Duration::ZERO,
            silent_until: Duration::ZERO,
            lowered: None,
            raised: Duration::ZERO,
            accepted: VecDeque::new(),
        }
    }
}

impl Pace {
    /// The learned rate in calls a second, where there is one.
    #[must_use]
    pub const fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Until when the vendor wants silence.
    #[must_use]
    pub const fn silent_until(&self) -> Duration {
        self.silent_until
    }

    /// Asks for a turn. [`Turn::Now`] takes it.
    pub fn take(&mut self, now: Duration) -> Turn {
        if now < self.silent_until {
            return Turn::At(self.silent_until);
        }
        self.raise(now);
        let Some(rate) = self.rate else { return Turn::Now };
        if now < self.next {
            return Turn::At(self.next);
        }
        let step = Duration::from_secs_f64(1.0 / rate);
        self.next = self.next.max(now.saturating_sub(CATCH_UP)) + step;
        Turn::Now
    }

    /// The vendor took a call.
    pub fn accepted(&mut self, now: Duration) {
        self.forget_before(now.saturating_sub(SECOND));
        if self.accepted.len() < REMEMBERED {
            self.accepted.push_back(now);
        }
    }

    /// The vendor refused a call for haste and asks to wait `after`.
    pub fn throttled(&mut self, now: Duration, after: Option<Duration>) {
        let until = now + after.unwrap_or(DEFAULT_SILENCE);
        self.silent_until = self.silent_until.max(until);
        if self.lowered.is_some_and(|lowered| now < lowered + ONE_LESSON) {
            return;
        }
        self.forget_before(now.saturating_sub(SECOND));
        // At most some ten thousands: exact in an f64.
        #[expect(clippy::cast_precision_loss, reason = "bounded by REMEMBERED")]
        let taken = (self.accepted.len() as f64).max(1.0);
        let lowered = match self.rate {
            // What it took in a second is what it allows. Far above that, the known rate is worth nothing.
            None => taken,
            Some(rate) if taken < rate * 0.8 => taken.max(rate * 0.5),
            Some(rate) => rate * LOWER,
        };
        self.rate = Some(lowered.max(LOWEST));
        self.lowered = Some(now);
        self.raised = now + QUIET;
        self.next = self.next.max(self.silent_until);
    }

    fn raise(&mut self, now: Duration) {
        while self.rate.is_some() && now >= self.raised + SECOND {
            self.raised += SECOND;
            self.rate = self.rate.map(|rate| rate * RAISE);
        }
    }

    fn forget_before(&mut self, time: Duration) {
        while self.accepted.front().is_some_and(|first| *first < time) {
            self.accepted.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
