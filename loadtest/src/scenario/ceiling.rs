//! The limit of the machine: the same rows on the same schema and settings without us, and a handler that does nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use carepost_kernel::{Clock, PlacementId, Secret};
use carepost_store::{DatabaseConfig, IoRuntime, Placement, SchemaName, ensure_partitions, migrate_placement};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{conclude, interruptible};
use crate::cli::CeilingArgs;
use crate::database::{Database, SCHEMA};
use crate::machine::Machine;
use crate::number::instant;
use crate::progress;
use crate::report::{Ceiling, Report};
use crate::target::Postgres;

mod empty;
mod life;
mod writer;

use life::LifeWriter;
use writer::{Store, Writer};

/// Whole lives are measured so often.
const LIFE_SLICES: usize = 3;

pub(crate) async fn run(args: &CeilingArgs) -> anyhow::Result<()> {
    let clock = Clock::system();
    // Each has a database of its own: rows of the one are no burden of the other.
    let whole_life = on_fresh(args, &clock, async |postgres| lives(postgres, args, &clock).await).await?;
    let report = on_fresh(args, &clock, async |postgres| measure(postgres, args, &clock, whole_life).await).await?;
    conclude(&report, &args.output)
}

/// Works on a fresh PostgreSQL, and ends it in any case.
async fn on_fresh<T>(
    args: &CeilingArgs,
    clock: &Clock,
    work: impl AsyncFnOnce(&Postgres) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let postgres = Postgres::start(args.data_dir.clone(), clock.now()).await?;
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
    let (connections, batch_size) = (args.batch_connections, args.batch_size);
    let mut best: f64 = 0.0;
    for _ in 0..LIFE_SLICES {
        let writing = Writing { connections, batch_size, span };
        best = best.max(writing.run::<LifeWriter>("whole lives", postgres.url(), clock).await?);
    }
    Ok(best)
}

async fn measure(postgres: &Postgres, args: &CeilingArgs, clock: &Clock, lives: f64) -> anyhow::Result<Report> {
    let mut machine = Machine::look(postgres.folder());
    machine.postgres = Some(Database::connect(postgres.url()).await?.version().await?);
    let span = Duration::from_secs(args.duration_s);
    let write = |connections, batch_size| Writing { connections, batch_size, span };
    let single_commits =
        write(args.connections, 1).run::<Writer>("one commit per message", postgres.url(), clock).await?;
    let batched =
        write(args.batch_connections, args.batch_size).run::<Writer>("batches", postgres.url(), clock).await?;
    let whole_life = Some(lives);
    let empty_handler = empty::measure(span).await?;
    Ok(Report {
        scenario: "ceiling".to_owned(),
        at: clock.now(),
        machine,
        settings: BTreeMap::from([
            ("measured s".to_owned(), args.duration_s.to_string()),
            ("connections".to_owned(), args.connections.to_string()),
            ("batch connections".to_owned(), args.batch_connections.to_string()),
        ]),
        requests: None,
        verdict: None,
        life: None,
        ceiling: Some(Ceiling { single_commits, batched, batch_size: args.batch_size, whole_life, empty_handler }),
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
