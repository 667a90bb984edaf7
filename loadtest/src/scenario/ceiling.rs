//! The limit of the machine: the same rows on the same schema and settings without us, and a handler that does nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use carepost_kernel::{Clock, PlacementId, Secret};
use carepost_store::{DatabaseConfig, IoRuntime, Placement, SchemaName, ensure_partitions, migrate_placement};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{conclude, interruptible, with_target};
use crate::cli::{CeilingArgs, LoadArgs, WritersArgs};
use crate::database::{Database, SCHEMA};
use crate::machine::Machine;
use crate::number::instant;
use crate::progress;
use crate::report::{Beside, Ceiling, Report, ShareKind};
use crate::target::{Postgres, Target, TargetArgs};

mod empty;
mod life;
mod writer;

use life::LifeWriter;
use writer::{Store, Writer};

/// Whole lives are measured so often.
const LIFE_SLICES: usize = 3;

pub(crate) async fn run(args: &CeilingArgs) -> anyhow::Result<()> {
    let (clock, data_dir) = (Clock::system(), args.data_dir.as_ref());
    // Each has a database of its own: rows of the one are no burden of the other.
    let whole_life = on_fresh(data_dir, &clock, async |postgres| lives(postgres, args, &clock).await).await?;
    let report = on_fresh(data_dir, &clock, async |postgres| measure(postgres, args, &clock, whole_life).await).await?;
    conclude(&report, &args.output)
}

/// A run on a target of its own; flat out on a fresh one, with its ceiling measured right before and right after it.
pub(super) async fn beside(
    kind: ShareKind,
    (load, is_flat_out): (&LoadArgs, bool),
    target: &TargetArgs,
    run: impl AsyncFnOnce(&Target) -> anyhow::Result<Report>,
) -> anyhow::Result<Report> {
    let span = Duration::from_secs(load.ceiling_s);
    // A running server may be on another machine.
    if !is_flat_out || span.is_zero() || target.url.is_some() {
        return with_target(target, run).await;
    }
    let before = slice(kind, span, target.data_dir.as_ref()).await?;
    let report = with_target(target, run).await?;
    let after = slice(kind, span, target.data_dir.as_ref()).await?;
    Ok(Report { beside: Some(Beside { before, after }), ..report })
}

/// One ceiling alone, on a fresh PostgreSQL.
async fn slice(kind: ShareKind, span: Duration, data_dir: Option<&PathBuf>) -> anyhow::Result<f64> {
    let (clock, writers) = (Clock::system(), WritersArgs::default());
    on_fresh(data_dir, &clock, async |postgres| writers.rate(kind, span, postgres.url(), &clock).await).await
}

/// Works on a fresh PostgreSQL, and ends it in any case.
async fn on_fresh<T>(
    data_dir: Option<&PathBuf>,
    clock: &Clock,
    work: impl AsyncFnOnce(&Postgres) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let postgres = Postgres::start(data_dir.cloned(), clock.now()).await?;
    let outcome = interruptible(async {
        prepare(postgres.url(), clock).await?;
        work(&postgres).await
    })
    .await;
    postgres.stop().await?;
    outcome
}

/// The best of some slices: a ceiling is what can be done, and a checkpoint in one of them is bad luck.
async fn lives(postgres: &Postgres, args: &CeilingArgs, clock: &Clock) -> anyhow::Result<f64> {
    let span = Duration::from_secs(args.duration_s);
    let mut best: f64 = 0.0;
    for _ in 0..LIFE_SLICES {
        best = best.max(args.writers.rate(ShareKind::WholeLife, span, postgres.url(), clock).await?);
    }
    Ok(best)
}

async fn measure(postgres: &Postgres, args: &CeilingArgs, clock: &Clock, lives: f64) -> anyhow::Result<Report> {
    let mut machine = Machine::look(postgres.folder());
    machine.postgres = Some(Database::connect(postgres.url()).await?.version().await?);
    let span = Duration::from_secs(args.duration_s);
    let single_commits = args.writers.rate(ShareKind::OneCommit, span, postgres.url(), clock).await?;
    let batched = args.writers.rate(ShareKind::Batched, span, postgres.url(), clock).await?;
    let whole_life = Some(lives);
    let empty_handler = empty::measure(span).await?;
    Ok(Report {
        scenario: "ceiling".to_owned(),
        at: clock.now(),
        machine,
        settings: BTreeMap::from([
            ("measured s".to_owned(), args.duration_s.to_string()),
            ("connections".to_owned(), args.writers.connections.to_string()),
            ("batch connections".to_owned(), args.writers.batch_connections.to_string()),
        ]),
        requests: None,
        verdict: None,
        life: None,
        beside: None,
        ceiling: Some(Ceiling {
            single_commits,
            batched,
            batch_size: args.writers.batch_size,
            whole_life,
            empty_handler,
        }),
        figures: Vec::new(),
        samples: Vec::new(),
    })
}

/// The placement's own migrations and partitions.
async fn prepare(url: &str, clock: &Clock) -> anyhow::Result<()> {
    let config = DatabaseConfig::new(Secret::new(url.to_owned()));
    let schema = SchemaName::new(SCHEMA).context("name the schema")?;
    migrate_placement(&config, &schema).await.context("make the schema")?;
    let io = IoRuntime::start()?;
    let placement = Placement::connect(PlacementId::new(clock.now()), &config, &schema, &io).await?;
    ensure_partitions(&placement, clock.now(), 1).await.context("make partitions")?;
    Ok(())
}

impl WritersArgs {
    /// Messages stored per second.
    async fn rate(&self, kind: ShareKind, span: Duration, url: &str, clock: &Clock) -> anyhow::Result<f64> {
        let single = Writing { connections: self.connections, batch_size: 1, span };
        let batches = Writing { connections: self.batch_connections, batch_size: self.batch_size, span };
        match kind {
            ShareKind::OneCommit => single.run::<Writer>("one commit per message", url, clock).await,
            ShareKind::Batched => batches.run::<Writer>("batches", url, clock).await,
            ShareKind::WholeLife => batches.run::<LifeWriter>("whole lives", url, clock).await,
        }
    }
}

/// Connections that write as fast as they can.
struct Writing {
    connections: usize,
    batch_size: u64,
    span: Duration,
}

impl Writing {
    /// Messages stored per second, the first fifth of the time left out.
    async fn run<W: Store>(&self, what: &str, url: &str, clock: &Clock) -> anyhow::Result<f64> {
        let spinner = progress::spinner(what);
        let mut writers = Vec::new();
        for _ in 0..self.connections {
            writers.push(W::connect(url, clock.clone()).await?);
        }
        let stored = Arc::new(AtomicU64::new(0));
        let (tenant, began, batch_size) = (Uuid::new_v4(), instant(), self.batch_size);
        let end = began + self.span;
        let mut tasks = JoinSet::new();
        for mut writer in writers {
            let stored = Arc::clone(&stored);
            tasks.spawn(async move {
                while instant() < end {
                    writer.store(tenant, batch_size).await?;
                    stored.fetch_add(batch_size, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        tokio::time::sleep_until(began + self.span / 5).await;
        let (from, stored_before) = (instant(), stored.load(Ordering::Relaxed));
        while let Some(task) = tasks.join_next().await {
            task.context("a writer panicked")??;
        }
        let rate = (stored.load(Ordering::Relaxed) - stored_before) as f64 / from.elapsed().as_secs_f64();
        spinner.finish_and_clear();
        Ok(rate)
    }
}
