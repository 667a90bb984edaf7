//! The commands that an operator types beside a running server, as the real program.

use std::path::PathBuf;
use std::process::{Command, Output};

use carepost_providers::Vendor;
use carepost_providers::simulator::Profile;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::server::{PROGRAM, base_env};
use crate::support::{Clinic, World, phone, sms, wait_until};

/// Two days that are long over; on the second one waits a delivery that nobody looks for today.
const MAKE_OLD_DAYS: &str = "
    SELECT ensure_partitions('1999-12-30', 2);
    INSERT INTO deliveries (tenant_id, message_id, channel, priority, state, reason, due_at, is_open, attempt_no,
                            failures, recipient_hash)
    SELECT gen_random_uuid(), first_message_id('1999-12-31T12:00:00Z'), 1, 3, 0, 3, now() + interval '1 day', true, 0,
           0, ''";

/// The program on the server's database, with further variables.
struct Operator(Vec<(String, String)>);

impl Operator {
    fn of(world: &World) -> Self {
        let mut env = base_env(&world.database.url);
        env.push(("CAREPOST_LISTEN".to_owned(), world.server.base.trim_start_matches("http://").to_owned()));
        Self(env)
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(PROGRAM).args(args).env_clear().envs(self.0.iter().cloned()).output().unwrap()
    }

    /// What a command prints that does its work.
    fn text(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success(), "{args:?}: {err}");
        out
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.text(args)).unwrap()
    }

    /// What a command complains of that must not do its work.
    fn refused(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(!output.status.success(), "{args:?} was done");
        String::from_utf8(output.stderr).unwrap()
    }
}

/// A file that goes away.
struct KeyFile(PathBuf);

impl KeyFile {
    fn with(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("carepost-it-{}.key", Uuid::new_v4().simple()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _removed = std::fs::remove_file(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_works_beside_the_server() {
    let world = World::open().await;
    let operator = Operator::of(&world);
    assert!(operator.text(&["migrate"]).contains("are up to date"));
    let clinic = Clinic::open(&world.server, "typed", json!({ "retry": { "max_failures": 1 } })).await;

    // Webhook endpoints.
    let url = "http://127.0.0.1:9/hook";
    let made = operator.json(&["webhook", "create", "typed", url, "--event", "delivery.receipt_merged"]);
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let id = made["webhook_endpoint"]["id"].as_str().unwrap();
    assert_eq!(operator.json(&["webhook", "list", "typed"])[0]["id"], id);
    let unknown = operator.refused(&["webhook", "create", "typed", url, "--event", "delivery.arrived"]);
    assert!(unknown.contains("delivery.receipt_merged"), "it lists what there is: {unknown}");
    assert_eq!(operator.json(&["webhook", "remove", "typed", id])["removed"], id);
    assert!(operator.refused(&["webhook", "remove", "typed", id]).contains("there is none"));
    assert_eq!(operator.json(&["webhook", "list", "typed"]), json!([]));

    // What has failed goes out again.
    let account = clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    world.simulator.set_profile(Vendor::Twilio, Profile { error_rate: 1.0, ..Profile::default() });
    let message = clinic.send(&sms(&phone(1))).await;
    clinic.until(&message, "failed").await;
    world.simulator.set_profile(Vendor::Twilio, Profile::default());
    let key = KeyFile::with(&clinic.key(&["messages:write"]).await);
    let redrive = ["redrive", "--api-key-file", key.0.to_str().unwrap(), "--status", "failed", "--channel", "sms"];
    let counted = operator.json(&[&redrive[..], &["--dry-run"]].concat());
    assert_eq!((&counted["count"], &counted["more"]), (&json!(1), &json!(false)));
    assert_eq!(operator.json(&redrive)["count"], 1);
    clinic.until(&message, "delivered").await;
    assert_eq!(operator.json(&redrive)["count"], 0);
    assert!(operator.refused(&[&redrive[..3], &["--status", "lost"]].concat()).contains("undelivered"));

    // A closed account carries nothing more, as soon as the server has noticed.
    assert_eq!(operator.json(&["account", "close", "typed", &account.id])["status"], "closed");
    assert!(operator.refused(&["account", "close", "typed", &account.id]).contains("a closed account"));
    wait_until("the account carries nothing more", || async {
        let id = clinic.send(&sms(&phone(2))).await;
        let waits = |message: &Value| message["deliveries"][0]["reason"] == "provider_config";
        clinic
            .until_holds(&id, "it has left or waits", |message| waits(message) || message["status"] == "delivered")
            .await;
        waits(&clinic.message(&id).await)
    })
    .await;

    // Days that are over may go, others not.
    let days = |partitions: &Value| partitions.as_array().unwrap().len();
    let before = days(&operator.json(&["partitions", "list"]));
    assert!(operator.refused(&["partitions", "drop", "--before", "2999-01-01"]).contains("must not be after today"));
    world.database.owner.batch_execute(MAKE_OLD_DAYS).await.unwrap();
    assert_eq!(days(&operator.json(&["partitions", "list"])), before + 6, "two days of three tables");
    let outcome = &operator.json(&["partitions", "drop", "--before", "2000-01-01"])[0];
    let dropped: Vec<&str> = outcome["dropped"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(dropped.len() == 3 && dropped.iter().all(|name| name.ends_with("_19991230")), "{dropped:?}");
    assert_eq!(outcome["held"], json!([{ "day": "1999-12-31", "open_deliveries": 1 }]));
    assert_eq!(days(&operator.json(&["partitions", "list"])), before + 3, "the held day stays");
    clinic.send(&sms(&phone(3))).await;
}
