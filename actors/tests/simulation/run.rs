//! Runs seeds.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use crate::plants::Plant;
use crate::world::{CALM_AFTER_MS, ON_PURPOSE, World};
use crate::{chaos, traffic};

/// After the end of all faults, in milliseconds: what has not ended by then never will.
const PATIENCE_MS: u64 = 20 * 60_000;
/// A broken world need not come to its end, unless its end is what is asked about.
const SHORT_PATIENCE_MS: u64 = 60_000;

/// What came of a seed.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) seed: u64,
    pub(crate) broken: Vec<String>,
    pub(crate) lines: Vec<String>,
    pub(crate) digest: u64,
    pub(crate) seen: BTreeMap<&'static str, u64>,
    pub(crate) lasted_ms: u64,
}

/// One world at a time in one program: ids of all worlds come out of one counter.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs one seed, on one thread and in a time of its own.
pub(crate) fn run(seed: u64, plant: Option<Plant>) -> Outcome {
    keep_quiet();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let system = actix::System::with_tokio_rt(runtime);
    system.block_on(live(seed, plant))
}

async fn live(seed: u64, plant: Option<Plant>) -> Outcome {
    let world = World::new(seed, plant);
    for _ in 0..world.draw(1..3) {
        chaos::bring_up(&world).await;
    }
    traffic::begin(&world);
    chaos::begin(&world);
    tokio::time::sleep(Duration::from_millis(CALM_AFTER_MS)).await;
    let is_short = plant.is_some_and(|plant| plant != Plant::DueRowsHidden);
    let deadline_ms = world.now_ms() + if is_short { SHORT_PATIENCE_MS } else { PATIENCE_MS };
    while !world.is_settled() && world.now_ms() < deadline_ms {
        if world.book().underway == 0 && world.processes().is_empty() {
            chaos::bring_up(&world).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.nothing_is_overdue();
    }
    let broken = world.judge();
    world.clear();
    let book = world.book();
    Outcome {
        seed,
        broken,
        digest: book.digest(),
        lines: book.lines.clone(),
        seen: book.seen.clone(),
        lasted_ms: world.now_ms(),
    }
}

impl Outcome {
    /// Fails where anything was broken, and says how to see it again.
    #[track_caller]
    pub(crate) fn assert_kept(&self) {
        let Self { seed, broken, .. } = self;
        assert!(
            broken.is_empty(),
            "seed {seed} breaks:\n  {}\nreplay it, with its trace: CAREPOST_SIM_SEED={seed} cargo nextest run -p \
             carepost-actors --test simulation --no-capture replay",
            broken.join("\n  ")
        );
    }
}

/// Panics that are made on purpose say nothing.
fn keep_quiet() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload_as_str() != Some(ON_PURPOSE) {
                loud(panic);
            }
        }));
    });
}
