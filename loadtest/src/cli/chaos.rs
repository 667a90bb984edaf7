//! The options of `chaos`.

use std::path::PathBuf;

use clap::Args;

use super::{OutputArgs, rate};
use crate::chaos::plan::Step;

/// Kills in the short form, and in the long one.
const KILLS: [u32; 2] = [200, 1_000];
/// Seconds that each other fault lasts, in the short form and in the long one; the database is away for 30 in both.
const FAULT_S: [u64; 2] = [10, 30];

#[derive(Debug, Clone, Args)]
pub(crate) struct ChaosArgs {
    /// What the faults and the traffic follow from; default: drawn, and printed first.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// The long form: 1,000 kills, longer faults.
    #[arg(long)]
    pub(crate) long: bool,
    /// Kills of engine and PostgreSQL; default 200, 1,000 in the long form.
    #[arg(long, value_name = "COUNT")]
    pub(crate) kills: Option<u32>,
    /// Seconds that a fault of the provider, a full disk and a wrong clock last; default 10, 30 in the long form.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) fault_s: Option<u64>,
    /// Seconds that the database is away.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) away_s: u64,
    /// These steps alone.
    #[arg(long, value_name = "STEP,...", value_delimiter = ',')]
    pub(crate) only: Vec<Step>,
    /// All steps but these.
    #[arg(long, value_name = "STEP,...", value_delimiter = ',', conflicts_with = "only")]
    pub(crate) without: Vec<Step>,
    /// New messages per second.
    #[arg(long, value_name = "PER_SECOND", default_value = "60", value_parser = rate)]
    pub(crate) rate: f64,
    /// Tenants that take turns.
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) tenants: u16,
    /// How long messages may take to end once a fault is over, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub(crate) drain_s: u64,
    /// The binary to start; default: the one beside this program, brought up to date by cargo.
    #[arg(long, value_name = "FILE")]
    pub(crate) server_bin: Option<PathBuf>,
    /// Where the fresh folder is made; it must be on a real disk. Default: the system's temporary folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Leave the folder with database and logs; a run that fails does so by itself.
    #[arg(long)]
    pub(crate) keep: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl ChaosArgs {
    pub(crate) fn kills(&self) -> u32 {
        self.kills.unwrap_or(KILLS[usize::from(self.long)])
    }

    pub(crate) fn fault_s(&self) -> u64 {
        self.fault_s.unwrap_or(FAULT_S[usize::from(self.long)])
    }

    /// The steps of this run, in order.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let is_wanted = |step: &Step| {
            if self.only.is_empty() { !self.without.contains(step) } else { self.only.contains(step) }
        };
        Step::ALL.into_iter().filter(is_wanted).collect()
    }
}
