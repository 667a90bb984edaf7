//! The breaker opens, tries, and closes.

use super::*;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn opened() -> Breaker {
    let mut breaker = Breaker::default();
    let opens: Vec<bool> = (0..OPENS_AFTER).map(|_| breaker.failed(at(0))).collect();
    assert_eq!(opens.iter().filter(|opens| **opens).count(), 1);
    breaker
}

#[test]
fn a_success_in_between_keeps_it_closed() {
    let mut breaker = Breaker::default();
    for _ in 0..OPENS_AFTER * 3 {
        breaker.failed(at(0));
        breaker.succeeded();
    }
    assert!(breaker.is_closed());
}

#[test]
fn it_opens_tries_two_and_closes() {
    let mut breaker = opened();
    assert_eq!(breaker.admit(at(0)), Admission::Open { until: at(1) });
    assert_eq!(breaker.admit(at(1)), Admission::Probe);
    assert_eq!(breaker.admit(at(1)), Admission::Probe);
    assert_eq!(breaker.admit(at(1)), Admission::Open { until: at(2) });
    breaker.succeeded();
    breaker.succeeded();
    assert!(breaker.is_closed());
}

#[test]
fn a_failed_trial_opens_it_for_longer_up_to_a_bound() {
    let mut breaker = opened();
    let mut now = at(1);
    for pause in [2, 4, 8, 16, 16] {
        assert_eq!(breaker.admit(now), Admission::Probe);
        assert!(breaker.failed(now));
        assert_eq!(breaker.open_until(now), Some(now + at(pause)));
        now += at(pause);
    }
}

#[test]
fn the_limit_grows_and_halves_once_for_one_choke() {
    let mut limit = InFlightLimit::new(64);
    (0..2_000).for_each(|_| limit.succeeded());
    assert_eq!(limit.limit(), 63.max(limit.limit()));
    limit.choked(at(1));
    limit.choked(at(1));
    assert!((31..=32).contains(&limit.limit()));
    (0..20).for_each(|i| limit.choked(at(10 + i)));
    assert_eq!(limit.limit(), 1);
}
