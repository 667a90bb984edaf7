//! One run's figures: a table for people, JSON for machines, and several runs side by side.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use hdrhistogram::Histogram;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::number::millis;
use crate::schedule::Schedule;
use crate::tally::Tally;
use crate::verdict::{Fates, Verdict};

mod figure;
mod limits;
mod share;
mod table;

pub(crate) use figure::{Figure, Sample, grown};
pub(crate) use limits::Limits;
pub(crate) use share::{ShareKind, ShareLimits, missed};
pub(crate) use table::side_by_side;

/// The setting that says how requests were sent, and its value for a closed loop.
pub(crate) const PACE: &str = "pace";
pub(crate) const FLAT_OUT: &str = "flat out";
/// The setting of `enqueue` that says whether its messages are for later.
pub(crate) const SCHEDULED: &str = "scheduled";

/// What a whole life may cost flat out, where batches are full: commits, and bytes of the write-ahead log.
const MOST_COMMITS: f64 = 0.05;
const MOST_WAL_BYTES: f64 = 4_096.0;

/// Everything about one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Sub-command.
    pub(crate) scenario: String,
    pub(crate) at: Timestamp,
    pub(crate) machine: Machine,
    /// What was asked for, in words.
    pub(crate) settings: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) requests: Option<Requests>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) life: Option<Life>,
    /// Flat out: what PostgreSQL alone did beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) beside: Option<Beside>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ceiling: Option<Ceiling>,
    /// What only this scenario measures, with its limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) figures: Vec<Figure>,
    /// Over time, where the run looked now and then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) samples: Vec<Sample>,
}

/// Latencies in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p99_9_ms: f64,
    pub(crate) max_ms: f64,
}

impl From<&Histogram<u64>> for Latency {
    fn from(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| millis(histogram.value_at_quantile(quantile));
        Self {
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            p99_9_ms: at(0.999),
            max_ms: millis(histogram.max()),
        }
    }
}

/// What the callers saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Requests {
    /// Messages promised per second, warm-up excluded.
    pub(crate) rate: f64,
    /// From the intended start to the end of the answer.
    pub(crate) latency: Latency,
    /// Messages by status, warm-up included.
    pub(crate) endings: BTreeMap<String, u64>,
    /// Messages that did not succeed.
    pub(crate) failed: u64,
    /// The server's largest memory, in MiB, where we started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_peak_mib: Option<u64>,
}

impl Requests {
    /// Of a load that goes on for the whole of its schedule: one that came to a halt early took as long all the same.
    pub(crate) fn new(tally: &Tally, schedule: &Schedule) -> Self {
        Self::within(tally, schedule.measured.max(tally.last.saturating_sub(schedule.warm_up)))
    }

    /// Of a load that ends with the last of so many requests.
    pub(crate) fn of_all(tally: &Tally, schedule: &Schedule) -> Self {
        Self::within(tally, tally.last.saturating_sub(schedule.warm_up))
    }

    fn within(tally: &Tally, span: Duration) -> Self {
        let span_s = span.as_secs_f64();
        Self {
            rate: if span_s > 0.0 { tally.measured as f64 / span_s } else { 0.0 },
            latency: Latency::from(&tally.latency),
            endings: tally.endings.iter().map(|(ending, count)| (ending.to_string(), *count)).collect(),
            failed: tally.failed(),
            server_peak_mib: None,
        }
    }
}

/// What became of the messages behind the promises.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Life {
    pub(crate) fates: Fates,
    /// Messages finished per second, from the first promise to the last end.
    pub(crate) finished_per_second: f64,
    /// From the promise to the provider's being called.
    pub(crate) to_provider: Latency,
    /// Commits of the database for each message, reads included.
    pub(crate) commits_per_message: f64,
    pub(crate) wal_bytes_per_message: f64,
    /// Calls that came before that of an older message to the same recipient. Nobody promises that there are none.
    #[serde(default)]
    pub(crate) out_of_order: u64,
}

/// What the machine can do without us.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ceiling {
    /// Messages per second, one commit each.
    pub(crate) single_commits: f64,
    /// Messages per second, in batches of [`Self::batch_size`].
    pub(crate) batched: f64,
    pub(crate) batch_size: u64,
    /// Messages per second with everything that their whole life writes, in such batches.
    #[serde(default)]
    pub(crate) whole_life: Option<f64>,
    /// Requests per second to a handler that does nothing.
    pub(crate) empty_handler: f64,
}

/// The ceiling of one flat-out run, in messages per second. The pace of a machine that others share moves by half within
/// the hour, so a ceiling of another time says little about it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Beside {
    pub(crate) before: f64,
    pub(crate) after: f64,
}

impl Beside {
    /// A slice in which nothing was stored is none.
    fn is_measured(self) -> bool {
        self.before > 0.0 && self.after > 0.0
    }

    const fn mean(self) -> f64 {
        f64::midpoint(self.before, self.after)
    }
}

impl Report {
    /// Everything that makes this run a failure. Nothing may ever be lost or doubled.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let mut must_be_none = |count: u64, what: &str| {
            if count > 0 {
                failures.push(format!("{count} messages {what}"));
            }
        };
        if let Some(verdict) = &self.verdict {
            must_be_none(verdict.lost, "were promised and are not in the database");
            must_be_none(verdict.duplicate, "are in the database twice or unasked for");
        }
        if let Some(Life { fates, .. }) = &self.life {
            must_be_none(fates.unfinished, "were promised and did not end as delivered");
            must_be_none(fates.sent_twice, "were taken by the provider more than once");
            must_be_none(fates.unseen, "count as delivered without a call");
        }
        failures.extend(self.figures.iter().filter_map(Figure::failure));
        if let Some(life) = self.life.filter(|_| self.has_limited_effort()) {
            let effort = [
                ("commits", life.commits_per_message, MOST_COMMITS),
                ("bytes of WAL", life.wal_bytes_per_message, MOST_WAL_BYTES),
            ];
            for (what, value, limit) in effort {
                // What is no number keeps no limit.
                if value.is_nan() || value > limit {
                    failures.push(format!("{value:.3} {what} for each message, above {limit}"));
                }
            }
        }
        let Some(requests) = &self.requests else { return failures };
        if requests.rate <= 0.0 {
            failures.push("not one measured request succeeded".to_owned());
        }
        if self.must_all_succeed() && requests.failed > 0 {
            failures.push(format!("{} messages of an open loop did not succeed", requests.failed));
        }
        failures
    }

    /// Only with full batches is the effort that of a message.
    fn has_limited_effort(&self) -> bool {
        self.is_flat_out() && self.scenario == "lifecycle"
    }

    /// An open loop below what can be taken in; `overload` is there to be refused, and a closed loop makes its own pace.
    fn must_all_succeed(&self) -> bool {
        !self.is_flat_out() && self.scenario != "overload"
    }

    /// Only then does a rate say what can be done at most.
    pub(crate) fn is_flat_out(&self) -> bool {
        self.settings.get(PACE).is_some_and(|pace| pace == FLAT_OUT)
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
    }

    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("read {}: not a report of this program", path.display()))
    }
}

#[cfg(test)]
mod tests;
