//! Kills and restarts of engine and PostgreSQL, one after the other.

use tokio::time::Instant;
use uuid::Uuid;

use super::Run;
use crate::chaos::Outcome;
use crate::chaos::plan::{Kill, Step, Victim, kill};
use crate::chaos::scene::Scene;
use crate::chaos::stand::Stand;
use crate::number::instant;

/// Between looks at the history.
const WITNESS_EVERY: u32 = 5;

pub(super) async fn run(run: &mut Run<'_>, stand: &mut Stand) -> anyhow::Result<Outcome> {
    let (step, count) = (Step::Kills, run.args.kills());
    let (mut scene, mut kills) = (run.open(stand, step).await?, 0);
    scene.promise_after(instant()).await?;
    for number in 0..count {
        let planned = kill(step.dice(run.seed), number);
        tokio::time::sleep(planned.after).await;
        if number % WITNESS_EVERY == 0 {
            scene.witness(stand).await?;
        }
        let (since, former) = strike(stand, &scene, planned).await?;
        let recovery = scene.recovery(stand, since, &former).await?;
        kills += 1;
        run.note(recovery);
        run.tell(
            step,
            &format!(
                "{:>4}/{count}  {} {} ms after the last recovery, {} ms down; 202 after {} ms, all owned after {} ms",
                number + 1,
                planned.victim.text(),
                planned.after.as_millis(),
                planned.down.as_millis(),
                recovery.to_promise.as_millis(),
                recovery.to_ownership.as_millis(),
            ),
        );
    }
    let outcome = scene.close(stand).await?;
    Ok(Outcome { took_place: kills, must_take_place: u64::from(count), ..outcome })
}

/// Kills, which fails where nobody is left to kill, and restarts; says when the restart was, and who may not be the
/// owner any more.
async fn strike(stand: &mut Stand, scene: &Scene, kill: Kill) -> anyhow::Result<(Instant, Vec<Uuid>)> {
    let mut former = if kill.victim == Victim::Postgres { Vec::new() } else { scene.owners(stand).await? };
    match kill.victim {
        Victim::Engine | Victim::EngineTwice => stand.kill_engine().await?,
        Victim::EngineGently => stand.stop_engine().await?,
        Victim::Postgres => stand.kill_postgres().await?,
        Victim::Both => stand.kill_both().await?,
    }
    tokio::time::sleep(kill.down).await;
    if kill.victim == Victim::EngineTwice {
        stand.spawn_engine()?;
        tokio::time::sleep(kill.start_life).await;
        stand.kill_engine().await?;
        // PostgreSQL may not have noticed yet: who looks alive now is the one that was just killed.
        former.extend(scene.owners(stand).await?);
    }
    let since = instant();
    if matches!(kill.victim, Victim::Postgres | Victim::Both) {
        stand.start_postgres().await?;
    }
    if kill.victim != Victim::Postgres {
        stand.spawn_engine()?;
        stand.await_engine().await?;
    }
    Ok((since, former))
}
