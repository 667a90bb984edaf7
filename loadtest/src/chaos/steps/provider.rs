//! A provider in trouble, and one that tells everything many times.

use std::time::Duration;

use carepost_providers::simulator::{Fault, Profile};

use super::Run;
use crate::chaos::Outcome;
use crate::chaos::plan::{Dice, Step};
use crate::chaos::scene::healthy;
use crate::chaos::stand::Stand;

/// Calls that hang, one after the other.
const HANGS: usize = 100_000;

pub(super) async fn run(run: &Run<'_>, stand: &Stand, step: Step) -> anyhow::Result<Outcome> {
    let mut dice = step.dice(run.seed);
    let mut scene = run.open(stand, step).await?;
    scene.run_for(&mut dice, 500, 2_000).await;
    scene.witness(stand).await?;
    let (profile, what) = trouble(step, &mut dice);
    run.tell(step, &format!("for {} s: {what}", run.args.fault_s()));
    scene.provider().behave(profile);
    tokio::time::sleep(run.fault()).await;
    scene.provider().behave(healthy());
    run.tell(step, "over");
    scene.run_for(&mut dice, 500, 2_000).await;
    scene.close(stand).await
}

fn trouble(step: Step, dice: &mut Dice) -> (Profile, String) {
    let profile = healthy();
    match step {
        Step::BrownOut => {
            let (latency, error_rate) = (dice.millis(200, 800), 0.3 + 0.4 * dice.share());
            let jitter = Duration::from_millis(500);
            let what = format!(
                "{} to {} ms, {:.0} % 503",
                latency.as_millis(),
                (latency + jitter).as_millis(),
                error_rate * 100.0
            );
            (Profile { latency, jitter, error_rate, ..profile }, what)
        }
        Step::Hang => {
            // More than can be called meanwhile: what is left goes away with the profile.
            let script = std::iter::repeat_n(Fault::Hang, HANGS).collect();
            (Profile { script, ..profile }, "all calls hang".to_owned())
        }
        Step::DropAfterAccept => {
            let drop_after_accept = 0.2 + 0.6 * dice.share();
            let what = format!("{:.0} % of the calls are taken and cut", drop_after_accept * 100.0);
            (Profile { drop_after_accept, ..profile }, what)
        }
        _ => (profile, "every receipt 5 to 20 times, out of order, as in all of this step".to_owned()),
    }
}
