//! The breaker opens, tries, and closes.

use super::*;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn opened() -> Breaker {
    let mut breaker = Breaker::default();
    let opens: Vec<bool> = (0..OPENS_AFTER).map(|_| breaker.failed(at(0), None)).collect();
    assert_eq!(opens.iter().filter(|opens| **opens).count(), 1);
    breaker
}

fn trial(breaker: &mut Breaker, now: Duration) -> Option<Trial> {
    match breaker.admit(now) {
        Admission::Probe(trial) => Some(trial),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_success_in_between_keeps_it_closed() {
    let mut breaker = Breaker::default();
    for _ in 0..OPENS_AFTER * 3 {
        breaker.failed(at(0), None);
        breaker.succeeded(None);
    }
    assert_eq!(breaker.admit(at(9)), Admission::Call);
}

#[test]
fn it_opens_tries_two_and_closes() {
    let mut breaker = opened();
    assert_eq!(breaker.admit(at(0)), Admission::Open { until: at(1) });
    let trials = [trial(&mut breaker, at(1)), trial(&mut breaker, at(1))];
    assert_eq!(breaker.admit(at(1)), Admission::Open { until: at(2) });
    trials.into_iter().for_each(|trial| breaker.succeeded(trial));
    assert_eq!(breaker.admit(at(9)), Admission::Call);
}

#[test]
fn a_trial_that_told_nothing_goes_back() {
    let mut breaker = opened();
    for round in 1..=3 {
        assert_eq!(breaker.open_until(at(round)), None);
        let trials = [trial(&mut breaker, at(round)), trial(&mut breaker, at(round))];
        assert_eq!(breaker.open_until(at(round)), Some(at(round + 1)), "no trial is left");
        trials.into_iter().for_each(|trial| breaker.abandoned(trial));
    }
    let trials = [trial(&mut breaker, at(4)), trial(&mut breaker, at(4))];
    trials.into_iter().for_each(|trial| breaker.succeeded(trial));
    breaker.abandoned(None);
    assert_eq!(breaker.admit(at(4)), Admission::Call);
}

/// Calls from before it opened, and trials of an earlier round, end while it is tried again.
#[test]
fn while_it_is_tried_only_its_trials_count() {
    let mut breaker = opened();
    let (early, late) = (trial(&mut breaker, at(1)), trial(&mut breaker, at(1)));
    assert!(breaker.failed(at(1), early));
    let trials = [trial(&mut breaker, at(3)), trial(&mut breaker, at(3))];
    for stale in [None, late] {
        breaker.abandoned(stale);
        breaker.succeeded(stale);
        breaker.succeeded(stale);
        assert!(!breaker.failed(at(3), stale));
        assert_eq!(breaker.admit(at(3)), Admission::Open { until: at(4) }, "no trial came back, and it is not closed");
    }
    trials.into_iter().for_each(|trial| breaker.succeeded(trial));
    assert_eq!(breaker.admit(at(3)), Admission::Call);
}

#[test]
fn a_failed_trial_opens_it_for_longer_up_to_a_bound() {
    let mut breaker = opened();
    let mut now = at(1);
    for pause in [2, 4, 8, 16, 16] {
        let trial = trial(&mut breaker, now);
        assert!(breaker.failed(now, trial));
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
