//! A tenant's wait from the promise to the provider, alone and beside another tenant's flood (DEL-11).

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::stage::{Flow, Stage, watched};
use super::{bare, conclude, drive, ids, requests, settings_of, with_target};
use crate::admin::Tenant;
use crate::cli::FairnessArgs;
use crate::load::Extras;
use crate::number::millis;
use crate::payloads::Mix;
use crate::report::{Figure, Latency, Report, grown};
use crate::sink::Pace;
use crate::tally::Tally;
use crate::target::Target;
use crate::traffic::Batches;

mod restart;

const BATCH: u64 = 1_000;
const FILL_CONNECTIONS: usize = 8;
/// A fill that takes longer has come to a halt.
const FILL_PATIENCE_S: u64 = 1_800;
/// What the flood's account sends meanwhile may be missing; more may not.
const STILL_WAITING: f64 = 0.9;
/// Of what the flood's account may take, so much must have been called.
const REALLY_SENT: f64 = 0.5;
const LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: &FairnessArgs) -> anyhow::Result<()> {
    let report = with_target(&args.run.target, async |target| measure(target, args).await).await?;
    conclude(&report, &args.run.output)
}

async fn measure(target: &Target, args: &FairnessArgs) -> anyhow::Result<Report> {
    let mut stage = Stage::open(target, &"sms=1".parse::<Mix>()?, 1, Pace::default()).await?;
    let shape = args.run.open_loop(args.rate, args.duration_s);
    let alone = stage.drive("alone", &shape, Flow::default()).await?;
    ensure!(alone.tally.failed() == 0, "measure alone: {} messages did not succeed", alone.tally.failed());
    stage.drain(args.run.drain()).await?;
    let unloaded = stage.life(&alone).await?;

    let slow = Pace { rate_per_second: Some(args.flood_rate), ..Pace::default() };
    let flood = stage.create_tenants(1, slow).await?;
    let filled = fill(&mut stage, &flood, args).await?;
    let mut largest_mib = 0;
    let calls = stage.sink.counter();
    let calls_before = calls();
    let beside = watched(stage.drive("beside the flood", &shape, Flow::default()), LOOK, async || {
        largest_mib = largest_mib.max(target.rss_mib().unwrap_or(0));
        Ok(())
    });
    let beside = beside.await?;
    let called = (calls() - calls_before).saturating_sub(beside.tally.acks.len() as u64);
    let waiting = stage.database.open(&ids(&flood)).await?;
    stage.drain(args.run.drain()).await?;
    let loaded = stage.life(&beside).await?;

    let mut report = bare("fairness", target, settings(args));
    report.requests = Some(requests(target, &shape, &beside.tally));
    report.life = Some(loaded);
    report.figures = figures(args, &unloaded.to_provider, &loaded.to_provider);
    let [answer_alone, answer_beside] =
        [&alone, &beside].map(|drive| millis(drive.tally.latency.value_at_quantile(0.99)));
    let limit = grown(answer_alone, args.max_ratio, args.slack_ms);
    report.figures.push(Figure::new("answer alone p99 ms", answer_alone));
    report.figures.push(Figure::new("answer beside flood p99 ms", answer_beside).at_most(limit));
    report.figures.push(Figure::new("fill / s", filled.measured as f64 / filled.last.as_secs_f64()));
    let least = args.waiting as f64 * STILL_WAITING;
    report.figures.push(Figure::new("waiting beside it", waiting as f64).at_least(least));
    // A flood that stands still competes with nobody.
    let fewest = f64::from(args.flood_rate) * shape.schedule.end().as_secs_f64() * REALLY_SENT;
    report.figures.push(Figure::new("calls of the flood meanwhile", called as f64).at_least(fewest));
    if largest_mib > 0 {
        report.figures.push(Figure::new("server MiB beside it", largest_mib as f64).at_most(args.max_memory_mib));
    }
    if args.run.target.url.is_none() {
        report.figures.extend(restart::measure(target, &stage, args).await?);
    }
    report.verdict = Some(stage.verdict(&flood).await?);
    stage.abandon().await;
    Ok(report)
}

/// Makes the flood's messages wait, and as many more as leave while it is measured.
async fn fill(stage: &mut Stage<'_>, flood: &[Tenant], args: &FairnessArgs) -> anyhow::Result<Tally> {
    let size = args.waiting.min(BATCH);
    let (heads, payloads) = (stage.heads(flood), stage.payloads());
    let traffic = Arc::new(Batches { heads, payloads, size, first_key: stage.take_keys() });
    let mut shape = args.run.flat_out(FILL_CONNECTIONS, FILL_PATIENCE_S);
    shape.schedule.warm_up = Duration::ZERO;
    let leave = u64::from(args.flood_rate) * (args.duration_s + args.run.warm_up_s);
    let extras = Extras { limit: Some((args.waiting + leave).div_ceil(size)), ..Extras::default() };
    let tally = drive("filling", stage.target, &shape, traffic, extras).await.context("fill the flood")?;
    stage.remember(&tally);
    Ok(tally)
}

fn figures(args: &FairnessArgs, alone: &Latency, beside: &Latency) -> Vec<Figure> {
    let limit = |alone_ms, slack_ms| grown(alone_ms, args.max_ratio, slack_ms).min(args.max_wait_ms);
    let usual = |alone_ms| limit(alone_ms, args.usual_slack_ms);
    vec![
        Figure::new("wait alone p50 ms", alone.p50_ms),
        Figure::new("wait alone p95 ms", alone.p95_ms),
        Figure::new("wait alone p99 ms", alone.p99_ms).at_most(args.max_idle_ms),
        Figure::new("wait beside flood p50 ms", beside.p50_ms).at_most(usual(alone.p50_ms)),
        Figure::new("wait beside flood p95 ms", beside.p95_ms).at_most(usual(alone.p95_ms)),
        Figure::new("wait beside flood p99 ms", beside.p99_ms).at_most(limit(alone.p99_ms, args.slack_ms)),
    ]
}

fn settings(args: &FairnessArgs) -> std::collections::BTreeMap<String, String> {
    settings_of([
        ("waiting", args.waiting.to_string()),
        ("calls / s of the flood", args.flood_rate.to_string()),
        ("requests / s beside it", args.rate.to_string()),
        ("measured s", args.duration_s.to_string()),
        ("slack ms", args.slack_ms.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn p99(p99_ms: f64) -> Latency {
        Latency { p50_ms: 1.0, p90_ms: 1.0, p95_ms: 1.0, p99_ms, p99_9_ms: p99_ms, max_ms: p99_ms }
    }

    #[test]
    fn del_11_a_wait_beside_a_flood_has_two_limits() {
        let Command::Fairness(args) = Cli::parse_from(["x", "fairness"]).command else { panic!("fairness") };
        let fails = |alone, beside| {
            let figures = figures(&args, &p99(alone), &p99(beside));
            figures.iter().any(|one| one.name == "wait beside flood p99 ms" && one.failure().is_some())
        };
        assert!(!fails(3.0, 7.0), "a few milliseconds are noise");
        assert!(fails(3.0, 24.0));
        assert!(!fails(300.0, 599.0));
        assert!(fails(300.0, 601.0), "more than twice");
        assert!(fails(700.0, 1_001.0), "more than a second");
    }

    #[test]
    fn the_usual_wait_has_a_limit_of_its_own_and_so_has_the_idle_one() {
        let Command::Fairness(args) = Cli::parse_from(["x", "fairness"]).command else { panic!("fairness") };
        let usual = |p50_ms, p95_ms| Latency { p50_ms, p95_ms, ..p99(20.0) };
        let failures = |alone: &Latency, beside: &Latency| {
            figures(&args, alone, beside).iter().filter(|one| one.failure().is_some()).count()
        };
        assert_eq!(failures(&usual(2.0, 8.0), &usual(6.9, 15.9)), 0);
        assert_eq!(failures(&usual(2.0, 8.0), &usual(7.1, 16.1)), 2);
        assert_eq!(failures(&p99(25.1), &p99(25.1)), 1, "late without any flood");
    }
}
