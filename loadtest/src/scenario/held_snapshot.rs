//! The whole life while another session keeps a snapshot open, so that vacuum takes nothing, and readers scan.
//!
//! Readers alone stand beside it: they take the processor's time from everybody, snapshot or not.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::task::JoinSet;

use super::stage::{Flow, Stage};
use super::{bare, conclude, requests, settings_of, with_target};
use crate::cli::HeldSnapshotArgs;
use crate::database::Database;
use crate::payloads::Mix;
use crate::report::{Figure, Life, Report, Requests, grown};
use crate::sink::Pace;
use crate::target::Target;

pub(crate) async fn run(args: &HeldSnapshotArgs) -> anyhow::Result<()> {
    let report = with_target(&args.run.target, async |target| measure(target, args).await).await?;
    conclude(&report, &args.run.output)
}

async fn measure(target: &Target, args: &HeldSnapshotArgs) -> anyhow::Result<Report> {
    let mut stage = Stage::open(target, &"sms=1".parse::<Mix>()?, 1, Pace::default()).await?;
    let clean = one(&mut stage, "clean", args).await?;

    let url = target.database_url.as_deref().context("find the database's address")?;
    let mut readers = start_readers(url, args).await?;
    let beside_readers = one(&mut stage, "beside readers", args).await?;
    let holder = Database::connect(url).await?;
    let snapshot = holder.hold_snapshot().await?;
    let held = one(&mut stage, "snapshot held", args).await?;
    // A limit of the server's may have ended it: the figures would be those of a clean run.
    ensure!(stage.database.is_held(&snapshot).await?, "hold the snapshot: it was gone at the end");
    // A reader that has ended has failed: the figures would be those of a milder run.
    if let Some(ended) = readers.try_join_next() {
        ended.context("a reader panicked")??;
    }
    readers.shutdown().await;
    let bulk = stage.database.bulk().await?;
    drop(holder);

    let mut report = bare("held-snapshot", target, settings(args));
    report.verdict = Some(stage.verdict(&[]).await?);
    report.figures = figures(args, &clean, &beside_readers, &held);
    for (name, Measured { requests, life }) in [("clean", &clean), ("beside readers", &beside_readers)] {
        let amiss = requests.failed + life.fates.unfinished + life.fates.sent_twice + life.fates.unseen;
        report.figures.push(Figure::new(format!("failed or not sent once, {name}"), amiss as f64).at_most(0.0));
    }
    report.figures.push(Figure::new("dead rows at the end", bulk.dead_rows as f64));
    report.requests = Some(held.requests);
    report.life = Some(held.life);
    stage.close().await;
    Ok(report)
}

/// What the callers saw, and what became of the messages.
struct Measured {
    requests: Requests,
    life: Life,
}

async fn one(stage: &mut Stage<'_>, title: &str, args: &HeldSnapshotArgs) -> anyhow::Result<Measured> {
    let shape = args.run.open_loop(args.rate, args.duration_s);
    let drive = stage.drive(title, &shape, Flow::default()).await?;
    stage.drain(args.run.drain()).await?;
    let life = stage.life(&drive).await?;
    Ok(Measured { requests: requests(stage.target, &shape, &drive.tally), life })
}

/// Sessions that read all deliveries again and again, until they are told to end.
async fn start_readers(url: &str, args: &HeldSnapshotArgs) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let pause = Duration::from_millis(args.reader_pause_ms);
    let mut readers = JoinSet::new();
    for _ in 0..args.readers {
        let database = Database::connect(url).await?;
        readers.spawn(async move {
            loop {
                database.scan().await?;
                tokio::time::sleep(pause).await;
            }
        });
    }
    Ok(readers)
}

fn figures(args: &HeldSnapshotArgs, clean: &Measured, beside_readers: &Measured, held: &Measured) -> Vec<Figure> {
    let limit = |clean_ms| grown(clean_ms, args.max_ratio, args.slack_ms);
    let [rate, held_rate] = [clean, held].map(|one| one.life.finished_per_second);
    let [answers, held_answers] = [clean, held].map(|one| one.requests.latency.p99_ms);
    let [calls, held_calls] = [clean, held].map(|one| one.life.to_provider.p99_ms);
    let usual = |clean_ms| grown(clean_ms, args.max_ratio, args.usual_slack_ms);
    let [[answers_p50, held_answers_p50], [answers_p95, held_answers_p95]] =
        [0, 1].map(|i| [clean, held].map(|one| [one.requests.latency.p50_ms, one.requests.latency.p95_ms][i]));
    vec![
        Figure::new("finished / s clean", rate),
        Figure::new("finished / s beside readers", beside_readers.life.finished_per_second),
        Figure::new("finished / s held", held_rate),
        Figure::new("share of the clean rate", held_rate / rate).at_least(args.min_share),
        Figure::new("answer p50 ms clean", answers_p50),
        Figure::new("answer p50 ms held", held_answers_p50).at_most(usual(answers_p50)),
        Figure::new("answer p95 ms clean", answers_p95),
        Figure::new("answer p95 ms held", held_answers_p95).at_most(usual(answers_p95)),
        Figure::new("answer p99 ms clean", answers),
        Figure::new("answer p99 ms beside readers", beside_readers.requests.latency.p99_ms),
        Figure::new("answer p99 ms held", held_answers).at_most(limit(answers)),
        Figure::new("to provider p99 ms clean", calls),
        Figure::new("to provider p99 ms beside readers", beside_readers.life.to_provider.p99_ms),
        Figure::new("to provider p99 ms held", held_calls).at_most(limit(calls)),
    ]
}

fn settings(args: &HeldSnapshotArgs) -> std::collections::BTreeMap<String, String> {
    settings_of([
        ("pace", format!("{} requests / s, open loop", args.rate)),
        ("measured s", args.duration_s.to_string()),
        ("readers", args.readers.to_string()),
        ("reader pause ms", args.reader_pause_ms.to_string()),
        ("slack ms", args.slack_ms.to_string()),
    ])
}
