//! Metrics say what happened: each is recorded somewhere, and what came of messages is counted right.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{Clinic, World, phone, sms};
use crate::tree::sources;

/// The first argument of every macro call that records.
fn recorded(code: &str) -> Vec<String> {
    let code: String = code.split_whitespace().collect();
    let mut found = Vec::new();
    for start in ["counter!(", "gauge!(", "histogram!("] {
        for (at, _) in code.match_indices(start) {
            let is_description = code[..at].ends_with('_');
            let rest = &code[at + start.len()..];
            let argument = rest.split([',', ')']).next().unwrap_or_default();
            if !is_description {
                found.push(argument.rsplit(':').next().unwrap_or_default().to_owned());
            }
        }
    }
    found
}

#[test]
fn every_metric_is_recorded_somewhere() {
    let sources: Vec<_> = sources(".rs").into_iter().filter(|source| !source.is_test()).collect();
    let recorded: Vec<String> = sources.iter().flat_map(|source| recorded(source.code())).collect();
    let is_home = |path: &str| path.ends_with("/metrics.rs") || path.starts_with("src/telemetry/");
    let mut count = 0;
    for source in sources.iter().filter(|source| is_home(&source.path)) {
        for line in source.code().lines() {
            // As `coverage_inventory` reads them.
            let constant = line.strip_prefix("pub const ").or(line.strip_prefix("pub(super) const "));
            let constant = constant.and_then(|rest| rest.split_once(": &str = \""));
            let Some((name, _)) = constant else { continue };
            count += 1;
            assert!(recorded.iter().any(|one| one == name), "{name} of {} is never recorded", source.path);
        }
    }
    assert!(count > 35, "the constants were read: {count}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_are_handed_in_are_counted_by_what_came_of_them() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "counted", json!({})).await;
    let (one, other) = (sms(&phone(1)), sms(&phone(2)));
    for (key, body, status) in [("a", &one, 202), ("a", &one, 202), ("a", &other, 422), ("b", &other, 202)] {
        clinic.api.keyed(key, body).await.unwrap().expect(status);
    }
    // Never stored, and never handed in: the engine has not seen it.
    clinic.api.message(&json!({})).await.expect(422);
    let hurried = Clinic::open(&world.server, "hurried", json!({ "admission": { "per_second": 1, "burst": 1 } })).await;
    let (mut stored, mut refused) = (2, 0);
    while refused < 2 {
        match hurried.api.message(&one).await.status {
            202 => stored += 1,
            429 => refused += 1,
            other => panic!("{other}"),
        }
    }
    let text = reqwest::get(&world.server.metrics).await.unwrap().text().await.unwrap();
    let counted: BTreeMap<&str, u64> = text
        .lines()
        .filter_map(|line| line.strip_prefix("carepost_messages_enqueued_total{result=\"")?.split_once("\"} "))
        .map(|(result, count)| (result, count.parse().unwrap()))
        .collect();
    let expected = [("stored", stored), ("replayed", 1), ("key_reused", 1), ("refused", refused)];
    assert_eq!(counted, BTreeMap::from(expected));
}
