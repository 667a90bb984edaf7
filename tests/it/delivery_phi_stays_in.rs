//! DEL-9: canaries through success and failure, then a search through everything that could hold one.

use carepost_providers::Vendor;
use carepost_providers::simulator::{Fault, Profile};
use serde_json::{Value, json};

use crate::support::sign::Callback;
use crate::support::{Answer, Clinic, World, phone, sms, with};

/// In every body, subject, address, name, note and file.
const CANARY: &str = "canary";

fn rich(to: &str, phone: &str) -> Value {
    json!({
        "to": { "email": to, "phone": phone, "in_app": "canary-patient" },
        "strategy": "all",
        "content": {
            "sms": { "text": "canary text", "media_urls": ["https://media.example.com/canary.png"] },
            "email": {
                "subject": "canary subject", "text": "canary text", "html": "<p>canary html</p>",
                "reply_to": "canary.reply@example.com",
                "attachments": [{ "filename": "canary.txt", "content_type": "text/plain",
                                  "content_base64": "Y2FuYXJ5IGZpbGUgY2FuYXJ5" }],
            },
            "in_app": { "title": "canary title", "body": "canary body" },
        },
        "metadata": { "note": "canary note", "canary": "name" },
    })
}

/// Every row of every table of ours as text; bytes show as hexadecimal digits.
async fn dump(world: &World) -> String {
    let tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname LIKE 'carepost%'";
    let mut text = String::new();
    for table in world.database.owner.query(tables, &[]).await.unwrap() {
        let table: String = table.get(0);
        let sql = format!("SELECT coalesce(string_agg(row::text, E'\\n'), '') FROM {table} AS row");
        text.push_str(&world.database.owner.query_one(&sql, &[]).await.unwrap().get::<_, String>(0));
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_9_no_canary_leaves_through_logs_metrics_errors_or_rows() {
    let mut world = World::open().await;
    world.server.allow("breaker opened");
    let clinic = Clinic::open(&world.server, "private", json!({ "retry": { "initial_ms": 50 } })).await;
    let vendors = [Vendor::Twilio, Vendor::Ses, Vendor::Sendgrid, Vendor::Smtp, Vendor::InApp, Vendor::VonageMessages];
    let mut accounts = Vec::new();
    for vendor in vendors {
        accounts.push(clinic.account(&world.simulator, vendor, json!({ "timeout_ms": 500 })).await);
    }
    let mut ids = Vec::new();
    for round in 0..3 {
        let faults = [
            Fault::Status(503),
            Fault::Garbage,
            Fault::VendorCode("99999".to_owned()),
            Fault::DropAfterAccept,
            Fault::Hang,
        ];
        if round == 1 {
            for vendor in vendors {
                let script = faults.clone().into();
                world.simulator.set_profile(vendor, Profile { script, ..Profile::default() });
            }
            world.server.allow("unknown error code");
        }
        for (number, to) in
            ["canary.pat@example.com", "bounce@simulator.example", "reject@simulator.example"].iter().enumerate()
        {
            let body = rich(to, ["+15005550001", "+15005550010", &phone(number)][number % 3]);
            ids.push(clinic.api.keyed(&format!("canary-key-{round}-{number}"), &body).await.unwrap().expect(202).id());
        }
    }
    let settled = "SELECT count(*) FROM deliveries WHERE is_open AND state IN (0, 10)";
    crate::support::wait_until("all have ended or wait for a receipt", || async {
        world.database.count(settled).await == 0
    })
    .await;
    world.simulator.settled().await;

    let mut told = String::new();
    let mut ask = async |answer: Answer| {
        assert!(answer.status >= 400, "{}", answer.text);
        told.push_str(&answer.text);
        told.push_str(&format!("{:?}", answer.headers));
    };
    ask(clinic.api.message(&sms("canary")).await).await;
    ask(clinic.api.message(&with(sms(&phone(1)), json!({ "no_such_field": "canary" }))).await).await;
    ask(clinic.api.message(&json!({ "to": "canary", "content": "canary" })).await).await;
    ask(clinic.api.keyed("canary-key-0-0", &sms(&phone(1))).await.unwrap()).await;
    ask(clinic.api.keyed("canary key", &sms(&phone(1))).await.unwrap()).await;
    ask(clinic.api.get("/api/v1/messaging/messages/canary").await).await;
    ask(clinic.api.get("/api/v1/messaging/messages?canary=canary").await).await;
    ask(clinic.api.with_key("canary").get("/api/v1/messaging/messages").await).await;
    ask(Callback { sid: "canary", status: "canary", code: Some("canary") }.post(&clinic.api, &accounts[0]).await).await;
    let refused = Callback { sid: "canary", status: "delivered", code: None };
    ask(refused.post_signed(&clinic.api, &accounts[0], "canary").await).await;
    assert!(!told.contains(CANARY), "in an error: {told}");

    let metrics = world.server.nobody().http.get(&world.server.metrics).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("carepost_"));
    for id in &ids {
        told.push_str(&clinic.message(id).await.to_string());
        told.push_str(&Value::from(clinic.events(id).await).to_string());
    }
    let rows = dump(&world).await;
    assert!(rows.contains(&clinic.id));
    let hex = hex::encode(CANARY);
    for (name, text) in [("metrics", &metrics), ("views", &told), ("rows", &rows), ("log", &world.server.log())] {
        let found = text.lines().find(|line| {
            [CANARY, &hex, "+15005550001", "+15005550010", "+15005552", "simulator.example"]
                .iter()
                .any(|word| line.contains(word))
        });
        assert!(found.is_none(), "in {name}: {found:?}");
    }
    // Those who may, see it all.
    let opened = clinic.api.get(&format!("/api/v1/messaging/messages/{}?include=content", ids[0])).await;
    assert!(opened.expect(200).text.contains("canary subject"));
}
