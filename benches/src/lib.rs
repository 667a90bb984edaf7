//! Budgets of the benches: what each may take, held against what criterion has measured.
//!
//! The benches are in `benches/engine`; `budgets.toml` has the budgets. A bench without a budget and a budget without
//! a bench are both shown, so that neither is forgotten.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

/// What a bench may take, in nanoseconds, by its name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Budgets(BTreeMap<String, f64>);

/// What benches took, in nanoseconds (mean), by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures(BTreeMap<String, f64>);

#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
}

#[derive(Deserialize)]
struct Estimates {
    mean: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

impl Budgets {
    /// Reads `budgets.toml`.
    ///
    /// # Errors
    /// Where it is not a list of names and nanoseconds.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        toml::from_str(text).context("read the budgets")
    }

    /// The table, and whether every bench that has a budget was measured and kept it, and no other was.
    #[must_use]
    pub fn judge(&self, figures: &Figures) -> (String, bool) {
        let names: std::collections::BTreeSet<&String> = self.0.keys().chain(figures.0.keys()).collect();
        let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
        let mut table = format!("{:<width$}  {:>12}  {:>12}\n", "bench", "measured", "budget");
        let mut all_kept = true;
        for name in names {
            let (figure, budget) = (figures.0.get(name), self.0.get(name));
            let verdict = match (figure, budget) {
                (Some(figure), Some(budget)) if figure > budget => "  OVER",
                (Some(_), None) => "  no budget",
                (None, Some(_)) => "  not measured",
                _ => "",
            };
            all_kept &= verdict.is_empty();
            let show = |time: Option<&f64>| time.map_or_else(|| "-".to_owned(), |nanos| in_words(*nanos));
            table.push_str(&format!("{name:<width$}  {:>12}  {:>12}{verdict}\n", show(figure), show(budget)));
        }
        (table, all_kept)
    }
}

impl Figures {
    /// Forgets what criterion measured before, so that no old figure is taken for a new one. Its own comparison with
    /// earlier runs (`base`) stays.
    ///
    /// # Errors
    /// Where a folder there cannot be listed or removed.
    pub fn forget(folder: &Path) -> anyhow::Result<()> {
        if !folder.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
            let path = entry?.path();
            if path.ends_with("new") && path.join("estimates.json").is_file() {
                fs::remove_dir_all(&path).with_context(|| format!("remove {}", path.display()))?;
            } else if path.is_dir() {
                Self::forget(&path)?;
            }
        }
        Ok(())
    }

    /// Collects the figures below criterion's folder.
    ///
    /// # Errors
    /// Where a file there cannot be read.
    pub fn collect(folder: &Path) -> anyhow::Result<Self> {
        let mut figures = Self::default();
        figures.walk(folder)?;
        Ok(figures)
    }

    fn walk(&mut self, folder: &Path) -> anyhow::Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
            let path = entry?.path();
            if !path.is_dir() {
                continue;
            }
            if path.ends_with("new") && path.join("estimates.json").is_file() {
                let benchmark: Benchmark = read(&path.join("benchmark.json"))?;
                let estimates: Estimates = read(&path.join("estimates.json"))?;
                self.0.insert(benchmark.full_id, estimates.mean.point_estimate);
            } else {
                self.walk(&path)?;
            }
        }
        Ok(())
    }
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("read {}", path.display()))
}

fn in_words(nanos: f64) -> String {
    match nanos {
        nanos if nanos < 1e3 => format!("{nanos:.0} ns"),
        nanos if nanos < 1e6 => format!("{:.2} us", nanos / 1e3),
        nanos => format!("{:.2} ms", nanos / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(figures: &[(&str, f64)], kept: bool, mark: &str) {
        let budgets = Budgets::parse("\"a/b\" = 1000.0\n").unwrap();
        let figures = Figures(figures.iter().map(|(name, nanos)| ((*name).to_owned(), *nanos)).collect());
        let (table, all_kept) = budgets.judge(&figures);
        assert_eq!(all_kept, kept, "{table}");
        assert!(table.contains(mark), "{table}");
    }

    #[test]
    fn a_figure_stands_beside_its_budget() {
        check(&[("a/b", 999.0)], true, "999 ns       1.00 us");
        check(&[("a/b", 1_001.0)], false, "OVER");
        check(&[("a/b", 1.0), ("new", 1.0)], false, "no budget");
        check(&[], false, "not measured");
    }

    #[test]
    fn figures_of_an_earlier_run_are_forgotten() {
        let folder = std::env::temp_dir().join(format!("carepost-benches-{}", std::process::id()));
        for part in ["a/b/new", "a/b/base"] {
            fs::create_dir_all(folder.join(part)).unwrap();
            fs::write(folder.join(part).join("benchmark.json"), r#"{"full_id": "a/b"}"#).unwrap();
            fs::write(folder.join(part).join("estimates.json"), r#"{"mean": {"point_estimate": 1.0}}"#).unwrap();
        }
        assert_eq!(Figures::collect(&folder).unwrap().0.len(), 1);
        Figures::forget(&folder).unwrap();
        assert_eq!(Figures::collect(&folder).unwrap(), Figures::default());
        assert!(folder.join("a/b/base/estimates.json").is_file());
        fs::remove_dir_all(&folder).unwrap();
        Figures::forget(&folder).unwrap();
    }

    #[test]
    fn the_budgets_of_this_folder_can_be_read() {
        assert!(!Budgets::parse(include_str!("../budgets.toml")).unwrap().0.is_empty());
    }
}
