//! A deployment's own words stand in for the shipped dictionary; a file that is none stops the start.

use std::path::PathBuf;
use std::process::Command;

use carepost_providers::Vendor;
use serde_json::json;
use uuid::Uuid;

use crate::support::server::{PROGRAM, base_env};
use crate::support::{Clinic, Server, TestDatabase, simulator};

const VARIABLE: &str = "CAREPOST_PHI_DICTIONARY";

/// A file that goes away.
struct Words(PathBuf);

impl Words {
    fn with(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("carepost-it-{}.txt", Uuid::new_v4().simple()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        let _removed = std::fs::remove_file(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_016_the_gate_looks_for_the_words_of_the_deployment() {
    let (simulator, database) = (simulator().await, TestDatabase::create().await);
    let words = Words::with("[drugs.en]\nzorblaxin\n");
    let server = Server::start(&database.url, &[(VARIABLE, words.path())]).await;
    let clinic = Clinic::open(&server, "words", json!({})).await;
    clinic.account(&simulator, Vendor::Twilio, json!({})).await;
    for (text, is_health) in [("Your zorblaxin is ready", true), ("Your metformin is ready", false)] {
        let asked = json!({ "to": { "phone": "+15005550006" }, "content": { "body": text } });
        let told = clinic.api.post("/api/v1/messaging/gate/simulate", &asked).await.expect(200);
        let rules = told.body["channels"][0]["rules"].as_array().unwrap();
        let guard = rules.iter().find(|rule| rule["rule"] == "phi_guard").expect("it is asked");
        assert_eq!(guard["verdict"] != "go" || !guard["code"].is_null(), is_health, "{text}: {}", told.text);
    }
}

#[test]
fn con_016_a_file_that_is_no_dictionary_stops_the_start_with_its_line() {
    let words = Words::with("# ours\n[drugs.en]\nzorblaxin\nquuxapril, canary. bracket\n");
    let mut env = base_env("host=127.0.0.1 port=9 user=nobody");
    env.push((VARIABLE.to_owned(), words.path().to_owned()));
    for args in [&["serve"][..], &["config", "check"]] {
        let output = Command::new(PROGRAM).args(args).env_clear().envs(env.iter().cloned()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{args:?}: {said}");
        assert!(said.contains(VARIABLE) && said.contains("line 4, column 12"), "{args:?}: {said}");
        assert!(!said.contains("canary"), "{args:?}: {said}");
    }
}
