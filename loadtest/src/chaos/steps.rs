//! The steps: each brings one kind of fault over the traffic of its own scene.

use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::plan::Step;
use super::scene::{Recovery, Scene};
use super::stand::Stand;
use super::{Outcome, say};
use crate::cli::ChaosArgs;
use crate::number::instant;
use crate::report::Figure;
use crate::tally::{histogram, note};

mod clock;
mod disk;
mod kills;
mod outage;
mod provider;

/// What all steps share.
pub(crate) struct Run<'a> {
    pub(crate) args: &'a ChaosArgs,
    pub(crate) seed: u64,
    pub(crate) binary: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) started: Instant,
    /// From a restart to the first promise, and to all tenants being owned, over all kills.
    pub(crate) to_promise: Histogram<u64>,
    pub(crate) to_ownership: Histogram<u64>,
    /// Its version, once it runs.
    pub(crate) postgres: Option<String>,
    /// What only one step measures.
    pub(crate) figures: Vec<Figure>,
}

/// Why a step did not take place.
pub(crate) struct NotRun(pub(crate) String);

/// What came of a step that was tried.
pub(crate) enum Played {
    Through(Box<Outcome>),
    Not(NotRun),
}

impl<'a> Run<'a> {
    pub(crate) fn new(args: &'a ChaosArgs, seed: u64, binary: &'a Path, folder: &'a Path) -> Self {
        let (to_promise, to_ownership, figures) = (histogram(), histogram(), Vec::new());
        Self { args, seed, binary, folder, started: instant(), to_promise, to_ownership, postgres: None, figures }
    }

    /// Brings one step over the stand.
    pub(crate) async fn play(&mut self, stand: &mut Stand, step: Step) -> anyhow::Result<Played> {
        let outcome = match step {
            Step::Kills => Box::pin(kills::run(self, stand)).await?,
            Step::Refused | Step::Swallowed => Box::pin(outage::run(self, stand, step)).await?,
            Step::DiskFull => return Box::pin(disk::run(self)).await,
            Step::BrownOut | Step::Hang | Step::DropAfterAccept | Step::ReceiptStorm => {
                Box::pin(provider::run(self, stand, step)).await?
            }
            Step::ClockJump => return Box::pin(clock::run(self, stand)).await,
        };
        Ok(Played::Through(Box::new(outcome)))
    }

    async fn open(&self, stand: &Stand, step: Step) -> anyhow::Result<Scene> {
        Scene::open(stand, step, self.seed, self.args, &[]).await
    }

    /// A line for one fault.
    pub(crate) fn tell(&self, step: Step, what: &str) {
        say(&format!("{:>8.1} s  {:<17} {what}", self.started.elapsed().as_secs_f64(), step.name()));
    }

    fn fault(&self) -> Duration {
        Duration::from_secs(self.args.fault_s())
    }

    fn note(&mut self, recovery: Recovery) {
        note(&mut self.to_promise, recovery.to_promise);
        note(&mut self.to_ownership, recovery.to_ownership);
    }
}
