//! A run's share of what the same machine can do without us, and rates that are asked of a machine by its pace.

use super::{Beside, Ceiling, Report, SCHEDULED};

/// Which ceiling a run is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShareKind {
    OneCommit,
    Batched,
    WholeLife,
}

impl ShareKind {
    const ALL: [Self; 3] = [Self::OneCommit, Self::Batched, Self::WholeLife];

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

/// What `--check` asks for.
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
    /// Messages per second of flat-out enqueue, less where an empty handler does fewer than 70,000 requests per second.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 15_000.0)]
    pub(crate) min_enqueue_rate: f64,
    /// Messages per second of flat-out lifecycle, less in the same way.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 2_500.0)]
    pub(crate) min_life_rate: f64,
    /// Flat-out enqueue of many tenants against that of one: what fairness and limits may cost.
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    pub(crate) min_tenants_share: f64,
}

impl Default for ShareLimits {
    fn default() -> Self {
        Self {
            min_enqueue_share: 2.0,
            min_batch_share: 0.7,
            min_life_share: 0.35,
            min_enqueue_rate: 15_000.0,
            min_life_rate: 2_500.0,
            min_tenants_share: 0.9,
        }
    }
}

/// Requests per second of an empty handler on a machine of which the rates are asked in full.
const FULL_PACE: f64 = 70_000.0;

impl ShareLimits {
    pub(super) const fn of(self, kind: ShareKind) -> f64 {
        match kind {
            ShareKind::OneCommit => self.min_enqueue_share,
            ShareKind::Batched => self.min_batch_share,
            ShareKind::WholeLife => self.min_life_share,
        }
    }

    /// A run's rate and the one that is asked of this machine, where one is.
    pub(super) fn rate_of(self, report: &Report, ceiling: &Ceiling) -> Option<(f64, f64)> {
        let requests = report.requests.as_ref().filter(|_| report.is_flat_out() && !is_scheduled(report))?;
        let (rate, full) = match (report.scenario.as_str(), &report.life) {
            ("enqueue", _) => (requests.rate, self.min_enqueue_rate),
            ("lifecycle", Some(life)) => (life.finished_per_second, self.min_life_rate),
            _ => return None,
        };
        Some((rate, full * (ceiling.empty_handler / FULL_PACE).min(1.0)))
    }
}

/// The share, where this run has one: only flat out does a rate say what can be done at most. A ceiling that was measured
/// beside the run goes before the one of all runs.
pub(super) fn share_of(report: &Report, ceiling: Option<&Ceiling>) -> Option<Share> {
    let requests = report.requests.as_ref().filter(|_| report.is_flat_out() && !is_scheduled(report))?;
    let (kind, rate, of_all) = match (report.scenario.as_str(), &report.life) {
        ("enqueue", _) => (ShareKind::OneCommit, requests.rate, ceiling.map(|all| all.single_commits)),
        ("batch", _) => (ShareKind::Batched, requests.rate, ceiling.map(|all| all.batched)),
        ("lifecycle", Some(life)) => {
            (ShareKind::WholeLife, life.finished_per_second, ceiling.and_then(|all| all.whole_life))
        }
        _ => return None,
    };
    let ceiling = report.beside.map(Beside::mean).or(of_all)?;
    Some(Share { kind, value: rate / ceiling })
}

/// Messages for later: compared with each other, and with no ceiling.
fn is_scheduled(report: &Report) -> bool {
    report.settings.get(SCHEDULED).is_some_and(|scheduled| scheduled == "true")
}

/// The best rate of flat-out enqueue with many tenants against the best with one, where both were measured. Both with
/// messages for later: behind paused channels each tenant has a window of messages that are told why they wait, so that
/// many tenants have more to write than one.
pub(super) fn tenants_share(reports: &[Report]) -> Option<f64> {
    let best = |is_wanted: fn(u32) -> bool| {
        let is_of_them = |report: &&Report| {
            let tenants = report.settings.get("tenants").and_then(|count| count.parse().ok());
            report.scenario == "enqueue"
                && report.is_flat_out()
                && is_scheduled(report)
                && tenants.is_some_and(is_wanted)
        };
        let rates =
            reports.iter().filter(is_of_them).filter_map(|report| report.requests.as_ref()).map(|seen| seen.rate);
        rates.max_by(f64::total_cmp)
    };
    Some(best(|tenants| tenants > 1)? / best(|tenants| tenants == 1)?)
}

/// What a full set of runs has.
const SCENARIOS: [&str; 8] =
    ["enqueue", "batch", "lifecycle", "receipts", "fairness", "overload", "held-snapshot", "soak"];

/// What is amiss with these runs: of different builds or machines; shares or rates below their limits, or none to be
/// had at all; and figures beyond theirs.
pub(crate) fn missed(reports: &[Report], limits: ShareLimits) -> Vec<String> {
    let mut missed = strangers(reports);
    for report in reports {
        if report.beside.is_some_and(|beside| !beside.is_measured()) {
            missed.push(format!("{}: its ceiling was nothing before or after it", report.scenario));
        }
        missed.extend(report.failures().into_iter().map(|failure| format!("{}: {failure}", report.scenario)));
    }
    let Some(ceiling) = reports.iter().find_map(|report| report.ceiling) else {
        missed.push("no run measured the ceiling".to_owned());
        return missed;
    };
    let shares: Vec<Share> = reports.iter().filter_map(|report| share_of(report, Some(&ceiling))).collect();
    for scenario in SCENARIOS {
        if reports.iter().all(|report| report.scenario != scenario) {
            missed.push(format!("{scenario} was not run"));
        }
    }
    for kind in ShareKind::ALL {
        if shares.iter().all(|share| share.kind != kind) {
            missed.push(format!("no run has a share {}", kind.label()));
        }
    }
    for share in shares {
        let limit = limits.of(share.kind);
        // A ceiling of nothing makes a share that is no finite number: it is missed, too.
        if !share.value.is_finite() || share.value < limit {
            missed.push(format!("{:.2} {}, below {limit}", share.value, share.kind.label()));
        }
    }
    for report in reports {
        if let Some((rate, asked)) = limits.rate_of(report, &ceiling).filter(|(rate, asked)| !reaches(*rate, *asked)) {
            missed.push(format!("{}: {rate:.0} messages per second, below {asked:.0}", report.scenario));
        }
    }
    match tenants_share(reports) {
        Some(share) if reaches(share, limits.min_tenants_share) => {}
        Some(share) => {
            let limit = limits.min_tenants_share;
            missed.push(format!("{share:.2} of one tenant's flat-out enqueue with many tenants, below {limit}"));
        }
        None => missed.push(
            "flat-out enqueue of scheduled messages was not measured both with one tenant and with many".to_owned(),
        ),
    }
    missed
}

/// What is no finite number reaches nothing.
fn reaches(value: f64, limit: f64) -> bool {
    value.is_finite() && limit > 0.0 && value >= limit
}

/// Figures of different builds or machines say nothing about each other.
fn strangers(reports: &[Report]) -> Vec<String> {
    let differing = |what: &str, of: fn(&Report) -> &str| {
        let mut found: Vec<&str> = reports.iter().map(of).collect();
        found.sort_unstable();
        found.dedup();
        (found.len() > 1).then(|| format!("runs of different {what} stand side by side: {}", found.join(", ")))
    };
    let of_commits = differing("commits", |report| &report.machine.commit);
    of_commits.into_iter().chain(differing("CPUs", |report| &report.machine.cpu)).collect()
}
