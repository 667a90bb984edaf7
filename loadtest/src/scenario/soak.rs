//! The whole life for long at a share of the best rate, and whether anything grows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::lifecycle::CONNECTIONS;
use super::stage::{Flow, Stage, watched};
use super::{bare, conclude, requests, settings_of, with_target};
use crate::cli::SoakArgs;
use crate::database::Database;
use crate::load::Counters;
use crate::number::{instant, millis};
use crate::payloads::Mix;
use crate::report::{Figure, Report, Sample, grown};
use crate::sink::Pace;
use crate::target::Target;

/// Flat out: messages that may be promised and not sent yet.
const WINDOW: u64 = 5_000;
/// An allocator's own ups and downs.
const SLACK_MIB: f64 = 16.0;
/// Rows of a page or two, and an index that has just split.
const SLACK_BYTES: f64 = 512.0;
/// For each message: vacuum comes once a minute at most and once a twentieth is dead, so that it goes up and down.
const SLACK_DEAD_ROWS: f64 = 1.0;
/// A third needs one look at least.
const FEWEST: usize = 3;

pub(crate) async fn run(args: &SoakArgs) -> anyhow::Result<()> {
    let report = with_target(&args.run.target, async |target| measure(target, args).await).await?;
    conclude(&report, &args.run.output)
}

async fn measure(target: &Target, args: &SoakArgs) -> anyhow::Result<Report> {
    let mut stage = Stage::open(target, &"sms=1".parse::<Mix>()?, 1, Pace::default()).await?;
    let shape = args.run.flat_out(CONNECTIONS, args.best_s);
    let best = stage.drive("best rate", &shape, Flow { window: WINDOW, ..Flow::default() }).await?;
    stage.drain(args.run.drain()).await?;
    let best_rate = stage.life(&best).await?.finished_per_second;
    let earlier = best.tally.acks.len() as u64;
    drop(best);
    anyhow::ensure!(best_rate > 0.0, "find the best rate: not one message was finished");

    let rate = best_rate * args.share;
    let shape = args.run.open_loop(rate, args.duration_s);
    let counters: Arc<Counters> = Arc::default();
    let flow = Flow { counters: Arc::clone(&counters), ..Flow::default() };
    let (database, began, mut samples) = (stage.database, instant(), Vec::new());
    let drive = watched(stage.drive("soak", &shape, flow), Duration::from_secs(args.sample_s), async || {
        samples.push(look(target, database, &counters, earlier, began.elapsed()).await?);
        Ok(())
    });
    let drive = drive.await?;
    stage.drain(args.run.drain()).await?;

    let mut report = bare("soak", target, settings(args, rate));
    report.requests = Some(requests(target, &shape, &drive.tally));
    report.life = Some(stage.life(&drive).await?);
    report.verdict = Some(stage.verdict(&[]).await?);
    report.figures = vec![Figure::new("best finished / s", best_rate)];
    report.figures.extend(growth(args, &samples)?);
    report.samples = samples;
    stage.close().await;
    Ok(report)
}

async fn look(
    target: &Target,
    database: &Database,
    counters: &Counters,
    earlier: u64,
    at: Duration,
) -> anyhow::Result<Sample> {
    let recent = counters.take_recent();
    let bulk = database.bulk().await?;
    let messages = earlier + counters.acked.load(std::sync::atomic::Ordering::Relaxed);
    Ok(Sample {
        at_s: at.as_secs_f64(),
        rss_mib: Some(target.rss_mib().context("look at the server's memory: it was not started by this program")?),
        requests: recent.len(),
        p50_ms: millis(recent.value_at_quantile(0.5)),
        p99_ms: millis(recent.value_at_quantile(0.99)),
        dead_rows: bulk.dead_rows,
        table_bytes: bulk.table_bytes,
        index_bytes: bulk.index_bytes,
        bytes_per_message: (bulk.table_bytes + bulk.index_bytes) as f64 / messages.max(1) as f64,
    })
}

/// The first third against the last, by the medians of their looks.
fn growth(args: &SoakArgs, samples: &[Sample]) -> anyhow::Result<Vec<Figure>> {
    // Before the warm-up's end there are no latencies.
    let samples: Vec<&Sample> = samples.iter().filter(|sample| sample.requests > 0).collect();
    anyhow::ensure!(samples.len() >= FEWEST, "compare thirds: {} looks are too few, see --sample-s", samples.len());
    let third = samples.len() / 3;
    let (first, last) = (&samples[..third], &samples[samples.len() - third..]);
    let mut figures = Vec::new();
    let mut hold = |what: &str, value: fn(&Sample) -> f64, slack: f64| {
        let [old, new] = [first, last].map(|looks| median(looks.iter().map(|sample| value(sample)).collect()));
        figures.push(Figure::new(format!("{what}, first third"), old));
        let figure = Figure::new(format!("{what}, last third"), new);
        figures.push(figure.at_most(grown(old, args.max_growth, slack)));
    };
    hold("server MiB", |sample| sample.rss_mib.unwrap_or(0) as f64, SLACK_MIB);
    hold("p50 ms", |sample| sample.p50_ms, args.slack_ms);
    hold("p99 ms", |sample| sample.p99_ms, args.slack_ms);
    hold("bytes / message", |sample| sample.bytes_per_message, SLACK_BYTES);
    hold("dead rows / message", dead_per_message, SLACK_DEAD_ROWS);
    Ok(figures)
}

fn dead_per_message(sample: &Sample) -> f64 {
    let messages = (sample.table_bytes + sample.index_bytes) as f64 / sample.bytes_per_message;
    if messages >= 1.0 { sample.dead_rows as f64 / messages } else { 0.0 }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn settings(args: &SoakArgs, rate: f64) -> BTreeMap<String, String> {
    settings_of([
        ("pace", format!("{rate:.0} requests / s, open loop")),
        ("share of the best rate", args.share.to_string()),
        ("measured s", args.duration_s.to_string()),
        ("sample s", args.sample_s.to_string()),
        ("slack ms", args.slack_ms.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn samples(rss_mib: impl Fn(u64) -> u64) -> Vec<Sample> {
        growing(rss_mib, |_| 0)
    }

    fn growing(rss_mib: impl Fn(u64) -> u64, dead_rows: impl Fn(u64) -> i64) -> Vec<Sample> {
        let sample = |at: u64| Sample {
            at_s: at as f64,
            rss_mib: Some(rss_mib(at)),
            requests: at,
            p50_ms: 2.0,
            p99_ms: 9.0,
            dead_rows: dead_rows(at),
            table_bytes: 1_000_000,
            index_bytes: 0,
            bytes_per_message: 1_000.0,
        };
        (0..10).map(sample).collect()
    }

    #[test]
    fn memory_that_grows_fails_and_a_few_mebibytes_do_not() {
        let Command::Soak(args) = Cli::parse_from(["x", "soak"]).command else { panic!("soak") };
        let fails = |samples: &[Sample]| growth(&args, samples).unwrap().iter().any(|one| one.failure().is_some());
        assert!(!fails(&samples(|_| 100)));
        assert!(!fails(&samples(|at| 30 + at)));
        assert!(fails(&samples(|at| 100 + 20 * at)));
        assert!(!fails(&growing(|_| 100, |at| if at % 2 == 0 { 50 } else { 0 })));
        assert!(fails(&growing(|_| 100, |at| 500 * i64::try_from(at).unwrap())), "dead rows of a thousand messages");
        assert!(growth(&args, &samples(|_| 1)[..3]).is_err(), "the first look is before the first request");
    }
}
