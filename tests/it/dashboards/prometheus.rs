//! A real Prometheus with the scrape configuration and the rules of this tree.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use uuid::Uuid;

use crate::support::server::free_address;
use crate::support::wait_until;
use crate::tree::root;

const MISSING: &str = "cannot be run: scripts/packages installs it (Debian's package `prometheus`)";
/// In the scrape configuration: where carepost listens by default, and how often things are done.
const TARGET: &str = "127.0.0.1:9464";
const PACE: &str = "interval: 10s";

/// The folder of rules and scrape configuration.
pub(super) fn folder() -> PathBuf {
    root().join("grafana/prometheus")
}

/// Runs promtool where the rules are; it must be content.
pub(super) fn promtool(args: &[&str]) -> String {
    let output = Command::new("promtool").args(args).current_dir(folder()).output();
    let output = output.unwrap_or_else(|error| panic!("promtool {MISSING}: {error}"));
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "promtool {args:?}:\n{out}{err}");
    out
}

/// Its process and its folder, which go away with it.
pub(super) struct Prometheus {
    child: Child,
    folder: PathBuf,
    base: String,
    http: reqwest::Client,
}

impl Prometheus {
    /// Starts one that scrapes this address each second, and waits until it answers.
    pub(super) async fn start(metrics: &str) -> Self {
        let own = std::env::temp_dir().join(format!("carepost-it-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&own).unwrap();
        let target = metrics.trim_start_matches("http://").trim_end_matches("/metrics");
        let config = std::fs::read_to_string(folder().join("prometheus.yml")).unwrap();
        assert!(config.contains(TARGET) && config.matches(PACE).count() == 2, "{config}");
        let config = config.replace(TARGET, target).replace(PACE, "interval: 1s");
        std::fs::write(own.join("prometheus.yml"), config).unwrap();
        std::fs::copy(folder().join("rules.yml"), own.join("rules.yml")).unwrap();
        let address = free_address();
        // It ends with the test, even where that is killed.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .args(["--log.level=warn", &format!("--web.listen-address={address}")])
            .current_dir(&own)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(own.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut prometheus =
            Self { child, base: format!("http://{address}"), folder: own, http: reqwest::Client::new() };
        prometheus.ready().await;
        prometheus
    }

    async fn ready(&mut self) {
        let ready = self.http.get(format!("{}/-/ready", self.base));
        let (child, log) = (&mut self.child, self.folder.join("log"));
        wait_until("Prometheus is ready", || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "prometheus {MISSING}, or it ended: {}", read(&log));
            let asked = ready.try_clone().unwrap();
            async move { asked.send().await.is_ok_and(|answer| answer.status().is_success()) }
        })
        .await;
    }

    /// The data of an answer of the API; what it complains of is an error.
    pub(super) async fn get(&self, path: &str, params: &[(&str, &str)]) -> Result<Value, String> {
        let request = self.http.get(format!("{}/api/v1/{path}", self.base)).query(params);
        let mut answer: Value = request.send().await.unwrap().json().await.unwrap();
        match answer["status"].as_str() {
            Some("success") => Ok(answer["data"].take()),
            _ => Err(answer["error"].to_string()),
        }
    }

    /// The labels of each series of an expression that has a finite value now.
    pub(super) async fn series(&self, expression: &str) -> Vec<Value> {
        let answer = self.get("query", &[("query", expression)]).await;
        let answer = answer.unwrap_or_else(|error| panic!("{expression}: {error}"));
        let is_finite = |sample: &&Value| {
            let value: f64 = sample["value"][1].as_str().unwrap().parse().unwrap();
            value.is_finite()
        };
        answer["result"].as_array().unwrap().iter().filter(is_finite).map(|sample| sample["metric"].clone()).collect()
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}
