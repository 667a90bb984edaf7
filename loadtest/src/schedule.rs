//! When requests shall leave. Open loop: at their own times, however slow the answers are, and latency counts from
//! there (no coordinated omission). Closed loop: as soon as a connection is free.

use std::time::Duration;

/// The times of one run, as spans since its start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Schedule {
    /// Requests a second; `None` is flat out.
    pub(crate) rate: Option<f64>,
    /// Not measured.
    pub(crate) warm_up: Duration,
    /// Measured.
    pub(crate) measured: Duration,
}

impl Schedule {
    /// When the last request leaves.
    pub(crate) fn end(&self) -> Duration {
        self.warm_up + self.measured
    }

    /// When request `number`, counted from 0, is meant to leave; `None` where it is no part of the run. Open loop only.
    pub(crate) fn intended(&self, number: u64) -> Option<Duration> {
        let rate = self.rate?;
        let offset = Duration::from_secs_f64(number as f64 / rate);
        (offset < self.end()).then_some(offset)
    }

    /// How many requests an open loop has.
    pub(crate) fn planned(&self) -> u64 {
        let Some(rate) = self.rate else { return 0 };
        let (mut low, mut high) = (0, crate::number::whole(self.end().as_secs_f64() * rate) + 2);
        // The one rule is `intended`; rounding is its own business.
        while low < high {
            let middle = u64::midpoint(low, high);
            if self.intended(middle).is_some() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Whether a request that was meant to leave at this time counts.
    pub(crate) fn is_measured(&self, offset: Duration) -> bool {
        offset >= self.warm_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: f64) -> Schedule {
        Schedule { rate: Some(rate), warm_up: Duration::from_secs(2), measured: Duration::from_secs(3) }
    }

    #[test]
    fn arrivals_are_even_and_do_not_wait_for_answers() {
        let schedule = schedule(500.0);
        assert_eq!(schedule.intended(0), Some(Duration::ZERO));
        assert_eq!(schedule.intended(1), Some(Duration::from_millis(2)));
        assert_eq!(schedule.intended(1_000), Some(Duration::from_secs(2)));
        assert_eq!(schedule.intended(2_500), None);
    }

    #[test]
    fn the_plan_counts_exactly_the_intended_ones() {
        for rate in [0.1, 1.0, 3.0, 7.0, 333.0, 500.0, 12_345.6] {
            let schedule = schedule(rate);
            let planned = schedule.planned();
            assert!(schedule.intended(planned - 1).is_some(), "{rate}");
            assert!(schedule.intended(planned).is_none(), "{rate}");
        }
    }

    #[test]
    fn the_warm_up_does_not_count() {
        let schedule = schedule(1.0);
        assert!(!schedule.is_measured(Duration::from_millis(1_999)));
        assert!(schedule.is_measured(Duration::from_secs(2)));
    }

    #[test]
    fn flat_out_has_no_times() {
        let schedule = Schedule { rate: None, ..schedule(1.0) };
        assert_eq!((schedule.intended(0), schedule.planned()), (None, 0));
    }
}
