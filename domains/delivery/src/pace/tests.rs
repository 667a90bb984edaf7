//! DEL-7 against a vendor with a bucket of its own, in virtual time.

use super::*;

/// A vendor that allows `rate` calls a second, saved up for `burst` calls at most.
struct Bucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    filled: Duration,
}

impl Bucket {
    fn call(&mut self, now: Duration) -> bool {
        self.tokens = (self.tokens + (now - self.filled).as_secs_f64() * self.rate).min(self.burst);
        self.filled = now;
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}

/// Drives a lane that always has work for `seconds`; gives the share of the allowed rate
/// that was used, and of calls that were throttled, after the first 60 s.
fn drive(rate: f64, burst: f64, seconds: u64, after: Option<Duration>) -> (f64, f64) {
    let mut vendor = Bucket { rate, burst, tokens: burst, filled: Duration::ZERO };
    let mut pace = Pace::default();
    let (mut now, mut accepted, mut throttled) = (Duration::ZERO, 0.0, 0.0);
    let settled = Duration::from_secs(60);
    let end = Duration::from_secs(seconds);
    while now < end {
        match pace.take(now) {
            Turn::At(later) => now = later.max(now + Duration::from_micros(1)),
            Turn::Now if vendor.call(now) => {
                pace.accepted(now);
                accepted += if now >= settled { 1.0 } else { 0.0 };
                now += Duration::from_micros(200);
            }
            Turn::Now => {
                pace.throttled(now, after);
                throttled += if now >= settled { 1.0 } else { 0.0 };
            }
        }
    }
    (accepted / (rate * (end - settled).as_secs_f64()), throttled / accepted)
}

#[test]
fn del_7_at_least_97_percent_of_the_allowed_rate_is_used() {
    for (rate, burst) in [(10.0, 10.0), (100.0, 100.0), (100.0, 1.0), (1_000.0, 50.0)] {
        let (used, refused) = drive(rate, burst, 660, None);
        assert!(used >= 0.97, "rate {rate}, burst {burst}: used {used}");
        assert!(refused < 0.01, "rate {rate}, burst {burst}: refused {refused}");
    }
}

#[test]
fn del_7_a_named_wait_is_kept_in_full() {
    let mut pace = Pace::default();
    pace.throttled(Duration::from_secs(5), Some(Duration::from_secs(30)));
    assert_eq!(pace.take(Duration::from_secs(20)), Turn::At(Duration::from_secs(35)));
    assert_eq!(pace.take(Duration::from_secs(35)), Turn::Now);
}

#[test]
fn without_a_throttle_there_is_no_limit() {
    let mut pace = Pace::default();
    assert!((0..10_000).all(|_| pace.take(Duration::from_secs(1)) == Turn::Now));
}

#[test]
fn no_wish_of_a_vendor_overflows() {
    let mut pace = Pace::default();
    pace.accepted(SECOND);
    pace.throttled(SECOND, Some(Duration::MAX));
    assert_eq!(pace.take(SECOND * 2), Turn::At(Duration::MAX));
    pace.throttled(SECOND * 3, Some(Duration::MAX));
    assert_eq!(pace.look(SECOND * 4), Turn::At(Duration::MAX));
}
