//! docs/operations.md lists every metric, with what its constant's own comment says.

use std::collections::BTreeMap;

use crate::tree::{root, sources};

const HEAD: &str = "| metric | what |\n|---|---|\n";

/// Every metric by name, with its description. Metrics are constants, each with a comment.
fn metrics() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let is_home = |path: &str| path.ends_with("/metrics.rs") || path.starts_with("src/telemetry/");
    for source in sources(".rs").into_iter().filter(|source| !source.is_test() && is_home(&source.path)) {
        let mut comment = String::new();
        for line in source.text.lines() {
            if let Some(words) = line.strip_prefix("/// ") {
                comment = format!("{comment} {words}").trim().to_owned();
                continue;
            }
            let constant = line.strip_prefix("pub ").or(line.strip_prefix("pub(super) "));
            let constant = constant.and_then(|rest| rest.strip_prefix("const ")?.split_once(": &str = \""));
            if let Some((name, value)) = constant {
                let metric = value.trim_end_matches("\";");
                assert!(!comment.is_empty(), "{name} says nothing");
                found.insert(metric.to_owned(), std::mem::take(&mut comment));
            }
            comment.clear();
        }
    }
    found
}

#[test]
fn operations_lists_every_metric() {
    let metrics = metrics();
    assert!(metrics.len() > 35, "the constants were read: {}", metrics.len());
    let rows: String = metrics.iter().map(|(name, what)| format!("| `{name}` | {what} |\n")).collect();
    let text = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    assert!(text.contains(&format!("{HEAD}{rows}")), "docs/operations.md wants this table:\n{HEAD}{rows}");
}

#[test]
fn every_crate_with_a_list_of_names_lists_all_of_them() {
    let names: Vec<&str> =
        carepost_actors::metrics::NAMES.iter().chain(&carepost_store::metrics::NAMES).copied().collect();
    let listed = |source: &str| {
        let text = std::fs::read_to_string(root().join(source)).unwrap();
        text.lines().filter(|line| line.starts_with("pub const ") && line.contains(": &str = ")).count()
    };
    assert_eq!(names.len(), listed("actors/src/metrics.rs") + listed("store/src/metrics.rs"));
}
