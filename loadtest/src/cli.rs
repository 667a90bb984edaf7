//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::load::Shape;
use crate::payloads::{MOST_RECIPIENTS, Mix};
use crate::report::{Limits, ShareLimits};
use crate::schedule::Schedule;
use crate::target::TargetArgs;

mod chaos;
mod runs;

pub(crate) use chaos::ChaosArgs;
pub(crate) use runs::{BulkArgs, FairnessArgs, HeldSnapshotArgs, OverloadArgs, ReceiptsArgs, SoakArgs};

/// Load against a fresh carepost and its own PostgreSQL, with the promises checked afterwards.
///
/// Exits non-zero where anything was lost or doubled, or a limit was missed.
#[derive(Debug, Parser)]
#[command(name = "carepost-loadtest", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What PostgreSQL and the web server can do here without us.
    Ceiling(CeilingArgs),
    /// Single messages; nothing is sent, so that only taking them in is measured.
    Enqueue(EnqueueArgs),
    /// Batches of messages, flat out unless a rate is given.
    Batch(BatchArgs),
    /// A bulk send: a long list uploaded, counted, sent, until the last of it is delivered.
    Bulk(BulkArgs),
    /// The whole life: accepted, sent to a provider over HTTP, receipt, delivered.
    Lifecycle(LifecycleArgs),
    /// A tenant's wait alone, and beside another one's flood (DEL-11).
    Fairness(FairnessArgs),
    /// Twice as much as can be taken in: what is accepted, how the rest is refused, and how long it is felt (DEL-12).
    Overload(OverloadArgs),
    /// Signed receipts as fast as they are taken, with copies and out of order (DEL-6).
    Receipts(ReceiptsArgs),
    /// The whole life while somebody keeps an old snapshot open and others scan.
    HeldSnapshot(HeldSnapshotArgs),
    /// The whole life for long, looked at now and then.
    Soak(SoakArgs),
    /// Kills, outages, a full disk, sick providers, storms of receipts, jumps of the clock: is anything lost or doubled?
    Chaos(ChaosArgs),
    /// Runs side by side.
    Report(ReportArgs),
}

/// How much, how long, for whom.
#[derive(Debug, Clone, Args)]
pub(crate) struct LoadArgs {
    /// Requests per second at even distances, whatever the answers do (open loop); default 500.
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// As fast as the connections allow (closed loop).
    #[arg(long, conflicts_with = "rate")]
    pub(crate) flat_out: bool,
    /// Kept connections; default 64, flat out 512 (lifecycle: 256, batch: 8).
    #[arg(long, value_name = "COUNT")]
    pub(crate) connections: Option<usize>,
    /// Threads of the load.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub(crate) threads: usize,
    /// Seconds that are measured.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) duration_s: u64,
    /// Seconds before them that are not.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(crate) warm_up_s: u64,
    /// Tenants that take turns.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) tenants: u16,
    /// Flat out on a fresh server: seconds for its ceiling right before and right after the run; 0 leaves it out.
    #[arg(long, value_name = "SECONDS", default_value_t = 4)]
    pub(crate) ceiling_s: u64,
    /// Shapes of messages by weight: sms, email, in_app, fallback.
    #[arg(long, value_name = "SHAPE=WEIGHT,...", default_value = "sms=100", value_parser = str::parse::<Mix>)]
    pub(crate) mix: Mix,
}

/// Where the figures go.
#[derive(Debug, Clone, Args)]
pub(crate) struct OutputArgs {
    /// Write the figures as JSON, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct EnqueueArgs {
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// The share of requests that repeat an earlier one, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    pub(crate) replay: f64,
    /// Messages for tomorrow instead of ones behind a paused channel, each of which is told why it waits.
    #[arg(long)]
    pub(crate) scheduled: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct BatchArgs {
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Messages in a batch.
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) size: u64,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct LifecycleArgs {
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Invented recipients of each shape: with few of them the count of overtakers means something.
    #[arg(long, value_name = "COUNT", default_value_t = MOST_RECIPIENTS, value_parser = clap::value_parser!(u64).range(1..=MOST_RECIPIENTS))]
    pub(crate) recipients: u64,
    /// Flat out: messages that may be promised and not sent yet.
    #[arg(long, value_name = "COUNT", default_value_t = 5_000)]
    pub(crate) window: u64,
    /// How long the provider takes to answer, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) provider_latency_ms: u64,
    /// From the provider's answer to its last receipt, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 20)]
    pub(crate) receipt_delay_ms: u64,
    /// Calls at a time for each account.
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    pub(crate) in_flight: u32,
    /// How long the messages may take to end after the load has ended, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub(crate) drain_s: u64,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CeilingArgs {
    /// Seconds for each of the four measurements.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) duration_s: u64,
    #[command(flatten)]
    pub(crate) writers: WritersArgs,
    /// Where the fresh folder is made; it must be on a real disk. Default: the system's temporary folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// How PostgreSQL alone is written to.
#[derive(Debug, Clone, Args)]
pub(crate) struct WritersArgs {
    /// Connections that commit one message at a time.
    #[arg(long, value_name = "COUNT", default_value_t = Self::default().connections)]
    pub(crate) connections: usize,
    /// Connections that write batches.
    #[arg(long, value_name = "COUNT", default_value_t = Self::default().batch_connections)]
    pub(crate) batch_connections: usize,
    /// Messages in a batch.
    #[arg(long, value_name = "COUNT", default_value_t = Self::default().batch_size)]
    pub(crate) batch_size: u64,
}

impl Default for WritersArgs {
    fn default() -> Self {
        Self { connections: 64, batch_connections: 2, batch_size: 1_000 }
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ReportArgs {
    /// Files that `--json` wrote.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Fail where a share of the ceiling or a limit of a run is missed.
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) shares: ShareLimits,
}

const DEFAULT_RATE: f64 = 500.0;

impl LoadArgs {
    /// The load, flat out where it is asked for or where `flat_out_by_default` and no rate is given; then with
    /// `connections` where nothing else is said.
    pub(crate) fn shape(&self, flat_out_by_default: bool, connections: usize) -> Shape {
        let is_flat_out = self.flat_out || (flat_out_by_default && self.rate.is_none());
        let rate = (!is_flat_out).then(|| self.rate.unwrap_or(DEFAULT_RATE));
        let schedule = Schedule {
            rate,
            warm_up: Duration::from_secs(self.warm_up_s),
            measured: Duration::from_secs(self.duration_s),
        };
        let connections = self.connections.unwrap_or(if is_flat_out { connections } else { 64 }).max(1);
        Shape { schedule, connections, threads: self.threads }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let is_sound = |rate: &f64| (0.1..=1_000_000.0).contains(rate);
    text.parse().ok().filter(is_sound).ok_or_else(|| "must be between 0.1 and 1,000,000".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let is_sound = |share: &f64| (0.0..=0.9).contains(share);
    text.parse().ok().filter(is_sound).ok_or_else(|| "must be between 0 and 0.9".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bare_enqueue_is_500_a_second_for_a_minute() {
        let Command::Enqueue(args) = Cli::parse_from(["x", "enqueue"]).command else { panic!("enqueue") };
        let shape = args.load.shape(false, 256);
        assert_eq!((shape.schedule.rate, shape.schedule.measured.as_secs(), shape.connections), (Some(500.0), 60, 64));
    }

    #[test]
    fn flat_out_has_no_rate_and_more_connections() {
        let Command::Enqueue(args) = Cli::parse_from(["x", "enqueue", "--flat-out"]).command else { panic!("enqueue") };
        assert_eq!((args.load.shape(false, 256).schedule.rate, args.load.shape(false, 256).connections), (None, 256));
        let Command::Batch(args) = Cli::parse_from(["x", "batch"]).command else { panic!("batch") };
        assert_eq!(args.load.shape(true, 8).schedule.rate, None);
    }

    #[test]
    fn contradictions_are_refused() {
        for arguments in [
            &["x", "enqueue", "--rate", "5", "--flat-out"][..],
            &["x", "enqueue", "--url", "http://127.0.0.1:1"],
            &["x", "enqueue", "--replay", "2"],
            &["x", "batch", "--size", "1001"],
            &["x", "report"],
        ] {
            assert!(Cli::try_parse_from(arguments).is_err(), "{arguments:?}");
        }
    }
}
