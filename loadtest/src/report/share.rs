//! A run's share of what the same machine can do without us.

use super::{Ceiling, Report};

/// Which ceiling a run is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShareKind {
    OneCommit,
    Batched,
    WholeLife,
}

impl ShareKind {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::OneCommit => "of one-commit ceiling",
            Self::Batched => "of batched ceiling",
            Self::WholeLife => "of whole-life ceiling",
        }
    }
}

/// A flat-out run's rate against its ceiling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    pub(super) kind: ShareKind,
    pub(super) value: f64,
}

/// The shares that `--check` asks for.
#[derive(Debug, Clone, Copy, PartialEq, clap::Args)]
pub(crate) struct ShareLimits {
    /// Flat-out enqueue against one commit for each message.
    #[arg(long, value_name = "SHARE", default_value_t = 2.0)]
    pub(crate) min_enqueue_share: f64,
    /// Flat-out batches against batches without us.
    #[arg(long, value_name = "SHARE", default_value_t = 0.7)]
    pub(crate) min_batch_share: f64,
    /// Flat-out lifecycle against the rows of whole lives without us.
    #[arg(long, value_name = "SHARE", default_value_t = 0.35)]
    pub(crate) min_life_share: f64,
}

impl Default for ShareLimits {
    fn default() -> Self {
        Self { min_enqueue_share: 2.0, min_batch_share: 0.7, min_life_share: 0.35 }
    }
}

impl ShareLimits {
    pub(super) const fn of(self, kind: ShareKind) -> f64 {
        match kind {
            ShareKind::OneCommit => self.min_enqueue_share,
            ShareKind::Batched => self.min_batch_share,
            ShareKind::WholeLife => self.min_life_share,
        }
    }
}

/// The share, where this run has one: only flat out does a rate say what can be done at most.
pub(super) fn share_of(report: &Report, ceiling: &Ceiling) -> Option<Share> {
    let requests = report.requests.as_ref().filter(|_| report.is_flat_out())?;
    let share = |kind, rate: f64, ceiling: f64| Share { kind, value: rate / ceiling };
    match (report.scenario.as_str(), &report.life) {
        ("enqueue", _) => Some(share(ShareKind::OneCommit, requests.rate, ceiling.single_commits)),
        ("batch", _) => Some(share(ShareKind::Batched, requests.rate, ceiling.batched)),
        ("lifecycle", Some(life)) => Some(share(ShareKind::WholeLife, life.finished_per_second, ceiling.whole_life?)),
        _ => None,
    }
}

/// What is amiss with these runs: shares below their limits, or none to be had at all; and figures beyond theirs.
pub(crate) fn missed(reports: &[Report], limits: ShareLimits) -> Vec<String> {
    let mut missed: Vec<String> = Vec::new();
    for report in reports {
        let of_run = report.failures(super::Limits::default());
        missed.extend(of_run.into_iter().map(|failure| format!("{}: {failure}", report.scenario)));
    }
    let Some(ceiling) = reports.iter().find_map(|report| report.ceiling) else {
        missed.push("no run measured the ceiling".to_owned());
        return missed;
    };
    let shares: Vec<Share> = reports.iter().filter_map(|report| share_of(report, &ceiling)).collect();
    if shares.is_empty() {
        missed.push("no run was flat out, so that none has a share of the ceiling".to_owned());
    }
    for share in shares {
        let limit = limits.of(share.kind);
        // A ceiling of nothing makes a share that is no number: it is missed, too.
        if share.value.is_nan() || share.value < limit {
            missed.push(format!("{:.2} {}, below {limit}", share.value, share.kind.label()));
        }
    }
    missed
}
