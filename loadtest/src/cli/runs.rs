//! The options of the runs that hold the engine against a promise of its own.

use std::time::Duration;

use clap::Args;

use super::{OutputArgs, rate, share};
use crate::load::Shape;
use crate::schedule::Schedule;
use crate::target::TargetArgs;

/// What is common to them.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    /// Kept connections of open loops.
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    pub(crate) connections: usize,
    /// Threads of the load.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub(crate) threads: usize,
    /// Seconds before each measurement that are not measured.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(crate) warm_up_s: u64,
    /// How long messages may take to end after a load has ended, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub(crate) drain_s: u64,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl RunArgs {
    /// At even distances, whatever the answers do.
    pub(crate) fn open_loop(&self, rate: f64, measured_s: u64) -> Shape {
        Shape { schedule: self.schedule(Some(rate), measured_s), connections: self.connections, threads: self.threads }
    }

    /// As fast as these connections allow.
    pub(crate) fn flat_out(&self, connections: usize, measured_s: u64) -> Shape {
        Shape { schedule: self.schedule(None, measured_s), connections, threads: self.threads }
    }

    fn schedule(&self, rate: Option<f64>, measured_s: u64) -> Schedule {
        let [warm_up, measured] = [self.warm_up_s, measured_s].map(Duration::from_secs);
        Schedule { rate, warm_up, measured }
    }

    pub(crate) const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_s)
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct FairnessArgs {
    /// Messages of the other tenant that wait.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) waiting: u64,
    /// Calls per second that the other tenant's account may take.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) flood_rate: u32,
    /// Calls per second of a third tenant, which is sent meanwhile and competes: at 20 a second nobody does.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) rival_rate: u32,
    /// Requests per second of the tenant that is measured.
    #[arg(long, value_name = "PER_SECOND", default_value = "10", value_parser = rate)]
    pub(crate) rate: f64,
    /// Seconds that are measured, alone and beside the flood.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) duration_s: u64,
    /// Fail where the 99th percentile of its wait beside the flood or against the rival is above this many milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1_000.0)]
    pub(crate) max_wait_ms: f64,
    /// Fail where it is above this many times the wait alone ...
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0)]
    pub(crate) max_ratio: f64,
    /// ... and more than this many milliseconds above it.
    #[arg(long, value_name = "MS", default_value_t = 20.0)]
    pub(crate) slack_ms: f64,
    /// The same for its median and its 95th percentile, in which one late call is none.
    #[arg(long, value_name = "MS", default_value_t = 5.0)]
    pub(crate) usual_slack_ms: f64,
    /// Fail where the 99th percentile of its wait alone is above this many milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 25.0)]
    pub(crate) max_idle_ms: f64,
    /// After a kill with all those messages waiting: fail where the server takes requests later than this ...
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    pub(crate) max_ready_s: f64,
    /// ... or calls the waiting tenant's provider later than this.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    pub(crate) max_resumed_s: f64,
    /// Fail where the server's memory beside the flood is above this many MiB.
    #[arg(long, value_name = "MIB", default_value_t = 300.0)]
    pub(crate) max_memory_mib: f64,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct OverloadArgs {
    /// How much comes, against the best rate.
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0)]
    pub(crate) factor: f64,
    /// Seconds of the overload.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) duration_s: u64,
    /// Seconds in which the best rate is looked for.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) best_s: u64,
    /// Messages of a request: by many at a time the engine's own bound is reached with few connections.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) size: u64,
    /// Connections of the overload: times `--size` they must hold more than the engine's queue of 20,000 messages.
    #[arg(long, value_name = "COUNT", default_value_t = 512)]
    pub(crate) crowd: usize,
    /// Requests of one message per second before and after the overload.
    #[arg(long, value_name = "PER_SECOND", default_value = "200", value_parser = rate)]
    pub(crate) normal_rate: f64,
    /// Give the tenant this admission rate, in messages per second, so that the tenant's own limit refuses (429).
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) tenant_rate: Option<u32>,
    /// Fail where less than this share of the best rate is accepted.
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    pub(crate) min_share: f64,
    /// Fail where the 99th percentile of the refusals, from a request's departure to its answer, is above it.
    #[arg(long, value_name = "MS", default_value_t = 50.0)]
    pub(crate) max_refusal_ms: f64,
    /// Fail where the server's memory rises above this many MiB.
    #[arg(long, value_name = "MIB", default_value_t = 700.0)]
    pub(crate) max_memory_mib: f64,
    /// Fail where the 99th percentile of the normal rate is not back within this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) recovery_s: u64,
    /// It is back within twice what it was before, or within this many milliseconds of it.
    #[arg(long, value_name = "MS", default_value_t = 20.0)]
    pub(crate) slack_ms: f64,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ReceiptsArgs {
    /// Messages that have been sent before the storm: each gets two receipts, and the copies.
    #[arg(long, value_name = "COUNT", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) messages: u64,
    /// The share of receipts that come twice.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    pub(crate) duplicates: f64,
    /// The share of messages whose last receipt comes first.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share)]
    pub(crate) reordered: f64,
    /// Tenants that take turns.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) tenants: u16,
    /// Fail where fewer receipts per second are taken.
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) min_rate: Option<f64>,
    /// Fail where the 99th percentile of the webhook's answers is above this many milliseconds.
    #[arg(long, value_name = "MS")]
    pub(crate) max_p99_ms: Option<f64>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct BulkArgs {
    /// Rows of the list: one upload's.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) rows: u64,
    /// Calls at a time for the tenant's account.
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    pub(crate) in_flight: u32,
    /// How long the count may take, the sending, and what waits to be delivered after it, in seconds each.
    #[arg(long, value_name = "SECONDS", default_value_t = 1_800)]
    pub(crate) patience_s: u64,
    /// Fail where fewer rows per second are counted.
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) min_count_rate: Option<f64>,
    /// Fail where fewer rows per second become messages.
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) min_send_rate: Option<f64>,
    /// Fail where the server's memory rises above this many MiB.
    #[arg(long, value_name = "MIB")]
    pub(crate) max_memory_mib: Option<f64>,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct HeldSnapshotArgs {
    /// Messages per second.
    #[arg(long, value_name = "PER_SECOND", default_value = "800", value_parser = rate)]
    pub(crate) rate: f64,
    /// Seconds that are measured: alone, beside the readers, and with the snapshot held as well.
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    pub(crate) duration_s: u64,
    /// Sessions that read all deliveries again and again.
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    pub(crate) readers: usize,
    /// How long each of them rests after a scan, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pub(crate) reader_pause_ms: u64,
    /// Fail where less than this share of the clean rate is finished.
    #[arg(long, value_name = "SHARE", default_value_t = 0.99)]
    pub(crate) min_share: f64,
    /// Fail where a 99th percentile is above this many times the clean one ...
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0)]
    pub(crate) max_ratio: f64,
    /// ... and more than this many milliseconds above it.
    #[arg(long, value_name = "MS", default_value_t = 5.0)]
    pub(crate) slack_ms: f64,
    /// The same for the medians.
    #[arg(long, value_name = "MS", default_value_t = 5.0)]
    pub(crate) usual_slack_ms: f64,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SoakArgs {
    /// The share of the best rate.
    #[arg(long, value_name = "SHARE", default_value_t = 0.7, value_parser = share)]
    pub(crate) share: f64,
    /// Seconds that are measured.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    pub(crate) duration_s: u64,
    /// Seconds in which the best rate is looked for.
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) best_s: u64,
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sample_s: u64,
    /// Fail where memory, latency, bytes for each message or dead rows of the last third is above this many times that of the first ...
    #[arg(long, value_name = "FACTOR", default_value_t = 1.25)]
    pub(crate) max_growth: f64,
    /// ... and more than this many milliseconds above it.
    #[arg(long, value_name = "MS", default_value_t = 5.0)]
    pub(crate) slack_ms: f64,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}
