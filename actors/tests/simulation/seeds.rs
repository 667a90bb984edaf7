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
        "cancelled",
        "fenced",
        "freeze",
        "key reused",
        "kill",
        "look_up",
        "lost lease",
        "opt-out",
        "outage",
        "panic",
        "pause",
        "receipt",
        "receipt: bad news",
        "receipt: before its reference",
        "receipt: copy",
        "receipt: late",
        "receipt: twice",
        "receipt: with our name",
        "receipt: without our name",
        "refused",
        "slow",
        "stolen lease",
        "stop",
        "torn",
        "vendor: hangs",
        "vendor: loses answer",
        "vendor: never answers",
        "vendor: panics",
        "vendor: permanent",
        "vendor: refuses account",
        "vendor: takes",
        "vendor: throttles",
        "vendor: transient",
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

/// A world that breaks a promise is found out within some seeds, by the question that begins so.
#[track_caller]
fn is_found_out(plant: Plant, question: &str) {
    let _alone = alone();
    let mut others = Vec::new();
    for seed in 0..60 {
        let broken = run(seed, Some(plant)).broken;
        if broken.iter().any(|one| one.starts_with(question)) {
            return;
        }
        others.extend(broken);
    }
    panic!("{plant:?} was not found out by {question:?}: {others:?}");
}

#[test]
fn a_world_that_breaks_a_promise_is_found_out() {
    for (plant, question) in [
        (Plant::AcksWithoutKeeping, "DEL-1: acknowledged and not kept"),
        (Plant::AcksWithoutKeeping, "DEL-1: acknowledged and gone"),
        (Plant::DeliveriesDropped, "DEL-1: acknowledged without a delivery"),
        (Plant::DueRowsHidden, "DEL-1: acknowledged and never finished"),
        (Plant::KeysForgotten, "DEL-2: answered with several messages"),
        (Plant::KeysForgotten, "DEL-2: several messages are kept of one key"),
        (Plant::BodiesIgnored, "DEL-2: several bodies were acknowledged"),
        (Plant::NamelessWaits, "DEL-3: an open row without a reason"),
        (Plant::DueRowsHidden, "DEL-3: overdue"),
        (Plant::StartsUnwritten, "DEL-4: a call without a start"),
        (Plant::StartsUntold, "DEL-4: not one start"),
        (Plant::StartsUnwritten, "DEL-5: one attempt was called for twice"),
        (Plant::EndsUntold, "DEL-5: nothing is told of the end"),
        (Plant::UnknownResent, "DEL-5: sent again without a word"),
        (Plant::UnknownMarked, "DEL-5: sent again against the policy"),
        (Plant::ReceiptsDropped, "DEL-6: receipts were acknowledged and are gone"),
        (Plant::ParkedKept, "DEL-6: parked receipts were never matched"),
        (Plant::StatesUnmerged, "DEL-6: not the join"),
        (Plant::ReceiptsTwice, "DEL-6: a receipt is in the history twice"),
        (Plant::ThrottlesCount, "DEL-7: more failures than there were"),
        (Plant::PauseUntold, "DEL-8: cleared while the tenant was paused"),
        (Plant::LivesCut, "DEL-8: cleared after its end"),
        (Plant::PutOffMore, "DEL-8: cleared before its time"),
        (Plant::FenceOpen, "DEL-10: a former owner has written"),
        (Plant::EpochsLeftOut, "DEL-10: messages of a tenant without its epoch"),
        (Plant::EpochsLeftOut, "DEL-10: rows of a tenant without its epoch"),
        (Plant::CancelsUndone, "it was taken back, and sent all the same"),
        (Plant::ReceiptsRefused, "no end of callers, vendors or troubles"),
    ] {
        is_found_out(plant, question);
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
