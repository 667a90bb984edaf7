//! Failures, the JSON's way there and back, and tables.

use super::*;
use crate::tally::{Ending, histogram, note};

fn machine() -> Machine {
    Machine {
        commit: "abc".to_owned(),
        build: "release".to_owned(),
        cores: 2,
        cpu: "invented".to_owned(),
        memory_gib: 24.0,
        kernel: "6".to_owned(),
        postgres: None,
        file_system: "ext4".to_owned(),
        load_average: "0.1 0.1 0.1".to_owned(),
    }
}

fn enqueue() -> Report {
    let mut tally = Tally { measured: 1_000, last: std::time::Duration::from_secs(3), ..Tally::default() };
    for milliseconds in 1..=100 {
        note(&mut tally.latency, std::time::Duration::from_millis(milliseconds));
    }
    tally.count(Ending::Status(202), 1_000);
    tally.count(Ending::Status(429), 7);
    Report {
        scenario: "enqueue".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        machine: machine(),
        settings: BTreeMap::from([(PACE.to_owned(), FLAT_OUT.to_owned())]),
        requests: Some(Requests::new(&tally, std::time::Duration::from_secs(1))),
        verdict: Some(Verdict { promised: 1_000, stored: 1_000, lost: 0, duplicate: 0, unknown: 0 }),
        life: None,
        ceiling: None,
        figures: Vec::new(),
        samples: Vec::new(),
    }
}

#[test]
fn figures_come_from_the_measured_part() {
    let requests = enqueue().requests.unwrap();
    assert!((requests.rate - 500.0).abs() < 1e-9);
    assert!((requests.latency.p50_ms - 50.0).abs() < 0.1 && (requests.latency.max_ms - 100.0).abs() < 0.1);
    assert_eq!((requests.endings["429"], requests.failed), (7, 7));
}

#[test]
fn missed_limits_fail_and_so_does_anything_lost_or_doubled() {
    let mut report = enqueue();
    let limits = |max_p95_ms, min_rate| Limits { max_p95_ms, min_rate };
    assert_eq!(report.failures(Limits::default()), Vec::<String>::new());
    assert_eq!(report.failures(limits(Some(200.0), Some(400.0))), Vec::<String>::new());
    assert_eq!(report.failures(limits(Some(50.0), Some(501.0))).len(), 2);
    report.verdict = Some(Verdict { promised: 1_000, stored: 999, lost: 1, duplicate: 2, unknown: 0 });
    assert_eq!(report.failures(Limits::default()).len(), 2);
}

#[test]
fn a_run_without_a_success_is_a_failure() {
    let mut report = enqueue();
    report.requests = Some(Requests::new(&Tally::default(), std::time::Duration::ZERO));
    assert_eq!(report.failures(Limits::default()).len(), 1);
}

#[test]
fn the_json_comes_back_as_it_went() {
    let report = enqueue();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}

#[test]
fn runs_stand_side_by_side_with_their_share_of_the_ceiling() {
    let ceiling = Report {
        scenario: "ceiling".to_owned(),
        requests: None,
        verdict: None,
        ceiling: Some(Ceiling {
            single_commits: 1_000.0,
            batched: 40_000.0,
            batch_size: 1_000,
            whole_life: Some(5_000.0),
            empty_handler: 70_000.0,
        }),
        ..enqueue()
    };
    let table = side_by_side(&[enqueue(), ceiling]);
    let line = |label: &str| {
        table.lines().find(|line| line.starts_with(label)).unwrap().split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(line("of one-commit ceiling"), ["of", "one-commit", "ceiling", "0.50", "-"]);
    assert_eq!(line("lost"), ["lost", "0", "-"]);
    assert_eq!(line("empty handler"), ["empty", "handler", "/", "s", "-", "70000"]);
}

#[test]
fn an_empty_histogram_has_no_latency() {
    assert!(Latency::from(&histogram()).max_ms.abs() < f64::EPSILON);
}

#[test]
fn a_check_names_every_share_that_is_missed() {
    let ceiling = |single_commits| Report {
        scenario: "ceiling".to_owned(),
        requests: None,
        ceiling: Some(Ceiling {
            single_commits,
            batched: 40_000.0,
            batch_size: 1_000,
            whole_life: None,
            empty_handler: 70_000.0,
        }),
        ..enqueue()
    };
    let check = |reports: &[Report]| missed(reports, ShareLimits::default());
    assert_eq!(check(&[enqueue(), ceiling(250.0)]), Vec::<String>::new());
    assert_eq!(check(&[enqueue(), ceiling(400.0)]), ["1.25 of one-commit ceiling, below 2"]);
    assert_eq!(check(&[enqueue()]), ["no run measured the ceiling"]);
    let open_loop = Report { settings: BTreeMap::new(), ..enqueue() };
    assert_eq!(check(&[open_loop, ceiling(1.0)]).len(), 1, "no share to be had");
    let figures = vec![Figure::new("back after s", 11.0).at_most(10.0)];
    let failed = Report { scenario: "overload".to_owned(), figures, ..enqueue() };
    assert_eq!(check(&[enqueue(), ceiling(250.0), failed]), ["overload: back after s: 11 (<= 10)"]);
}
