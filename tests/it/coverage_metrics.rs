//! Every metric that a dashboard or an alert names exists.

use std::collections::BTreeSet;

use crate::tree::sources;

/// Where metrics are named.
const SOURCES: &[&str] = &[
    include_str!("../../actors/src/metrics.rs"),
    include_str!("../../domains/audit/src/metrics.rs"),
    include_str!("../../domains/campaigns/src/metrics.rs"),
    include_str!("../../domains/consent/src/metrics.rs"),
    include_str!("../../domains/delivery/src/metrics.rs"),
    include_str!("../../domains/guard/src/metrics.rs"),
    include_str!("../../domains/templates/src/metrics.rs"),
    include_str!("../../domains/tenancy/src/metrics.rs"),
    include_str!("../../src/http/metrics.rs"),
    include_str!("../../store/src/metrics.rs"),
];
const RULES: &str = include_str!("../../grafana/prometheus/rules.yml");
const FAMILIES: [&str; 4] = ["carepost_", "tenancy_", "audit_", "process_"];
/// What the exporter adds to a histogram's name.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];

fn known() -> BTreeSet<&'static str> {
    let of_source = |source: &'static str| {
        source.lines().filter_map(|line| {
            let (_, value) = line.strip_prefix("pub const ")?.split_once(": &str = \"")?;
            value.strip_suffix("\";")
        })
    };
    SOURCES.iter().flat_map(|source| of_source(source)).chain(carepost::telemetry::names()).collect()
}

fn expressions(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => fields.iter().for_each(|(name, field)| match field.as_str() {
            Some(text) if name == "expr" => found.push(text.to_owned()),
            _ => expressions(field, found),
        }),
        serde_json::Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

/// Refuses a text that names what is no metric; how many it names.
fn names_of(text: &str, known: &BTreeSet<&str>) -> usize {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let mut count = 0;
    for word in words.filter(|word| FAMILIES.iter().any(|family| word.starts_with(family))) {
        let base = SUFFIXES.iter().find_map(|suffix| word.strip_suffix(suffix)).unwrap_or(word);
        assert!(known.contains(word) || known.contains(base), "{word} in {text}");
        count += 1;
    }
    count
}

#[test]
fn a_dashboard_names_only_metrics_that_exist() {
    let known = known();
    let mut found = Vec::new();
    for dashboard in sources(".json").into_iter().filter(|source| source.path.starts_with("grafana/dashboards/")) {
        expressions(&serde_json::from_str(&dashboard.text).unwrap(), &mut found);
    }
    assert!(found.len() > 90, "the dashboards were read: {}", found.len());
    for expression in &found {
        names_of(expression, &known);
    }
}

#[test]
fn alerts_name_only_metrics_that_exist() {
    let count = names_of(RULES, &known());
    assert!(count > 30, "the rules were read: {count}");
}

#[test]
fn every_metric_is_on_a_dashboard() {
    let mut shown = Vec::new();
    for dashboard in sources(".json").into_iter().filter(|source| source.path.starts_with("grafana/dashboards/")) {
        expressions(&serde_json::from_str(&dashboard.text).unwrap(), &mut shown);
    }
    for metric in known() {
        assert!(shown.iter().any(|expression| expression.contains(metric)), "{metric} is on no dashboard");
    }
}

#[test]
fn metrics_are_named_by_one_rule() {
    for name in known() {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        assert!(is_plain && FAMILIES.iter().any(|family| name.starts_with(family)), "{name}");
    }
}
