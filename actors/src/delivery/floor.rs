//! Since when deliveries are open: looks for due ones begin there.
//!
//! A delivery that has ended stays in the index of open ones until vacuum takes it, and vacuum takes nothing that a
//! snapshot somewhere could still see. A look from the beginning of time would pass over all that ended meanwhile, and
//! an hour of an open transaction would make each look a second long.
//!
//! There is one floor for a placement, and the oldest due delivery holds it down: beside a queue of hours, looks pass
//! over what ended in those hours, as far as vacuum has not taken it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Between the instant at which a new delivery is due and its commit, and between two processes' clocks.
const LATE: SignedDuration = SignedDuration::from_secs(10);
/// A look goes back to the beginning so often: what was later than that is found then.
const WHOLE_EVERY: Duration = Duration::from_secs(60);
/// And again so soon after one that has not ended: others come in between.
const WHOLE_AGAIN: Duration = Duration::from_secs(5);
/// After a look, so many times as long as it took: a twentieth of one session's time.
const RESTS: u32 = 19;
/// But no longer: a database that hung for a while is no reason to leave what is due alone.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// Of one placement.
#[derive(Debug, Default)]
pub(crate) struct DueFloor(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Nothing that is open was due before it.
    at: Option<Timestamp>,
    next_look: Option<Instant>,
    next_whole_look: Option<Instant>,
}

/// A look under way.
#[derive(Debug)]
pub(crate) struct Look {
    /// Nothing that is due before this instant needs to be looked for.
    pub(crate) due_from: Timestamp,
    now: Timestamp,
    is_whole: bool,
    began: Instant,
}

impl DueFloor {
    /// Where a look begins.
    pub(crate) fn at(&self, now: Timestamp) -> Timestamp {
        self.known().at(now)
    }

    /// Begins a look, unless the last one was so heavy that it is too early for another.
    pub(crate) fn look(&self, now: Timestamp) -> Option<Look> {
        let (mut known, began) = (self.known(), instant());
        if known.next_look.is_some_and(|next| began < next) {
            return None;
        }
        let is_whole = known.at.is_none() || known.next_whole_look.is_none_or(|next| began >= next);
        if is_whole {
            known.next_whole_look = Some(began + WHOLE_AGAIN);
        }
        let due_from = if is_whole { Timestamp::MIN } else { known.at(now) };
        Some(Look { due_from, now, is_whole, began })
    }

    /// A look has found what is due, the first of it at `first_due_at`.
    pub(crate) fn looked(&self, look: &Look, first_due_at: Option<Timestamp>) {
        let mut known = self.known();
        let now = instant();
        known.next_look = Some(now + (now.duration_since(look.began) * RESTS).min(LONGEST_REST));
        if look.is_whole {
            known.next_whole_look = Some(now + WHOLE_EVERY);
        }
        let late = before(look.now);
        known.at = Some(first_due_at.map_or(late, |first| first.min(late)));
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// A clock that was set back makes deliveries that are due before what was found.
    fn at(&self, now: Timestamp) -> Timestamp {
        self.at.map_or(Timestamp::MIN, |at| at.min(before(now)))
    }
}

fn before(now: Timestamp) -> Timestamp {
    now.saturating_sub(LATE).unwrap_or(Timestamp::MIN)
}

#[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
fn instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A look that takes no time.
    fn look(floor: &DueFloor, now: i64, first_due_at: Option<i64>) -> Timestamp {
        let look = floor.look(at(now)).unwrap();
        floor.looked(&look, first_due_at.map(at));
        look.due_from
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_begins_with_what_was_open_at_the_last_one() {
        let floor = DueFloor::default();
        assert_eq!(floor.at(at(1_000)), Timestamp::MIN, "nobody has looked yet");
        assert_eq!(look(&floor, 1_000, Some(700)), Timestamp::MIN);
        assert_eq!(look(&floor, 1_001, None), at(700), "it has waited long");
        assert_eq!(look(&floor, 1_002, Some(1_002)), at(991), "nothing waits");
        assert_eq!(floor.at(at(1_003)), at(992), "what was due just now may be stored a little later");
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_moves_it_back() {
        let floor = DueFloor::default();
        look(&floor, 10_000, None);
        assert_eq!(look(&floor, 5_000, None), at(4_990));
    }

    #[tokio::test(start_paused = true)]
    async fn now_and_then_a_look_goes_back_to_the_beginning() {
        let floor = DueFloor::default();
        look(&floor, 1_000, None);
        tokio::time::advance(WHOLE_EVERY - Duration::from_millis(1)).await;
        assert_eq!(look(&floor, 1_060, None), at(990));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(look(&floor, 1_060, None), Timestamp::MIN);
        assert_eq!(look(&floor, 1_060, None), at(1_050));
    }

    #[tokio::test(start_paused = true)]
    async fn a_heavy_look_rests_and_one_that_failed_comes_again() {
        let floor = DueFloor::default();
        for (took_ms, rest_ms) in [(100, 1_900), (60_000, 5_000)] {
            let heavy = floor.look(at(1_000)).unwrap();
            tokio::time::advance(Duration::from_millis(took_ms)).await;
            floor.looked(&heavy, None);
            tokio::time::advance(Duration::from_millis(rest_ms - 1)).await;
            assert!(floor.look(at(1_000)).is_none());
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        tokio::time::advance(WHOLE_EVERY).await;
        let looks = || floor.look(at(1_000)).unwrap().due_from;
        assert_eq!([looks(), looks()], [Timestamp::MIN, at(990)], "it failed, and does not stand in the way of others");
        tokio::time::advance(WHOLE_AGAIN).await;
        assert_eq!(looks(), Timestamp::MIN);
    }
}
