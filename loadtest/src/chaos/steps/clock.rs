//! A wall clock that jumps: two engines on one database, and the clock of one of them is an hour off, to and fro.
//!
//! The engine is the real binary. `loadtest/clock` stands between it and the C library and adds what a file
//! says to the wall clock; timers, which count by another clock, are left alone, as they are where a machine's clock is set.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::Context as _;

use super::{NotRun, Played, Run};
use crate::chaos::plan::Step;
use crate::chaos::scene::Scene;
use crate::chaos::stand::Stand;
use crate::target::binary::beside_us;

const HOUR_S: i64 = 3_600;
/// What the clock shows beyond the right time. It ends ahead: what was put off by the wrong clock is due then.
const JUMPS_S: [i64; 5] = [HOUR_S, 0, -HOUR_S, 0, HOUR_S];
const LIBRARY: &str = "libcarepost_clock.so";

/// The seconds that are added.
struct Offset(File);

impl Offset {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("make {}", path.display()))?;
        let offset = Self(file);
        offset.set(0)?;
        Ok(offset)
    }

    fn set(&self, seconds: i64) -> anyhow::Result<()> {
        self.0.write_all_at(&seconds.to_ne_bytes(), 0).context("move the clock")
    }
}

pub(super) async fn run(run: &Run<'_>, stand: &mut Stand) -> anyhow::Result<Played> {
    let library = match beside_us(LIBRARY, &["-p", "carepost-clock"]) {
        Ok(library) => library,
        Err(error) => return Ok(Played::Not(NotRun(format!("the clock cannot be moved: {error:#}")))),
    };
    let file = run.folder.join("clock");
    let offset = Offset::create(&file)?;
    stand.stop_engine().await?;
    let variable = |name: &str, value: &Path| (name.to_owned(), value.display().to_string());
    stand.launch.variables = vec![variable("LD_PRELOAD", &library), variable("CLOCK_OFFSET_FILE", &file)];
    stand.spawn_engine()?;
    stand.await_engine().await?;
    let beside = stand.launch.beside("beside")?;
    let other = beside.start().await?;

    let step = Step::ClockJump;
    let mut dice = step.dice(run.seed);
    let mut scene = Scene::open(stand, step, run.seed, run.args, &[other.address()]).await?;
    let [least_ms, end_ms] = [300, 600].map(|share| run.args.fault_s() * share);
    for seconds in JUMPS_S {
        scene.run_for(&mut dice, least_ms, end_ms).await;
        scene.witness(stand).await?;
        offset.set(seconds)?;
        run.tell(step, &format!("the clock of one of two engines is {seconds} s off"));
    }
    scene.run_for(&mut dice, least_ms, end_ms).await;
    // The engine with the right clock would wait an hour for what the other one has put off.
    other.stop().await?;
    let outcome = scene.close(stand).await?.with_log(&beside.log());
    stand.stop_engine().await?;
    stand.launch.variables.clear();
    stand.spawn_engine()?;
    stand.await_engine().await?;
    Ok(Played::Through(Box::new(outcome)))
}
