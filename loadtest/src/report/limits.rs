//! Limits that somebody gives a run, as figures of it: they are written with it, shown, and held again by `report --check`.

use super::{Figure, Report};

/// Limits that a run must keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, clap::Args)]
pub(crate) struct Limits {
    /// Fail where the 95th percentile is above this many milliseconds.
    #[arg(long, value_name = "MS")]
    pub(crate) max_p95_ms: Option<f64>,
    /// Fail where the 99th percentile is above this many milliseconds.
    #[arg(long, value_name = "MS")]
    pub(crate) max_p99_ms: Option<f64>,
    /// Fail where fewer messages per second were promised (lifecycle: finished).
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) min_rate: Option<f64>,
}

impl Limits {
    /// What was limited, with its limits. What was not measured is no number, which keeps none.
    pub(crate) fn figures(self, report: &Report) -> Vec<Figure> {
        let seen = report.requests.as_ref();
        let [p95_ms, p99_ms] = seen.map_or([f64::NAN; 2], |seen| [seen.latency.p95_ms, seen.latency.p99_ms]);
        let rate = report.life.map_or(seen.map_or(f64::NAN, |seen| seen.rate), |life| life.finished_per_second);
        let latency = |name: &str, value: f64, limit: Option<f64>| {
            limit.map(|limit| Figure::new(format!("limited {name} ms"), value).at_most(limit))
        };
        let rate = self.min_rate.map(|limit| Figure::new("limited messages / s", rate).at_least(limit));
        [latency("p95", p95_ms, self.max_p95_ms), latency("p99", p99_ms, self.max_p99_ms), rate]
            .into_iter()
            .flatten()
            .collect()
    }
}
