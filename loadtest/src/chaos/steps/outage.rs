//! The database away: refusing, or silent.

use std::time::Duration;

use super::Run;
use crate::chaos::Outcome;
use crate::chaos::plan::Step;
use crate::chaos::proxy::Mode;
use crate::chaos::stand::Stand;
use crate::number::instant;
use crate::report::Figure;

pub(super) async fn run(run: &mut Run<'_>, stand: &Stand, step: Step) -> anyhow::Result<Outcome> {
    let mut dice = step.dice(run.seed);
    let mut scene = run.open(stand, step).await?;
    scene.promise_after(instant()).await?;
    scene.run_for(&mut dice, 1_000, 3_000).await;
    scene.witness(stand).await?;
    let mode = if step == Step::Refused { Mode::Refuse } else { Mode::Swallow };
    // What was swallowed comes through late, or never.
    let is_cut = step == Step::Swallowed && dice.share() < 0.5;
    let how = match step {
        Step::Refused => "connections cut and refused",
        _ if is_cut => "bytes swallowed, then all connections cut",
        _ => "bytes swallowed, then passed on",
    };
    run.tell(step, &format!("the database is away for {} s: {how}", run.args.away_s));
    stand.proxy.set(mode);
    tokio::time::sleep(Duration::from_secs(run.args.away_s)).await;
    let silence = scene.silence();
    let since = instant();
    if is_cut {
        stand.proxy.cut();
    }
    stand.proxy.set(Mode::Pass);
    let recovery = scene.recovery(stand, since, &[]).await?;
    run.tell(
        step,
        &format!(
            "back after {:.1} s without a promise: 202 after {} ms, all owned after {} ms",
            silence.as_secs_f64(),
            recovery.to_promise.as_millis(),
            recovery.to_ownership.as_millis()
        ),
    );
    let first_ms = recovery.to_promise.as_secs_f64() * 1_000.0;
    run.figures.push(Figure::new(format!("{}: back to first 202 ms", step.name()), first_ms));
    scene.run_for(&mut dice, 1_000, 3_000).await;
    let outcome = scene.close(stand).await?;
    // What was on its way is answered soon after the fault's begin, nothing later.
    let took_place = u64::from(silence * 2 >= Duration::from_secs(run.args.away_s));
    Ok(Outcome { took_place, ..outcome })
}
