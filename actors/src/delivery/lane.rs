//! A lane: what stands between a channel and one provider account. Shared by both through a `dashmap`.
//!
//! It joins the set rate (`governor`), the learned pace (DEL-7), the breaker and the limit of calls under way. A turn
//! that was taken must be given back by [`Lane::end`], whatever came of the call.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use governor::clock::{Clock as GovernorClock, Reference as _};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use carepost_delivery::breaker::{Admission, Breaker, InFlightLimit, Trial};
use carepost_delivery::pace::{Pace, Turn};
use carepost_kernel::{FailureClass, ProviderAccountId, SendOutcome, WaitReason};
use carepost_tenancy::ProviderAccount;

/// Tokio's time as the rate limiters' clock, so that a paused test moves them too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokioClock {
    origin: Instant,
}

impl Default for TokioClock {
    #[expect(clippy::disallowed_methods, reason = "the origin of spans")]
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl TokioClock {
    /// Since the origin.
    pub(crate) fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }
}

impl GovernorClock for TokioClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.elapsed())
    }
}

/// A token bucket on tokio's time.
pub(crate) type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Nanos>>;

/// A bucket of `per_second` with room for `burst`.
pub(crate) fn limiter(per_second: u32, burst: u32, clock: TokioClock) -> Limiter {
    let at_least_one = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
    RateLimiter::direct_with_clock(quota, clock)
}

/// Takes one token; otherwise says how long until there is one.
pub(crate) fn take(limiter: &Limiter, clock: &TokioClock) -> Result<(), Duration> {
    limiter.check().map_err(|not_until| {
        let ready: Nanos = not_until.earliest_possible();
        Duration::from(ready.duration_since(clock.now()))
    })
}

/// A tenant's own sending limit: follows the rate that it is asked with.
#[derive(Default)]
pub(crate) struct SendLimit {
    clock: TokioClock,
    present: Mutex<Option<Rate>>,
}

struct Rate {
    per_second: u32,
    limiter: Limiter,
    /// Turns that were taken and given back: the limiter itself takes none back.
    spare: u32,
}

impl SendLimit {
    /// Takes one of `per_second`; otherwise says how long until there is one.
    pub(crate) fn take(&self, per_second: Option<u32>) -> Result<(), Duration> {
        let Some(per_second) = per_second else { return Ok(()) };
        let mut present = self.present();
        let rate = match present.take() {
            Some(rate) if rate.per_second == per_second => present.insert(rate),
            _ => {
                present.insert(Rate { per_second, limiter: limiter(per_second, per_second / 10, self.clock), spare: 0 })
            }
        };
        if rate.spare > 0 {
            rate.spare -= 1;
            return Ok(());
        }
        take(&rate.limiter, &self.clock)
    }

    /// Gives one back that was taken of `per_second` and not used.
    pub(crate) fn give_back(&self, per_second: Option<u32>) {
        if let Some(rate) = self.present().as_mut().filter(|rate| Some(rate.per_second) == per_second) {
            rate.spare += 1;
        }
    }

    fn present(&self) -> MutexGuard<'_, Option<Rate>> {
        // A poisoned lock still holds a whole rate, or none, which is made anew.
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a call may leave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneTurn {
    /// It may; the turn is taken, perhaps as one of the breaker's trials.
    Go(Option<Trial>),
    /// Not before so long from now.
    Wait { wait: Duration, reason: WaitReason },
    /// As many calls as it may have are under way: ask again when one ends.
    Full,
}

/// One account's lane.
pub(crate) struct Lane {
    clock: TokioClock,
    state: Mutex<LaneState>,
}

struct LaneState {
    version: i64,
    limiter: Option<Limiter>,
    pace: Pace,
    breaker: Breaker,
    limit: InFlightLimit,
    in_flight: u32,
    halted_until: Option<Duration>,
}

/// How long a lane stands still after its account was refused, unless the account is changed before.
const HALT: Duration = Duration::from_secs(60);

/// What an account sets for its lane.
#[derive(Debug, Clone, Copy)]
struct Setup {
    version: i64,
    rate_per_second: Option<u32>,
    max_in_flight: u32,
}

impl From<&ProviderAccount> for Setup {
    fn from(account: &ProviderAccount) -> Self {
        let ProviderAccount { version, rate_per_second, max_in_flight, .. } = *account;
        Self { version, rate_per_second, max_in_flight }
    }
}

impl LaneState {
    fn new(setup: Setup, clock: TokioClock) -> Self {
        Self {
            version: setup.version,
            // A tenth of a second's worth at once: vendors count by the second.
            limiter: setup.rate_per_second.map(|rate| limiter(rate, rate / 10, clock)),
            pace: Pace::default(),
            breaker: Breaker::default(),
            limit: InFlightLimit::new(setup.max_in_flight),
            in_flight: 0,
            halted_until: None,
        }
    }
}

impl Lane {
    fn new(setup: Setup, clock: TokioClock) -> Self {
        Self { clock, state: Mutex::new(LaneState::new(setup, clock)) }
    }

    fn state(&self) -> MutexGuard<'_, LaneState> {
        // A poisoned lock still holds counters that are whole: each change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a turn, if there is one.
    pub(crate) fn take(&self) -> LaneTurn {
        let now = self.clock.elapsed();
        let mut guard = self.state();
        let state = &mut *guard;
        if let Some(until) = state.halted_until.filter(|until| now < *until) {
            return LaneTurn::Wait { wait: until - now, reason: WaitReason::ProviderConfig };
        }
        if state.in_flight >= state.limit.limit() {
            return LaneTurn::Full;
        }
        // What takes something is asked last, so that a refusal by the others takes nothing.
        if let Some(until) = state.breaker.open_until(now) {
            return LaneTurn::Wait { wait: until - now, reason: WaitReason::BreakerOpen };
        }
        if let Turn::At(at) = state.pace.look(now) {
            return LaneTurn::Wait { wait: at.saturating_sub(now), reason: WaitReason::ProviderLimit };
        }
        if let Some(wait) = state.limiter.as_ref().and_then(|limiter| take(limiter, &self.clock).err()) {
            return LaneTurn::Wait { wait, reason: WaitReason::ProviderLimit };
        }
        let trial = match state.breaker.admit(now) {
            Admission::Call => None,
            Admission::Probe(trial) => Some(trial),
            Admission::Open { until } => {
                return LaneTurn::Wait { wait: until - now, reason: WaitReason::BreakerOpen };
            }
        };
        state.pace.take(now);
        state.in_flight += 1;
        LaneTurn::Go(trial)
    }

    /// Whether it would be of use now: not halted and not broken. Takes nothing.
    pub(crate) fn is_usable(&self) -> bool {
        let now = self.clock.elapsed();
        let state = self.state();
        state.breaker.open_until(now).is_none() && state.halted_until.is_none_or(|until| now >= until)
    }

    /// Gives a turn back as it was taken: with the outcome of the call, or without one where no call was made.
    pub(crate) fn end(&self, trial: Option<Trial>, outcome: Option<&SendOutcome>) -> LaneNews {
        let now = self.clock.elapsed();
        let mut guard = self.state();
        let state = &mut *guard;
        let in_flight = state.in_flight;
        state.in_flight = in_flight.saturating_sub(1);
        let failure = match outcome {
            None => {
                state.breaker.abandoned(trial);
                return LaneNews::None;
            }
            Some(SendOutcome::Accepted { .. }) => {
                state.pace.accepted(now);
                state.breaker.succeeded(trial);
                state.limit.succeeded(in_flight);
                return LaneNews::None;
            }
            Some(SendOutcome::Failed(failure)) => failure,
        };
        match failure.class {
            FailureClass::Throttled => {
                state.pace.throttled(now, failure.after);
                state.breaker.abandoned(trial);
            }
            FailureClass::ConfigFault => {
                state.breaker.abandoned(trial);
                state.halted_until = Some(now + HALT);
                return LaneNews::Halted;
            }
            FailureClass::Transient | FailureClass::Unknown => {
                state.limit.choked(now);
                if state.breaker.failed(now, trial) {
                    return LaneNews::BreakerOpened;
                }
            }
            FailureClass::Permanent | FailureClass::Suppressed => {
                state.pace.accepted(now);
                state.breaker.succeeded(trial);
            }
        }
        LaneNews::None
    }

    /// Takes over a changed configuration: a mended account may be tried at once.
    fn adopt(&self, setup: Setup) {
        let mut state = self.state();
        if state.version != setup.version {
            let in_flight = state.in_flight;
            *state = LaneState { in_flight, ..LaneState::new(setup, self.clock) };
        }
    }
}

/// What a call's end changed about the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneNews {
    None,
    BreakerOpened,
    Halted,
}

/// All lanes of the process.
#[derive(Clone, Default)]
pub(crate) struct Lanes {
    clock: TokioClock,
    lanes: Arc<DashMap<ProviderAccountId, Arc<Lane>>>,
}

impl Lanes {
    /// The lane of an account, in its present configuration.
    pub(crate) fn of(&self, account: &ProviderAccount) -> Arc<Lane> {
        let setup = Setup::from(account);
        let lane =
            self.lanes.entry(account.account_id).or_insert_with(|| Arc::new(Lane::new(setup, self.clock))).clone();
        lane.adopt(setup);
        lane
    }
}

#[cfg(test)]
mod tests;
