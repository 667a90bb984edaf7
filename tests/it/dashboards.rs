//! Dashboards and alerts before a real Prometheus, which scrapes the real server at work: each query answers.

mod load;
mod prometheus;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use self::load::Load;
use self::prometheus::{Prometheus, folder, promtool};
use crate::support::{World, wait_for};
use crate::tree::{Source, sources};

/// What a panel writes so that it shows 0 of what has never happened.
const OR_ZERO: &str = " or on() vector(0)";
/// What never happens on a healthy server: only there is the 0 enough.
const MISFORTUNES: [&str; 8] = [
    "carepost_actor_restarts_total",
    "carepost_actor_mailbox_full_total",
    "carepost_panics_total",
    "carepost_batch_failures_total",
    "carepost_store_leases_lost_total",
    "carepost_store_fence_refusals_total",
    "outcome=\"failed\"",
    "status_class=\"5xx\"",
];
/// Alerts that the load itself raises.
const RAISED: [&str; 2] = ["CarepostBreakerOpened", "CarepostLaneHalted"];

struct Dashboard {
    path: String,
    json: Value,
}

fn dashboards() -> Vec<Dashboard> {
    let is_dashboard = |source: &Source| source.path.starts_with("grafana/dashboards/");
    let parsed = |source: Source| Dashboard { json: serde_json::from_str(&source.text).unwrap(), path: source.path };
    let found: Vec<Dashboard> = sources(".json").into_iter().filter(is_dashboard).map(parsed).collect();
    assert_eq!(found.len(), 5);
    found
}

impl Dashboard {
    fn list(&self, pointer: &str) -> &[Value] {
        self.json.pointer(pointer).unwrap().as_array().unwrap()
    }

    /// Rows hold nothing but their titles.
    fn panels(&self) -> impl Iterator<Item = &Value> {
        self.list("/panels").iter().filter(|panel| panel["type"] != "row")
    }

    fn queries(&self) -> Vec<Query> {
        let of_panel = |panel: &Value| {
            let panel_name = format!("{}: {}", self.path, panel["title"]);
            let targets = panel["targets"].as_array().unwrap().clone();
            targets.into_iter().map(move |target| Query::of(&panel_name, &target))
        };
        self.panels().flat_map(of_panel).collect()
    }

    /// What the variables ask for: metric and label.
    fn variables(&self) -> Vec<(String, String)> {
        let queries = self.list("/templating/list").iter().filter(|variable| variable["type"] == "query");
        let parsed = |variable: &Value| {
            let query = variable["query"]["query"].as_str().unwrap();
            let inner = query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
            let (metric, label) = inner.split_once(", ").unwrap();
            (metric.to_owned(), label.to_owned())
        };
        queries.map(parsed).collect()
    }
}

/// A query of a panel.
#[derive(Debug)]
struct Query {
    /// Only to be shown.
    #[expect(dead_code, reason = "a failure shows it")]
    panel: String,
    /// As Prometheus gets it: with all processes and vendors chosen, and a span of some scrapes.
    expression: String,
    /// Labels that the legend names, and that the series must have.
    labels: Vec<String>,
}

impl Query {
    fn of(panel: &str, target: &Value) -> Self {
        let written = target["expr"].as_str().unwrap();
        let filled = written.replace("$__rate_interval", "15s").replace("$instance", ".*").replace("$vendor", ".*");
        assert!(!filled.contains('$'), "{panel}: an unknown variable in {written}");
        let may_be_zero = MISFORTUNES.iter().any(|misfortune| filled.contains(misfortune));
        let legend = target["legendFormat"].as_str().unwrap();
        let labels = legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap_or_default().to_owned());
        Self {
            panel: panel.to_owned(),
            labels: if may_be_zero { Vec::new() } else { labels.collect() },
            expression: if may_be_zero { filled } else { filled.replace(OR_ZERO, "") },
        }
    }

    async fn is_answered(&self, prometheus: &Prometheus) -> bool {
        let series = prometheus.series(&self.expression).await;
        series.iter().any(|series| self.labels.iter().all(|label| series.get(label).is_some()))
    }
}

#[test]
fn each_panel_has_title_description_unit_and_the_chosen_datasource() {
    for dashboard in dashboards() {
        let path = &dashboard.path;
        for field in ["/title", "/description"] {
            assert!(dashboard.json.pointer(field).is_some_and(|text| text.as_str() != Some("")), "{path}: {field}");
        }
        assert!(dashboard.json.get("uid").is_none() && dashboard.json.get("id").is_none(), "{path}: Grafana gives ids");
        let first = &dashboard.list("/templating/list")[0];
        assert_eq!((&first["name"], &first["type"]), (&"datasource".into(), &"datasource".into()), "{path}");
        let mut taken = BTreeMap::new();
        let mut titles = BTreeSet::new();
        for panel in dashboard.panels() {
            let title = panel["title"].as_str().unwrap();
            assert!(titles.insert(title), "{path}: two panels are called {title}");
            for field in ["/description", "/fieldConfig/defaults/unit"] {
                let is_there = panel.pointer(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
                assert!(is_there, "{path}: {title} has no {field}");
            }
            let targets = panel["targets"].as_array().unwrap();
            for holder in targets.iter().chain([panel]) {
                assert_eq!(holder["datasource"]["uid"], "${datasource}", "{path}: {title}");
            }
            let [left, top, width, height] = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().unwrap());
            assert!(left + width <= 24, "{path}: {title} is too far to the right");
            for place in (left..left + width).flat_map(|x| (top..top + height).map(move |y| (x, y))) {
                let other = taken.insert(place, title);
                assert!(other.is_none(), "{path}: {title} lies over {other:?}");
            }
        }
    }
}

#[test]
fn promtool_finds_no_fault_in_the_rules_and_their_tests_pass() {
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"]);
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&["test", "rules", "rules.test.yml"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn card_011_every_panel_shows_data_and_no_critical_alert_holds_on_a_healthy_server() {
    let mut world = World::open().await;
    let prometheus = Prometheus::start(&world.server.metrics).await;
    let mut load = Load::prepare(&mut world).await;
    let checked = async {
        every_query_answers(&prometheus).await;
        every_variable_has_values(&prometheus).await;
        alerts_are_as_they_should_be(&prometheus).await;
    };
    tokio::select! {
        () = checked => {}
        () = load.run() => panic!("the load has no end"),
    }
}

async fn every_query_answers(prometheus: &Prometheus) {
    let mut missing: Vec<Query> = dashboards().iter().flat_map(Dashboard::queries).collect();
    assert!(missing.len() > 90, "the dashboards were read: {}", missing.len());
    let answered = async {
        while !missing.is_empty() {
            let mut still = Vec::new();
            for query in std::mem::take(&mut missing) {
                if !query.is_answered(prometheus).await {
                    still.push(query);
                }
            }
            missing = still;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), answered).await;
    assert!(in_time.is_ok(), "no data for {missing:#?}");
}

async fn every_variable_has_values(prometheus: &Prometheus) {
    for (metric, label) in dashboards().iter().flat_map(Dashboard::variables) {
        let values = prometheus.get(&format!("label/{label}/values"), &[("match[]", &metric)]).await.unwrap();
        assert!(!values.as_array().unwrap().is_empty(), "{label} of {metric}");
    }
}

/// The rules as Prometheus has read them.
async fn alerts(prometheus: &Prometheus) -> Vec<Value> {
    let groups = prometheus.get("rules", &[("type", "alert")]).await.unwrap();
    groups["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

async fn alerts_are_as_they_should_be(prometheus: &Prometheus) {
    let written = std::fs::read_to_string(folder().join("rules.yml")).unwrap().matches("- alert: ").count();
    wait_for(Duration::from_secs(10), "every rule was evaluated", || async {
        alerts(prometheus).await.iter().all(|alert| alert["health"] == "ok")
    })
    .await;
    let all = alerts(prometheus).await;
    assert!(written > 20 && all.len() == written, "{written} are written, {} were read", all.len());
    let operations = std::fs::read_to_string(folder().join("../../docs/operations.md")).unwrap();
    let tests = std::fs::read_to_string(folder().join("rules.test.yml")).unwrap();
    for alert in &all {
        let name = alert["name"].as_str().unwrap();
        // By its whole name: as one that is expected or looked for.
        let is_tested = ["\"", "\n", ","].iter().any(|end| tests.contains(&format!("{name}{end}")));
        assert!(is_tested, "{name} has no test in rules.test.yml");
        has_a_runbook(alert, &operations);
        let holds = !prometheus.series(alert["query"].as_str().unwrap()).await.is_empty();
        match alert["labels"]["severity"].as_str() {
            Some("critical") => assert!(!holds, "{name} holds: {alert:#}"),
            Some("warning") => assert!(holds || !RAISED.contains(&name), "{name} does not hold"),
            other => panic!("{name} has the severity {other:?}"),
        }
    }
    let raised = prometheus.get("alerts", &[]).await.unwrap();
    for alert in raised["alerts"].as_array().unwrap() {
        assert!(alert["labels"]["severity"] != "critical", "{alert:#}");
        assert!(!alert["annotations"]["summary"].as_str().unwrap().contains("error expanding"), "{alert:#}");
    }
}

/// It says what it is, and leads to a section of its own that says what it means and what to do.
fn has_a_runbook(alert: &Value, operations: &str) {
    let name = alert["name"].as_str().unwrap();
    assert!(alert["annotations"]["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name} has no summary");
    let anchor = format!("../../docs/operations.md#{}", name.to_ascii_lowercase());
    assert_eq!(alert["annotations"]["runbook_url"], anchor, "{name}");
    let (_, section) =
        operations.split_once(&format!("\n### {name}\n")).unwrap_or_else(|| panic!("{name}: no section"));
    let section = section.split("\n#").next().unwrap_or_default();
    for part in ["- Look", "Do: "] {
        assert!(section.contains(part) || section.contains("- Look, do: "), "{name}: no {part}");
    }
}
