//! Some thousand worlds, each of which can be replayed from its seed.

use std::collections::BTreeMap;

use crate::plants::Plant;
use crate::run::{Outcome, alone, run};

/// Seeds of one test, unless `CAREPOST_SIM_SEEDS` says more.
const SEEDS: u64 = 700;

#[expect(clippy::disallowed_methods, reason = "what to run is handed over in the environment")]
fn told<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number")))
}

/// Every promise is kept in each of these worlds, and the faults did happen.
fn promises_are_kept(first: u64, seeds: u64, run: impl Fn(u64) -> Outcome) {
    let _alone = alone();
    let mut seen: BTreeMap<&'static str, u64> = BTreeMap::new();
    for seed in first..first + told("CAREPOST_SIM_SEEDS").unwrap_or(seeds) {
        let outcome = run(seed);
        outcome.assert_kept();
        for (what, count) in outcome.seen {
            *seen.entry(what).or_default() += count;
        }
    }
    let faults = [
        "cancel",
        "fenced",
        "freeze",
        "key reused",
        "kill",
        "look_up",
        "lost lease",
        "outage",
        "panic",
        "pause",
        "receipt",
        "refused",
        "slow",
        "stolen lease",
        "stop",
        "torn",
    ];
    let missing: Vec<&str> = faults.into_iter().filter(|fault| !seen.contains_key(fault)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}; {seen:?}");
}

#[test]
fn del_1_to_del_10_are_kept_in_the_first_worlds() {
    promises_are_kept(0, SEEDS, |seed| run(seed, None));
}

#[test]
fn del_1_to_del_10_are_kept_in_the_second_worlds() {
    promises_are_kept(1_000_000, SEEDS, |seed| run(seed, None));
}

#[test]
fn del_1_to_del_10_are_kept_in_the_third_worlds() {
    promises_are_kept(2_000_000, SEEDS, |seed| run(seed, None));
}

/// The trace of commits and calls with their times is equal: a seed that fails fails again.
#[test]
fn a_seed_is_the_same_world_each_time() {
    promises_are_kept(3_000_000, SEEDS / 2, |seed| {
        let (first, second) = (run(seed, None), run(seed, None));
        let differ = first.lines.iter().zip(&second.lines).find(|(one, other)| one != other);
        assert!(first.digest == second.digest, "seed {seed} is another world the second time, from {differ:?} on");
        first
    });
}

/// A world that breaks a promise is found out within some seeds.
#[track_caller]
fn is_found_out(plant: Plant, promise: &str) {
    let _alone = alone();
    let mut others = Vec::new();
    for seed in 0..60 {
        let broken = run(seed, Some(plant)).broken;
        if broken.iter().any(|one| one.starts_with(promise)) {
            return;
        }
        others.extend(broken);
    }
    panic!("{plant:?} was not found out as {promise}: {others:?}");
}

#[test]
fn a_world_that_breaks_a_promise_is_found_out() {
    for (plant, promise) in [
        (Plant::AcksWithoutKeeping, "DEL-1"),
        (Plant::KeysForgotten, "DEL-2"),
        (Plant::NamelessWaits, "DEL-3"),
        (Plant::StartsUnwritten, "DEL-4"),
        (Plant::UnknownResent, "DEL-5"),
        (Plant::ReceiptsDropped, "DEL-6"),
        (Plant::ThrottlesCount, "DEL-7"),
        (Plant::PauseUntold, "DEL-8"),
        (Plant::FenceOpen, "DEL-10"),
    ] {
        is_found_out(plant, promise);
    }
}

/// One seed with its trace: `CAREPOST_SIM_SEED=1234`; without it there is nothing to replay.
#[test]
fn replay() {
    let Some(seed) = told("CAREPOST_SIM_SEED") else { return };
    let _alone = alone();
    let outcome = run(seed, None);
    outcome.lines.iter().for_each(|line| println!("{line}"));
    println!("lasted {} ms; {:?}", outcome.lasted_ms, outcome.seen);
    outcome.assert_kept();
}
