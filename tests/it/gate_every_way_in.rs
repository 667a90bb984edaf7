//! DEL-8 by every way in: worlds are drawn from seeds, the real server lives through them, and of every call that a vendor
//! saw the history must say that each rule of the gate let it go. Of what it did not see each has its reason.
//!
//! A world is a tenant: its policy, people and consents, and a shuffled list of deeds, all of them drawn. A fault names the
//! seed of its world: alone in [`SEEDS`] it draws the same world again.

mod check;
mod deeds;
mod draw;
mod life;
mod shut;

use std::collections::BTreeMap;
use std::sync::Arc;

use carepost_providers::Vendor;

use crate::support::World;
use life::Life;

const SEEDS: [u64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
/// So many live side by side on the one server.
const AT_ONCE: usize = 4;
/// Vendors outside: the inbox here is none.
const OUTSIDE: [Vendor; 4] = [Vendor::Twilio, Vendor::VonageSms, Vendor::VonageMessages, Vendor::Sendgrid];

/// What has to happen in some world, or the test shows less than it says.
const WANTED: [&str; 23] = [
    "call: single, by address",
    "call: single, by recipient",
    "call: batch",
    "call: template",
    "call: scheduled",
    "call: bulk send",
    "call: test send",
    "call: answer",
    "call: redriven",
    "call: next channel of a plan",
    "call: all channels at once",
    "call: tried again",
    "call: held before",
    "call: after it was opened again",
    "call: health words where nobody looks",
    "call: notice in the place of health words",
    "inbox: the message that a notice stands for",
    "gate: wait",
    "gate: other_channel",
    "gate: refuse",
    "refused: after a word of the reader",
    "refused: redriven",
    "refused: bulk send",
];

/// How often something happened, over all worlds.
#[derive(Debug, Default)]
struct Seen {
    counts: BTreeMap<&'static str, usize>,
    calls: usize,
}

impl Seen {
    fn saw(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }
}

/// One world from its beginning to its end.
async fn live(world: Arc<World>, seed: u64) -> (Seen, Vec<String>) {
    let clinic = draw::clinic(&world, seed).await;
    let mut life = Life::begin(&world, &clinic, seed).await;
    life.run().await;
    life.settle().await;
    check::check(&life).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_8_no_way_in_passes_the_gate() {
    let world = Arc::new(World::open().await);
    let (mut seen, mut faults) = (Seen::default(), Vec::new());
    for seeds in SEEDS.chunks(AT_ONCE) {
        let living: Vec<_> = seeds.iter().map(|seed| (seed, tokio::spawn(live(Arc::clone(&world), *seed)))).collect();
        for (seed, life) in living {
            match life.await {
                Ok((of_world, found)) => {
                    seen.add(of_world);
                    faults.extend(found.into_iter().map(|fault| format!("seed {seed}: {fault}")));
                }
                Err(error) => faults.push(format!("seed {seed}: its world came to no end: {error}")),
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    let missing: Vec<&str> = WANTED.into_iter().filter(|what| !seen.counts.contains_key(what)).collect();
    assert!(missing.is_empty(), "did not happen in any world: {missing:?}\n{seen:#?}");
    let all: usize = OUTSIDE.into_iter().map(|vendor| world.simulator.calls(vendor).len()).sum();
    assert_eq!(all, seen.calls, "each call belongs to a message of a world");
    assert!(all >= SEEDS.len() * 20, "{all} calls");
}
