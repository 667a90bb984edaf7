//! Figures that only one scenario has, with the limits that they must keep.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One figure. Its name has the unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_most: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_least: Option<f64>,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value, at_most: None, at_least: None }
    }

    /// A larger value fails the run.
    pub(crate) const fn at_most(mut self, limit: f64) -> Self {
        self.at_most = Some(limit);
        self
    }

    /// A smaller value fails the run.
    pub(crate) const fn at_least(mut self, limit: f64) -> Self {
        self.at_least = Some(limit);
        self
    }

    /// Why it fails the run, where it does. What is no number keeps no limit.
    pub(crate) fn failure(&self) -> Option<String> {
        let keeps =
            |limit: Option<f64>, holds: fn(f64, f64) -> bool| limit.is_none_or(|limit| holds(self.value, limit));
        let is_kept =
            keeps(self.at_most, |value, limit| value <= limit) && keeps(self.at_least, |value, limit| value >= limit);
        (!is_kept).then(|| format!("{}: {self}", self.name))
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", short(self.value))?;
        if let Some(limit) = self.at_most {
            write!(f, " (<= {})", short(limit))?;
        }
        if let Some(limit) = self.at_least {
            write!(f, " (>= {})", short(limit))?;
        }
        Ok(())
    }
}

fn short(value: f64) -> String {
    if value.abs() >= 100.0 || value.fract().abs() < f64::EPSILON {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

/// The limit of something that may grow by a factor: what lies within `slack` of the old value is noise.
pub(crate) fn grown(old: f64, factor: f64, slack: f64) -> f64 {
    (old * factor).max(old + slack)
}

/// A look at a run under way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Since the run began.
    pub(crate) at_s: f64,
    /// The server's present memory, where we started it.
    pub(crate) rss_mib: Option<u64>,
    /// Requests of this interval.
    pub(crate) requests: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Rows that vacuum has not taken yet.
    pub(crate) dead_rows: i64,
    /// Tables and their indexes.
    pub(crate) table_bytes: i64,
    pub(crate) index_bytes: i64,
    /// Both, for each message that is there.
    pub(crate) bytes_per_message: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_beyond_its_limit_fails() {
        let figure = |value| Figure::new("waits ms", value);
        assert_eq!(figure(5.0).failure(), None);
        assert_eq!(figure(5.0).at_most(5.0).at_least(5.0).failure(), None);
        assert_eq!(figure(5.01).at_most(5.0).failure().as_deref(), Some("waits ms: 5.01 (<= 5)"));
        assert!(figure(4.0).at_least(5.0).failure().is_some());
        assert!(figure(f64::NAN).at_least(5.0).failure().is_some());
    }

    #[test]
    fn little_growth_of_little_is_noise() {
        assert!((grown(3.0, 2.0, 10.0) - 13.0).abs() < 1e-9);
        assert!((grown(100.0, 2.0, 10.0) - 200.0).abs() < 1e-9);
    }
}
