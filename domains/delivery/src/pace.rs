//! DEL-7: the pace that a vendor's throttles teach. A throttle slows the lane and burns no attempt.
//!
//! Additive increase, multiplicative decrease, with a twist that keeps the use of the allowed rate at 97 % and more:
//! the first throttle shows what the vendor really takes (what it accepted in the last second), so the pace drops to
//! that at once; later throttles lower it by 2 %; after 45 quiet seconds it grows by 5 %, 1 % a second,
//! and a throttle then brings it back to where it held.
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
    /// The last rate that was held without a throttle for as long as it takes to dare more.
    proven: f64,
    /// How far the present step goes.
    goal: f64,
    /// How sure the rate is.
    phase: Phase,
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

/// How sure the rate is: each lesson makes it surer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A guess from little: feels its way up quickly.
    Search,
    /// Close: goes on up without a rest.
    Approach,
    /// Known: rests, and dares a step now and then.
    Hold,
}

const SECOND: Duration = Duration::from_secs(1);
/// Throttles within this time of the last one say nothing new.
const ONE_LESSON: Duration = Duration::from_millis(500);
/// How long it stays quiet before it dares more.
const QUIET: Duration = Duration::from_secs(45);
const LOWER: f64 = 0.98;
const RAISE: f64 = 1.01;
const SEARCH: f64 = 1.5;
const APPROACH: f64 = 1.03;
const STEP: f64 = 1.05;
const LOWEST: f64 = 0.1;
/// A rate is not read off a shorter time.
const SHORTEST_SPAN: Duration = Duration::from_millis(100);
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
            proven: f64::MAX,
            goal: 0.0,
            phase: Phase::Search,
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

    /// Asks whether it is somebody's turn, and takes none.
    pub fn look(&mut self, now: Duration) -> Turn {
        if now < self.silent_until {
            return Turn::At(self.silent_until);
        }
        self.raise(now);
        if self.rate.is_some() && now < self.next { Turn::At(self.next) } else { Turn::Now }
    }

    /// Asks for a turn. [`Turn::Now`] takes it.
    pub fn take(&mut self, now: Duration) -> Turn {
        if let Turn::At(later) = self.look(now) {
            return Turn::At(later);
        }
        let Some(rate) = self.rate else { return Turn::Now };
        let step = Duration::from_secs_f64(1.0 / rate);
        self.next = self.next.max(now.saturating_sub(CATCH_UP)).saturating_add(step);
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
        let until = now.saturating_add(after.unwrap_or(DEFAULT_SILENCE));
        self.silent_until = self.silent_until.max(until);
        // Silence is not caught up on.
        self.next = self.next.max(self.silent_until);
        if self.lowered.is_some_and(|lowered| now < lowered + ONE_LESSON) {
            return;
        }
        self.forget_before(now.saturating_sub(SECOND));
        let taken = self.taken_per_second(now);
        // A second that was spent in silence tells nothing of what the vendor allows.
        let just_silent = self.lowered.is_some_and(|lowered| now < lowered + SECOND * 2);
        let lowered = match self.rate {
            // What it took in a second is what it allows. Far above that, the known rate is worth nothing.
            None => taken,
            Some(rate) if taken < rate * 0.8 && !just_silent => taken.max(rate * 0.5),
            // Dared too much: back towards where it held, at once.
            Some(rate) if rate > self.proven => self.proven.max(rate * 0.95),
            Some(rate) => rate * LOWER,
        };
        self.phase = match (self.rate, self.phase) {
            (None, _) => Phase::Search,
            (Some(_), Phase::Search) => Phase::Approach,
            (Some(_), Phase::Approach | Phase::Hold) => Phase::Hold,
        };
        self.rate = Some(lowered.max(LOWEST));
        self.proven = f64::MAX;
        self.goal = 0.0;
        self.lowered = Some(now);
        self.raised = if self.phase == Phase::Hold { now + QUIET } else { now };
    }

    /// What the vendor took in the last second, or since the first call if that is less.
    #[expect(clippy::cast_precision_loss, reason = "bounded by REMEMBERED")]
    fn taken_per_second(&self, now: Duration) -> f64 {
        let span = self.accepted.front().map_or(SECOND, |first| now.saturating_sub(*first));
        let span = if self.rate.is_none() { span.max(SHORTEST_SPAN) } else { SECOND };
        (self.accepted.len() as f64).max(1.0) / span.as_secs_f64()
    }

    fn raise(&mut self, now: Duration) {
        while now >= self.raised + SECOND {
            self.raised += SECOND;
            let Some(rate) = self.rate.as_mut() else { return };
            match self.phase {
                Phase::Search => *rate *= SEARCH,
                Phase::Approach => *rate *= APPROACH,
                Phase::Hold => {}
            }
            if self.phase != Phase::Hold {
                continue;
            }
            if *rate >= self.goal {
                // It held for as long as it takes to dare more: a further step of 5 %.
                self.proven = *rate;
                self.goal = *rate * STEP;
            }
            *rate *= RAISE;
            if *rate >= self.goal {
                self.raised += QUIET;
            }
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
