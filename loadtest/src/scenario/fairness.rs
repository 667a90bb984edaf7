//! A tenant's wait from the promise to the provider: alone; beside another tenant's flood; and against a third one that
//! is really sent meanwhile, so that the three compete (DEL-11).

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::stage::{Flow, Stage, watched};
use super::{bare, conclude, drive, ids, requests, settings_of, with_target};
use crate::admin::Tenant;
use crate::cli::FairnessArgs;
use crate::load::Extras;
use crate::payloads::Mix;
use crate::report::{Figure, Latency, Life, Report, Requests, grown};
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
/// From its first message to the start of what is measured beside it, and some to spare.
const RIVAL_HEAD_START_S: u64 = 10;
/// Of what the rival's account may take, so much must have been called.
const REALLY_SENT: f64 = 0.5;
const LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: &FairnessArgs) -> anyhow::Result<()> {
    let report = with_target(&args.run.target, async |target| measure(target, args).await).await?;
    conclude(&report, &args.run.output)
}

async fn measure(target: &Target, args: &FairnessArgs) -> anyhow::Result<Report> {
    let mut stage = Stage::open(target, &"sms=1".parse::<Mix>()?, 1, Pace::default()).await?;
    let alone = Look::at("alone", &mut stage, target, args).await?;

    let flood = slow_tenant(&mut stage, args.flood_rate).await?;
    let seconds = 2 * (args.duration_s + args.run.warm_up_s);
    let filled = fill(&mut stage, &flood, args.waiting + u64::from(args.flood_rate) * seconds, args).await?;
    let beside = Look::at("beside the flood", &mut stage, target, args).await?;

    let rival = slow_tenant(&mut stage, args.rival_rate).await?;
    let seconds = args.duration_s + args.run.warm_up_s + RIVAL_HEAD_START_S;
    fill(&mut stage, &rival, u64::from(args.rival_rate) * seconds, args).await?;
    let against = Look::at("against a rival", &mut stage, target, args).await?;
    let waiting = stage.database.open(&ids(&flood)).await?;

    let mut report = bare("fairness", target, settings(args));
    report.figures = figures(args, [&alone, &beside, &against].map(|look| &look.life.to_provider));
    report.figures.extend(answers(args, [&alone, &beside, &against].map(|look| look.requests.latency.p99_ms)));
    report.figures.push(Figure::new("fill / s", filled.measured as f64 / filled.last.as_secs_f64()));
    let least = args.waiting as f64 * STILL_WAITING;
    report.figures.push(Figure::new("waiting beside it", waiting as f64).at_least(least));
    // A rival that stands still is none.
    let fewest = f64::from(args.rival_rate) * (args.duration_s + args.run.warm_up_s) as f64 * REALLY_SENT;
    report.figures.push(Figure::new("calls of the rival meanwhile", against.other_calls as f64).at_least(fewest));
    let largest_mib = beside.largest_mib.max(against.largest_mib);
    if largest_mib > 0 {
        report.figures.push(Figure::new("server MiB beside it", largest_mib as f64).at_most(args.max_memory_mib));
    }
    let failed = alone.requests.failed + against.requests.failed;
    report.figures.push(Figure::new("not accepted, alone or against a rival", failed as f64).at_most(0.0));
    report.requests = Some(beside.requests);
    report.life = Some(beside.life);
    let others = [flood, rival].concat();
    if args.run.target.url.is_none() {
        report.figures.extend(restart::measure(target, &stage, &ids(&others), args).await?);
    }
    report.verdict = Some(stage.verdict(&others).await?);
    stage.abandon().await;
    Ok(report)
}

/// The tenant that is measured, for a while.
struct Look {
    requests: Requests,
    life: Life,
    /// Calls that were not for it.
    other_calls: u64,
    /// The server's memory meanwhile, 0 where it is not known.
    largest_mib: u64,
}

impl Look {
    async fn at(title: &str, stage: &mut Stage<'_>, target: &Target, args: &FairnessArgs) -> anyhow::Result<Self> {
        let shape = args.run.open_loop(args.rate, args.duration_s);
        let calls = stage.sink.counter();
        let (calls_before, mut largest_mib) = (calls(), 0);
        let drive = watched(stage.drive(title, &shape, Flow::default()), LOOK, async || {
            largest_mib = largest_mib.max(target.rss_mib().unwrap_or(0));
            Ok(())
        });
        let drive = drive.await?;
        let other_calls = (calls() - calls_before).saturating_sub(drive.tally.acks.len() as u64);
        stage.drain(args.run.drain()).await?;
        let life = stage.life(&drive).await?;
        Ok(Self { requests: requests(target, &shape, &drive.tally), life, other_calls, largest_mib })
    }
}

/// A tenant whose account takes so many calls a second.
async fn slow_tenant(stage: &mut Stage<'_>, rate: u32) -> anyhow::Result<Vec<Tenant>> {
    stage.create_tenants(1, Pace { rate_per_second: Some(rate), ..Pace::default() }).await
}

/// Makes messages of another tenant wait.
async fn fill(stage: &mut Stage<'_>, other: &[Tenant], count: u64, args: &FairnessArgs) -> anyhow::Result<Tally> {
    let size = count.clamp(1, BATCH);
    let (heads, payloads) = (stage.heads(other), stage.payloads());
    let traffic = Arc::new(Batches { heads, payloads, size, first_key: stage.take_keys() });
    let mut shape = args.run.flat_out(FILL_CONNECTIONS, FILL_PATIENCE_S);
    shape.schedule.warm_up = Duration::ZERO;
    let extras = Extras { limit: Some(count.div_ceil(size)), ..Extras::default() };
    let tally = drive("filling", stage.target, &shape, traffic, extras).await.context("fill the flood")?;
    stage.remember(&tally);
    Ok(tally)
}

/// Waits of the tenant that is measured: alone, beside the flood, against a rival.
fn figures(args: &FairnessArgs, [alone, beside, against]: [&Latency; 3]) -> Vec<Figure> {
    let limit = |alone_ms, slack_ms| grown(alone_ms, args.max_ratio, slack_ms).min(args.max_wait_ms);
    let usual = |alone_ms| limit(alone_ms, args.usual_slack_ms);
    vec![
        Figure::new("wait alone p50 ms", alone.p50_ms),
        Figure::new("wait alone p95 ms", alone.p95_ms),
        Figure::new("wait alone p99 ms", alone.p99_ms).at_most(args.max_idle_ms),
        Figure::new("wait beside flood p50 ms", beside.p50_ms).at_most(usual(alone.p50_ms)),
        Figure::new("wait beside flood p95 ms", beside.p95_ms).at_most(usual(alone.p95_ms)),
        Figure::new("wait beside flood p99 ms", beside.p99_ms).at_most(limit(alone.p99_ms, args.slack_ms)),
        // Both share the machine and its commits now: the usual wait is longer for it.
        Figure::new("wait against rival p50 ms", against.p50_ms),
        Figure::new("wait against rival p95 ms", against.p95_ms),
        Figure::new("wait against rival p99 ms", against.p99_ms).at_most(limit(alone.p99_ms, args.slack_ms)),
    ]
}

/// How long it waited for its answers, in the same order.
fn answers(args: &FairnessArgs, [alone, beside, against]: [f64; 3]) -> Vec<Figure> {
    let limit = grown(alone, args.max_ratio, args.slack_ms);
    vec![
        Figure::new("answer alone p99 ms", alone),
        Figure::new("answer beside flood p99 ms", beside).at_most(limit),
        // Both share the machine and its commits now, and the rival's batches are full.
        Figure::new("answer against rival p99 ms", against).at_most(args.max_wait_ms),
    ]
}

fn settings(args: &FairnessArgs) -> std::collections::BTreeMap<String, String> {
    settings_of([
        ("waiting", args.waiting.to_string()),
        ("calls / s of the flood", args.flood_rate.to_string()),
        ("calls / s of the rival", args.rival_rate.to_string()),
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
            let figures = figures(&args, [&p99(alone), &p99(beside), &p99(1.0)]);
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
            figures(&args, [alone, beside, &p99(1.0)]).iter().filter(|one| one.failure().is_some()).count()
        };
        assert_eq!(failures(&usual(2.0, 8.0), &usual(6.9, 15.9)), 0);
        assert_eq!(failures(&usual(2.0, 8.0), &usual(7.1, 16.1)), 2);
        assert_eq!(failures(&p99(25.1), &p99(25.1)), 1, "late without any flood");
    }
}
