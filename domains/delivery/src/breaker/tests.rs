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
    assert_eq!(breaker.admit(at(9)), Admission::Call);
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
    assert_eq!(breaker.admit(at(9)), Admission::Call);
}

#[test]
fn a_trial_that_told_nothing_goes_back() {
    let mut breaker = opened();
    for round in 1..=3 {
        assert_eq!(breaker.open_until(at(round)), None);
        assert_eq!([breaker.admit(at(round)), breaker.admit(at(round))], [Admission::Probe; 2]);
        assert_eq!(breaker.open_until(at(round)), Some(at(round + 1)), "no trial is left");
        breaker.abandoned();
        breaker.abandoned();
    }
    assert_eq!([breaker.admit(at(4)), breaker.admit(at(4))], [Admission::Probe; 2]);
    breaker.succeeded();
    breaker.succeeded();
    breaker.abandoned();
    assert_eq!(breaker.admit(at(4)), Admission::Call);
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
fn the_limit_doubles_with_each_round_until_it_chokes_and_is_careful_then() {
    let mut limit = InFlightLimit::new(64);
    let round = |limit: &mut InFlightLimit| {
        let calls = limit.limit();
        (0..calls).for_each(|_| limit.succeeded(calls));
        limit.limit()
    };
    assert_eq!(limit.limit(), 16);
    assert_eq!([round(&mut limit), round(&mut limit), round(&mut limit)], [32, 64, 64]);
    limit.choked(at(1));
    limit.choked(at(1));
    assert_eq!(limit.limit(), 32, "chokes of one moment count once");
    assert_eq!([round(&mut limit), round(&mut limit), round(&mut limit)], [32, 33, 34]);
    (0..20).for_each(|i| limit.choked(at(10 + i)));
    assert_eq!(limit.limit(), 1);
}

#[test]
fn a_limit_that_is_not_used_does_not_grow() {
    let mut limit = InFlightLimit::new(64);
    (0..100).for_each(|_| limit.succeeded(7));
    assert_eq!(limit.limit(), 16);
}
