//! The retry policy: exponential growth by the `backoff` crate, jitter of our own, bounded by the message's expiry.
//!
//! `backoff` is used as a calculator only (its own jitter cannot be seeded, its elapsed-time bound is off):
//! the schedule itself lives in rows. This is the only file that names the crate.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;

/// How long to wait before the next try.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// The wait after the first failure, before jitter.
    pub initial: Duration,
    /// Each further wait is this many times longer.
    pub multiplier: f64,
    /// No wait is longer.
    pub cap: Duration,
    /// How many failed tries end it.
    pub max_failures: u16,
}

impl Default for RetryPolicy {
    /// 2 s, doubled up to 15 min, 8 failures: about half an hour in all.
    fn default() -> Self {
        Self { initial: Duration::from_secs(2), multiplier: 2.0, cap: Duration::from_secs(15 * 60), max_failures: 8 }
    }
}

impl RetryPolicy {
    /// The wait after `failures` failed tries (1 after the first), or `None` where that was the last one allowed.
    ///
    /// `jitter` in `[0, 1)` is drawn by the caller; the wait lies in `[half, whole]` of the exponential step.
    #[must_use]
    pub fn delay(&self, failures: u16, jitter: f64) -> Option<Duration> {
        if failures == 0 || failures >= self.max_failures {
            return None;
        }
        let step = self.step(failures);
        Some(step.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0))
    }

    fn step(&self, failures: u16) -> Duration {
        let mut exponential = ExponentialBackoff {
            current_interval: self.initial,
            initial_interval: self.initial,
            randomization_factor: 0.0,
            multiplier: self.multiplier,
            max_interval: self.cap,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        let mut step = self.initial.min(self.cap);
        for _ in 0..failures {
            // `None` only comes of an elapsed-time bound, which is off.
            step = exponential.next_backoff().unwrap_or(self.cap);
        }
        step
    }
}

#[cfg(test)]
mod tests;
