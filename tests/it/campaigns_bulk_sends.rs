//! Bulk sends: counted before anything leaves, each recipient sent to once, held and ended by hand.

use std::collections::BTreeMap;

use carepost_providers::Vendor;
use carepost_providers::simulator::Simulator;
use serde_json::{Value, json};

use crate::support::{Answer, BulkSend, Clinic, Server, World, message_of, phone, taken, with};

/// `carepost-loadtest -- bulk` sends to 100,000: see docs/performance.md.
const ROWS: usize = 2_000;

async fn clinic(server: &Server, simulator: &Simulator, slug: &str) -> Clinic {
    let settings = json!({ "admission": { "per_second": 4000, "burst": 8000 } });
    let clinic = Clinic::open(server, slug, settings).await;
    clinic.account(simulator, Vendor::Twilio, json!({})).await;
    clinic
}

fn list(rows: std::ops::Range<usize>) -> String {
    rows.fold("phone\n".to_owned(), |csv, number| csv + &phone(number) + "\n")
}

async fn suppress(clinic: &Clinic, number: usize) {
    let body = json!({ "channel": "sms", "address": phone(number), "reason": "opted_out" });
    let answer = clinic.api.post("/api/v1/messaging/suppressions", &body).await;
    assert!(answer.status < 300, "{}", answer.text);
}

/// How often each message was taken by the vendor.
fn calls(simulator: &Simulator) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for call in simulator.calls(Vendor::Twilio).iter().filter(|call| taken(call).is_some()) {
        *calls.entry(message_of(call)).or_default() += 1;
    }
    calls
}

fn codes(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row["code"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_014_a_list_is_counted_first_and_each_of_it_is_sent_to_once() {
    let world = World::open().await;
    let clinic = clinic(&world.server, &world.simulator, "bulk").await;
    for number in 0..5 {
        suppress(&clinic, number).await;
    }
    let (first, rest) = (list(0..1_000), list(1_000..ROWS).replacen("phone\n", "", 1));
    let csv = format!("{first}nonsense\n{rest}{}\n", phone(7));
    let bulk = BulkSend::make(
        &clinic,
        &json!({ "name": "canary closing", "content": { "body": "canary: we are closed on Friday" },
                 "channels": ["sms"] }),
    )
    .await;
    let report = bulk.upload(csv).await.expect(200).body;
    assert_eq!((report["stored"].as_u64(), report["duplicates"].as_u64()), (Some(ROWS as u64), Some(1)));
    let bad = json!({ "line": 1_002, "field": "/phone",
                      "detail": "must be a valid phone number in E.164 form, as in +15005550006" });
    assert_eq!(report["bad_lines"], json!([bad]), "the line in the middle comes back, and takes none with it");

    assert_eq!(bulk.order("start").await.expect(409).code(), "conflict", "not before the count");
    let counted = bulk.count().await;
    assert_eq!(counted["verdicts"], json!({ "go": ROWS - 5, "wait": 0, "other_channel": 0, "refuse": 5 }));
    assert_eq!(world.simulator.calls(Vendor::Twilio).len(), 0, "nothing leaves before the start");
    assert_eq!(codes(&bulk.list("verdict=refuse").await), ["opted_out"; 5]);

    bulk.order("start").await.expect(202);
    let ended = bulk.until("finished").await;
    assert_eq!(
        (ended["rows"]["enqueued"].as_u64(), ended["rows"]["refused"].as_u64()),
        (Some(ROWS as u64 - 5), Some(5))
    );
    let calls = calls(&world.simulator);
    assert_eq!((calls.len(), calls.values().sum::<usize>()), (ROWS - 5, ROWS - 5), "each once");
    let refused = bulk.list("state=refused").await;
    assert_eq!(codes(&refused), ["opted_out"; 5]);
    assert!(refused.iter().all(|row| row["message_id"].is_null() && row["channels"][0]["rule"] == "suppression"));
    let progress = bulk
        .until_holds("all are delivered", |progress| {
            progress["deliveries"] == json!([{ "channel": "sms", "status": "delivered", "deliveries": ROWS - 5 }])
        })
        .await;
    assert_eq!(progress["status"], "finished");
    assert_eq!(bulk.order("cancel").await.expect(409).code(), "conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_014_a_send_is_paused_resumed_and_cancelled() {
    let world = World::open().await;
    let clinic = clinic(&world.server, &world.simulator, "held").await;
    let bulk = BulkSend::with_list(&clinic, json!({ "per_second": 100 }), list(0..ROWS)).await;
    bulk.count().await;
    bulk.order("start").await.expect(202);
    bulk.until_holds("some have gone", |progress| progress["rows"]["enqueued"].as_i64() >= Some(100)).await;
    bulk.order("pause").await.expect(202);
    // The page that was under way comes to its end; then nothing goes any more.
    let paused = bulk.until_holds("all that has gone is delivered", |progress| {
        let delivered = progress["deliveries"][0]["deliveries"].as_i64();
        progress["deliveries"].as_array().map(Vec::len) == Some(1)
            && progress["deliveries"][0]["status"] == "delivered"
            && delivered == progress["rows"]["enqueued"].as_i64()
    });
    let paused = paused.await["rows"].clone();
    assert!(paused["waiting"].as_i64() > Some(0), "{paused}");
    assert_eq!(bulk.progress().await["rows"], paused);
    // A list that has begun to go grows no more.
    assert_eq!(bulk.upload(list(5_000..5_001)).await.expect(409).code(), "conflict");

    bulk.order("resume").await.expect(202);
    let before = paused["enqueued"].as_i64();
    bulk.until_holds("more have gone", |progress| progress["rows"]["enqueued"].as_i64() > before).await;
    bulk.order("cancel").await.expect(202);
    let ended = bulk.until("cancelled").await;
    let rows = |state: &str| ended["rows"][state].as_u64().unwrap();
    assert_eq!(rows("enqueued") + rows("cancelled"), ROWS as u64);
    assert!(rows("cancelled") > 0);
    let ended_calls = calls(&world.simulator);
    assert!(ended_calls.len() as u64 <= rows("enqueued"));
    let open = "SELECT count(*) FROM deliveries WHERE is_open AND state < 20";
    assert_eq!(world.database.count(open).await, 0, "nothing waits to leave any more");
    assert_eq!(bulk.order("resume").await.expect(409).code(), "conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_014_cancelling_takes_back_what_waits_to_leave() {
    let world = World::open().await;
    let clinic = clinic(&world.server, &world.simulator, "taken-back").await;
    // The provider takes one message in ten seconds: all the others wait in the engine.
    clinic.settings(json!({ "send_per_second": 1 })).await;
    let bulk = BulkSend::with_list(&clinic, json!({}), list(0..300)).await;
    bulk.count().await;
    bulk.order("start").await.expect(202);
    bulk.until_holds("all are messages", |progress| progress["rows"]["enqueued"] == 300).await;
    bulk.order("cancel").await.expect(202);
    let ended = bulk.until("cancelled").await;
    let of = |status: &str| -> u64 {
        let deliveries = ended["deliveries"].as_array().unwrap();
        deliveries.iter().filter(|one| one["status"] == *status).filter_map(|one| one["deliveries"].as_u64()).sum()
    };
    assert!(of("cancelled") > 250, "{ended:#}");
    assert_eq!(of("cancelled") + calls(&world.simulator).len() as u64, 300, "taken back, or called once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_014_cancelling_takes_back_messages_whose_rows_do_not_know_of_them() {
    let world = World::open().await;
    let clinic = clinic(&world.server, &world.simulator, "unmarked").await;
    clinic.settings(json!({ "send_per_second": 1 })).await;
    let bulk = BulkSend::with_list(&clinic, json!({}), list(0..300)).await;
    bulk.count().await;
    bulk.order("start").await.expect(202);
    bulk.until_holds("all are messages", |progress| progress["rows"]["enqueued"] == 300).await;
    bulk.order("pause").await.expect(202);
    // As after a death between the messages and their marks.
    let forget = "UPDATE bulk_send_rows SET state = 1, message_id = NULL WHERE row_no > 100";
    assert_eq!(world.database.owner.execute(forget, &[]).await.unwrap(), 200);
    bulk.order("cancel").await.expect(202);
    let ended = bulk.until("cancelled").await;
    assert_eq!((ended["rows"]["enqueued"].as_i64(), ended["rows"]["cancelled"].as_i64()), (Some(300), Some(0)));
    let open = "SELECT count(*) FROM deliveries WHERE is_open AND state < 20";
    assert_eq!(world.database.count(open).await, 0, "nothing waits to leave any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_011_a_stop_in_the_middle_is_respected() {
    let world = World::open().await;
    let clinic = clinic(&world.server, &world.simulator, "stopped").await;
    let bulk = BulkSend::with_list(&clinic, json!({ "per_second": 50 }), list(0..200)).await;
    let counted = bulk.count().await;
    assert_eq!(counted["verdicts"]["go"], 200);
    bulk.order("start").await.expect(202);
    bulk.until_holds("some have gone", |progress| progress["rows"]["enqueued"].as_i64() > Some(0)).await;
    // Said after the count and after the start.
    suppress(&clinic, 199).await;
    let ended = bulk.until("finished").await;
    assert_eq!((ended["rows"]["enqueued"].as_i64(), ended["rows"]["refused"].as_i64()), (Some(199), Some(1)));
    assert_eq!(codes(&bulk.list("state=refused").await), ["opted_out"]);
    assert_eq!(calls(&world.simulator).len(), 199);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_012_marketing_passes_over_whoever_consented_to_other_things_only() {
    let world = World::open().await;
    let clinic = clinic(&world.server, &world.simulator, "marketing").await;
    for (number, in_writing, purpose) in [(1, false, "transactional"), (2, true, "marketing")] {
        let point = json!({ "channel": "sms", "address": phone(number) });
        let person = json!({ "external_id": format!("p-{number}"), "given_name": "Canary", "contact_points": [point] });
        let path = "/api/v1/messaging/recipients";
        let id = clinic.api.post(path, &person).await.expect(201).id();
        let said = json!({ "wording": "I agree to get texts.", "wording_version": "1" });
        let consent = json!({ "channel": "sms", "purposes": [purpose], "in_writing": in_writing, "said": said });
        let answer = clinic.api.post(&format!("{path}/{id}/consents"), &consent).await;
        assert!(answer.status < 300, "{}", answer.text);
    }
    let birthday = json!({ "purpose": "marketing" });
    let list = "external_id\np-1\np-2\np-3\n".to_owned();
    let bulk = BulkSend::make(
        &clinic,
        &with(json!({ "name": "birthday", "content": { "body": "canary: an offer" }, "channels": ["sms"] }), birthday),
    )
    .await;
    let report = bulk.upload(list).await.expect(200).body;
    assert_eq!((report["stored"].as_u64(), report["bad_lines"][0]["field"].as_str()), (Some(2), Some("/external_id")));
    bulk.count().await;
    let rows = bulk.list("").await;
    assert_eq!(rows[0]["verdict"], "refuse", "{rows:#?}");
    assert_eq!(rows[0]["channels"][0]["rule"], "consent");
    assert_ne!(rows[1]["channels"][0]["rule"], "consent", "{rows:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cam_5_who_is_named_twice_or_merged_meanwhile_is_sent_to_once() {
    let world = World::open().await;
    let clinic = clinic(&world.server, &world.simulator, "once").await;
    let path = "/api/v1/messaging/recipients";
    let mut ids = Vec::new();
    for number in 1..4 {
        let point = json!({ "channel": "sms", "address": phone(number) });
        let person = json!({ "external_id": format!("p-{number}"), "given_name": "Canary", "contact_points": [point] });
        let id = clinic.api.post(path, &person).await.expect(201).id();
        let said = json!({ "wording": "I agree to get texts.", "wording_version": "1" });
        let consent = json!({ "channel": "sms", "purposes": ["transactional"], "in_writing": true, "said": said });
        assert!(clinic.api.post(&format!("{path}/{id}/consents"), &consent).await.status < 300);
        ids.push(id);
    }
    let list = format!("recipient_id,phone\n{},\n{},\n,{}\n,{}\n{},\n", ids[0], ids[1], phone(1), phone(9), ids[2]);
    let bulk = BulkSend::with_list(&clinic, json!({}), list).await;
    let counted = bulk.count().await;
    assert_eq!(counted["verdicts"]["go"].as_i64(), Some(5), "{counted}");
    clinic.api.post(&format!("{path}/{}/merge", ids[1]), &json!({ "into": ids[0] })).await.expect(200);
    bulk.order("start").await.expect(202);
    let ended = bulk.until("finished").await;
    assert_eq!((ended["rows"]["enqueued"].as_i64(), ended["rows"]["refused"].as_i64()), (Some(3), Some(2)), "{ended}");
    let refused = bulk.list("state=refused").await;
    assert_eq!(codes(&refused), ["duplicate"; 2]);
    assert_eq!(refused.iter().map(|row| row["row"].as_i64()).collect::<Vec<_>>(), [Some(2), Some(3)]);
    let mut sent: Vec<String> = world.simulator.calls(Vendor::Twilio).into_iter().map(|call| call.to).collect();
    sent.sort();
    let mut expected = [phone(1), phone(3), phone(9)];
    expected.sort();
    assert_eq!(sent, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_014_a_template_is_filled_for_each_and_who_lacks_a_variable_fails_alone() {
    let world = World::open().await;
    let clinic = clinic(&world.server, &world.simulator, "filled").await;
    let content = json!({
        "variables": [{ "name": "visit.on", "kind": "date", "required": true, "sample": { "en": "2026-12-03" } }],
        "sms": { "en": { "body": "{{practice.name}}: canary visit on {{date visit.on}}" },
                 "es": { "body": "{{practice.name}}: canary visita el {{date visit.on}}" } },
    });
    let new = json!({ "name": "Visits", "category": "Administrative", "purpose": "transactional",
                      "topic": "appointments" });
    let made = clinic.api.post("/api/v1/messaging/templates", &with(new, content)).await.expect(201);
    let path = format!("/api/v1/messaging/templates/{}/publish", made.id());
    clinic.api.post(&path, &json!({ "version": 1 })).await.expect(200);
    let bulk = BulkSend::make(&clinic, &json!({ "name": "canary visits", "template_id": made.id() })).await;
    let list = format!(
        "phone,language,visit.on\n{},en,2026-12-03\n{},es,2026-12-04\n{},en,\n{},en,soon\n",
        phone(1),
        phone(2),
        phone(3),
        phone(4)
    );
    let report = bulk.upload(list).await.expect(200).body;
    assert_eq!(report["stored"], 4, "{report}");
    let counted = bulk.count().await;
    assert_eq!((counted["rows"]["failed"].as_i64(), counted["verdicts"]["go"].as_i64()), (Some(2), Some(2)));
    bulk.order("start").await.expect(202);
    let ended = bulk.until("finished").await;
    assert_eq!((ended["rows"]["enqueued"].as_i64(), ended["rows"]["failed"].as_i64()), (Some(2), Some(2)));
    let failed = bulk.list("state=failed").await;
    assert_eq!(failed[0]["error"], "missing_variable: visit.on");
    assert!(failed[1]["error"].as_str().unwrap().starts_with("wrong_variable: visit.on "), "{failed:#?}");
    let texts: Vec<Answer> = {
        let mut texts = Vec::new();
        for row in bulk.list("state=enqueued").await {
            let id = row["message_id"].as_str().unwrap().to_owned();
            texts.push(clinic.api.get(&format!("/api/v1/messaging/messages/{id}?include=content")).await.expect(200));
        }
        texts
    };
    assert!(texts[0].text.contains("canary visit on"), "{}", texts[0].text);
    assert!(texts[1].text.contains("canary visita el"), "in the row's own language");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_014_a_changed_policy_sets_free_what_was_held() {
    let world = World::open().await;
    let clinic = clinic(&world.server, &world.simulator, "policy").await;
    let hour = carepost_kernel::Clock::system().now().to_zoned(jiff::tz::TimeZone::UTC).hour();
    let closed = if hour < 12 { ("13:00:00", "14:00:00") } else { ("01:00:00", "02:00:00") };
    let practice = json!({ "name": "Maple Dental", "zones": ["UTC"] });
    policy(
        &clinic,
        json!({ "practice": practice, "contact_hours": { "sms": { "from": closed.0, "until": closed.1 } } }),
    )
    .await;
    let bulk = BulkSend::with_list(&clinic, json!({}), list(0..ROWS)).await;
    assert_eq!(bulk.count().await["verdicts"]["wait"], ROWS);
    bulk.order("start").await.expect(202);
    bulk.until_holds("all are held", |progress| progress["rows"]["held"] == ROWS).await;
    let held = bulk.list("state=held").await;
    assert!(held.iter().all(|row| row["code"] == "quiet_hours" && row["until"].is_string()));
    assert_eq!(world.simulator.calls(Vendor::Twilio).len(), 0);

    policy(&clinic, json!({ "practice": practice, "contact_hours": { "sms": null } })).await;
    let ended = bulk.until("finished").await;
    assert_eq!(ended["rows"]["enqueued"], ROWS);
    let calls = calls(&world.simulator);
    assert_eq!((calls.len(), calls.values().sum::<usize>()), (ROWS, ROWS));
}

async fn policy(clinic: &Clinic, policy: Value) {
    let path = "/api/v1/messaging/gate/policies";
    let made = clinic.api.post(path, &json!({ "policy": policy })).await.expect(201);
    let version = made.body["version"].as_u64().unwrap();
    clinic.api.post(&format!("{path}/{version}/activate"), &json!({})).await.expect(200);
}
