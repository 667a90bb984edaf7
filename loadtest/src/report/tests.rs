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

fn schedule(warm_up_s: u64, measured_s: u64) -> Schedule {
    Schedule { rate: None, warm_up: Duration::from_secs(warm_up_s), measured: Duration::from_secs(measured_s) }
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
        settings: BTreeMap::from([(PACE, FLAT_OUT), ("tenants", "1")].map(|(name, value)| (name.into(), value.into()))),
        requests: Some(Requests::new(&tally, &schedule(1, 2))),
        verdict: Some(Verdict { promised: 1_000, stored: 1_000, lost: 0, duplicate: 0, unknown: 0 }),
        life: None,
        beside: None,
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
fn an_early_stop_does_not_look_like_full_speed() {
    let tally = Tally { measured: 1_000, last: Duration::from_secs(2), ..Tally::default() };
    assert!((Requests::new(&tally, &schedule(1, 10)).rate - 100.0).abs() < 1e-9, "it stood still for nine seconds");
    assert!((Requests::new(&tally, &schedule(1, 1)).rate - 1_000.0).abs() < 1e-9);
    let late = Tally { last: Duration::from_secs(21), ..tally };
    assert!((Requests::new(&late, &schedule(1, 10)).rate - 50.0).abs() < 1e-9, "the last answers came late");
    assert!((Requests::of_all(&late, &schedule(1, 600)).rate - 50.0).abs() < 1e-9, "it ended with its work");
}

#[test]
fn missed_limits_fail_and_so_does_anything_lost_or_doubled() {
    let mut report = enqueue();
    let limited = |max_p95_ms, max_p99_ms, min_rate| {
        let mut report = enqueue();
        report.figures = Limits { max_p95_ms, max_p99_ms, min_rate }.figures(&report);
        report.failures().len()
    };
    assert_eq!(report.failures(), Vec::<String>::new());
    assert_eq!(limited(Some(200.0), Some(200.0), Some(400.0)), 0);
    assert_eq!([limited(Some(50.0), None, Some(501.0)), limited(None, Some(50.0), None)], [2, 1]);
    report.verdict = Some(Verdict { promised: 1_000, stored: 999, lost: 1, duplicate: 2, unknown: 0 });
    assert_eq!(report.failures().len(), 2);
}

#[test]
fn in_an_open_loop_everything_must_succeed() {
    let open_loop = |scenario: &str| Report { scenario: scenario.to_owned(), settings: BTreeMap::new(), ..enqueue() };
    assert_eq!(open_loop("enqueue").failures(), ["7 messages of an open loop did not succeed"]);
    assert_eq!(open_loop("overload").failures(), Vec::<String>::new());
}

#[test]
fn a_run_without_a_success_is_a_failure() {
    let mut report = enqueue();
    report.requests = Some(Requests::new(&Tally::default(), &schedule(0, 0)));
    assert_eq!(report.failures().len(), 1);
}

/// A flat-out lifecycle whose messages cost this much.
fn lifecycle(commits_per_message: f64, wal_bytes_per_message: f64) -> Report {
    let fates = Fates { delivered: 1_000, unfinished: 0, sent_twice: 0, unseen: 0 };
    let to_provider = Latency::from(&histogram());
    let (finished_per_second, out_of_order) = (2_600.0, 0);
    let life =
        Life { fates, finished_per_second, to_provider, commits_per_message, wal_bytes_per_message, out_of_order };
    Report { scenario: "lifecycle".to_owned(), life: Some(life), ..enqueue() }
}

#[test]
fn a_life_may_cost_so_many_commits_and_bytes() {
    assert_eq!(lifecycle(0.05, 4_096.0).failures(), Vec::<String>::new());
    assert_eq!(lifecycle(0.06, 4_097.0).failures().len(), 2);
    assert_eq!(Report { settings: BTreeMap::new(), ..lifecycle(9.0, 9_000.0) }.failures().len(), 1, "batches of one");
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
    let table = side_by_side(&[enqueue(), ceiling], ShareLimits { min_enqueue_share: 0.5, ..ShareLimits::default() });
    let line = |label: &str| {
        table.lines().find(|line| line.starts_with(label)).unwrap().split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(line("of one-commit ceiling"), ["of", "one-commit", "ceiling", "0.50", "-"]);
    assert_eq!(line("target of this share"), ["target", "of", "this", "share", "0.50", "-"]);
    assert_eq!(line("lost"), ["lost", "0", "-"]);
    assert_eq!(line("empty handler"), ["empty", "handler", "/", "s", "-", "70000"]);
}

#[test]
fn an_empty_histogram_has_no_latency() {
    assert!(Latency::from(&histogram()).max_ms.abs() < f64::EPSILON);
}

/// Everything that a check wants, on a machine of this pace: the ceiling, three times enqueue, batches, lives, the rest.
fn complete(single_commits: f64, empty_handler: f64) -> Vec<Report> {
    let (batched, whole_life) = (700.0, Some(5_000.0));
    let ceiling = Ceiling { single_commits, batched, batch_size: 1_000, whole_life, empty_handler };
    let ceiling = Report { scenario: "ceiling".to_owned(), requests: None, ceiling: Some(ceiling), ..enqueue() };
    let [one, mut many] = [enqueue(), enqueue()].map(|mut report| {
        report.settings.insert(SCHEDULED.to_owned(), "true".to_owned());
        report
    });
    many.settings.insert("tenants".to_owned(), "100".to_owned());
    let batch = Report { scenario: "batch".to_owned(), ..enqueue() };
    let rest = ["receipts", "fairness", "overload", "held-snapshot", "soak"];
    let rest = rest.map(|scenario| Report { scenario: scenario.to_owned(), ..enqueue() });
    [ceiling, enqueue(), one, many, batch, lifecycle(0.04, 4_000.0)].into_iter().chain(rest).collect()
}

#[test]
fn a_check_names_every_share_that_is_missed() {
    // 500 messages a second are 15,000 on a machine of 30 times the pace.
    let slow = 70_000.0 / 30.0;
    let check = |reports: &[Report]| missed(reports, ShareLimits::default());
    assert_eq!(check(&complete(250.0, slow)), Vec::<String>::new());
    assert_eq!(check(&complete(400.0, slow)), ["1.25 of one-commit ceiling, below 2"]);
    assert_eq!(check(&complete(0.0, slow)).len(), 1, "a ceiling of nothing");
    assert_eq!(check(&complete(250.0, 70_000.0)).len(), 1, "500 messages a second at full pace");
    assert_eq!(check(&[enqueue()]), ["no run measured the ceiling"]);
    let without = |scenario: &str| {
        complete(250.0, slow).into_iter().filter(|report| report.scenario != scenario).collect::<Vec<_>>()
    };
    assert_eq!(check(&without("batch")), ["batch was not run", "no run has a share of batched ceiling"]);
    assert_eq!(check(&without("soak")), ["soak was not run"]);
    assert_eq!(check(&without("enqueue")).len(), 3, "no share, and nothing to compare many tenants with");
    let mut reports = complete(250.0, slow);
    reports.remove(1);
    assert_eq!(check(&reports), ["no run has a share of one-commit ceiling"], "scheduled messages have none");
    let mut reports = complete(250.0, slow);
    reports[5].figures = vec![Figure::new("back after s", 11.0).at_most(10.0)];
    assert_eq!(check(&reports), ["lifecycle: back after s: 11 (<= 10)"]);
}

#[test]
fn many_tenants_are_nearly_as_quick_as_one() {
    let mut reports = complete(200.0, 2_000.0);
    let seen = reports[3].requests.as_mut().unwrap();
    seen.rate = 440.0;
    let missed = missed(&reports, ShareLimits::default());
    assert_eq!(missed, ["0.88 of one tenant's flat-out enqueue with many tenants, below 0.9"]);
}

#[test]
fn a_ceiling_beside_a_run_goes_before_that_of_all() {
    let mut reports = complete(250.0, 2_000.0);
    reports[1].beside = Some(Beside { before: 200.0, after: 400.0 });
    assert_eq!(missed(&reports, ShareLimits::default()), ["1.67 of one-commit ceiling, below 2"]);
    assert!(side_by_side(&reports[1..2], ShareLimits::default()).contains("1.67"), "by itself as well");
    reports[1].beside = Some(Beside { before: 200.0, after: 0.0 });
    assert_eq!(missed(&reports, ShareLimits::default()), ["enqueue: its ceiling was nothing before or after it"]);
}

#[test]
fn only_scheduled_messages_are_compared_between_many_tenants_and_one() {
    let mut reports = complete(250.0, 2_000.0);
    reports[3].settings.insert(SCHEDULED.to_owned(), "false".to_owned());
    assert_eq!(missed(&reports, ShareLimits::default()).len(), 1);
}

#[test]
fn runs_of_different_commits_or_machines_are_not_compared() {
    let mut reports = complete(250.0, 2_000.0);
    reports[1].machine.commit = "def".to_owned();
    reports[2].machine.cpu = "another".to_owned();
    assert_eq!(missed(&reports, ShareLimits::default()).len(), 2);
}
