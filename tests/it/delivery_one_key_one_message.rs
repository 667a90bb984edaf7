//! DEL-2: one idempotency key is one message, however often, wherever and whenever it is posted.

use std::collections::BTreeSet;

use carepost_kernel::Clock;
use carepost_providers::Vendor;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Clinic, World, phone, sms, wait_until, with};

const PEOPLE: &str = "/api/v1/messaging/recipients";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_2_a_thousand_posts_of_one_key_are_one_message_and_one_call() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "one-key", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let body = sms(&phone(1));
    let posts = (0..1_000).map(|_| clinic.api.keyed("visit-1", &body));
    let answers = join_all(posts).await;
    let ids: BTreeSet<String> = answers.into_iter().map(|answer| answer.unwrap().expect(202).id()).collect();
    assert_eq!(ids.len(), 1);
    let id = ids.first().unwrap();
    clinic.until(id, "delivered").await;
    assert_eq!(world.simulator.accepted(Vendor::Twilio), 1);
    assert_eq!(world.database.count("SELECT count(*) FROM messages").await, 1);
    assert_eq!(world.database.count("SELECT count(*) FROM idempotency_keys").await, 1);

    let replay = clinic.api.keyed("visit-1", &body).await.unwrap().expect(202);
    assert_eq!(
        (replay.id(), &replay.body["status"], &replay.body["replayed"]),
        (id.clone(), &json!("delivered"), &json!(true))
    );
    assert_eq!(replay.header("idempotency-replayed"), Some("true"));
    let other = with(body, json!({ "metadata": { "note": "another body" } }));
    assert_eq!(clinic.api.keyed("visit-1", &other).await.unwrap().expect(422).code(), "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_2_the_key_outlives_the_process_and_ends_with_its_window() {
    let mut world = World::open().await;
    let clinic = Clinic::open(&world.server, "long-key", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let (body, other) = (sms(&phone(1)), sms(&phone(2)));
    let id = clinic.api.keyed("visit-2", &body).await.unwrap().expect(202).id();
    clinic.until(&id, "delivered").await;

    world.server.kill9();
    world.server.run().await;
    let replay = clinic.api.keyed("visit-2", &body).await.unwrap().expect(202);
    assert_eq!((replay.id(), &replay.body["status"]), (id.clone(), &json!("delivered")));
    assert_eq!(clinic.api.keyed("visit-2", &other).await.unwrap().expect(422).code(), "idempotency_key_reused");

    // Another tenant's key of the same name is another key.
    let stranger = Clinic::open(&world.server, "stranger", json!({})).await;
    assert_ne!(stranger.api.keyed("visit-2", &other).await.unwrap().expect(202).id(), id);

    // The window has passed, as far as the row says; memory goes with the process.
    let sql = "UPDATE idempotency_keys SET expires_at = now() - interval '1 second'";
    world.database.owner.batch_execute(sql).await.unwrap();
    world.server.restart().await;
    let fresh = clinic.api.keyed("visit-2", &other).await.unwrap().expect(202);
    assert_ne!(fresh.id(), id);
    assert_eq!(fresh.body["replayed"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_2_a_key_answers_though_its_recipient_and_template_are_gone_by_now() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "gone-by-now", json!({})).await;
    let (person, template) = (person(&clinic, 1).await, template(&clinic).await);
    let body = json!({ "recipient_id": person, "template": { "id": template }, "channels": ["sms"] });
    let late =
        with(sms(&phone(2)), json!({ "expires_at": Clock::system().now() + jiff::SignedDuration::from_secs(4) }));
    let id = clinic.api.keyed("visit-3", &body).await.unwrap().expect(202).id();
    let late_id = clinic.api.keyed("visit-4", &late).await.unwrap().expect(202).id();
    let item = |key: &str, body: &Value| with(body.clone(), json!({ "idempotency_key": key }));
    let batch = json!({ "messages": [item("visit-5", &body), item("visit-6", &body)] });
    let batched = clinic.api.post("/api/v1/messaging/messages/batch", &batch).await.expect(202).body;
    let batched_id = batched["results"][0]["id"].clone();
    assert_eq!((batched["accepted"].as_u64(), batched_id.is_string()), (Some(2), true));

    let archive = format!("/api/v1/messaging/templates/{template}/archive");
    Answer::of(clinic.api.request("POST", &archive)).await.unwrap().expect(200);
    let replay = clinic.api.keyed("visit-3", &body).await.unwrap().expect(202);
    assert_eq!((replay.id(), replay.header("idempotency-replayed")), (id.clone(), Some("true")));
    assert_eq!(clinic.api.keyed("another", &body).await.unwrap().expect(409).code(), "conflict");

    let gone = clinic.api.request("DELETE", &format!("{PEOPLE}/{person}"));
    assert!(Answer::of(gone).await.unwrap().status < 300);
    let replay = clinic.api.keyed("visit-3", &body).await.unwrap().expect(202);
    assert_eq!((replay.id(), &replay.body["replayed"]), (id, &json!(true)));
    let other = with(body.clone(), json!({ "metadata": { "note": "another body" } }));
    assert_eq!(clinic.api.keyed("visit-3", &other).await.unwrap().expect(422).code(), "idempotency_key_reused");
    let fresh = clinic.api.keyed("another", &body).await.unwrap().expect(422);
    assert_eq!((fresh.code(), fresh.pointers()), ("validation_failed", vec!["/recipient_id"]));
    assert_eq!(clinic.api.message(&body).await.expect(422).code(), "validation_failed");

    wait_until("the second one's time has passed", || async { clinic.status(&late_id).await == "expired" }).await;
    assert_eq!(clinic.api.keyed("visit-4", &late).await.unwrap().expect(202).id(), late_id);

    let items = [
        item("visit-5", &body),
        item("visit-6", &other),
        item("another", &body),
        body.clone(),
        item("visit-7", &sms(&phone(3))),
    ];
    let answer = clinic.api.post("/api/v1/messaging/messages/batch", &json!({ "messages": items })).await.expect(202);
    let results = answer.body["results"].as_array().unwrap();
    assert_eq!((&results[0]["id"], &results[0]["replayed"]), (&batched_id, &json!(true)));
    let codes: Vec<&Value> = results.iter().map(|result| &result["error"]["code"]).collect();
    let unknown = json!("validation_failed");
    assert_eq!(codes, [&Value::Null, &json!("idempotency_key_reused"), &unknown, &unknown, &Value::Null]);
    assert_eq!(results[2]["error"]["errors"][0]["pointer"], "/messages/2/recipient_id");
    assert_eq!(results[4]["replayed"], false);
    assert_eq!(world.database.count("SELECT count(*) FROM messages").await, 5);
}

async fn person(clinic: &Clinic, number: usize) -> String {
    let point = json!({ "channel": "sms", "address": phone(number) });
    let body = json!({ "external_id": format!("p-{number}"), "given_name": "Canary", "contact_points": [point] });
    clinic.api.post(PEOPLE, &body).await.expect(201).id()
}

async fn template(clinic: &Clinic) -> String {
    let body = json!({ "name": "Closed", "category": "Administrative", "purpose": "transactional",
                       "topic": "appointments", "sms": { "en": { "body": "{{practice.name}}: canary, we are closed" } } });
    let id = clinic.api.post("/api/v1/messaging/templates", &body).await.expect(201).id();
    let publish = format!("/api/v1/messaging/templates/{id}/publish");
    clinic.api.post(&publish, &json!({ "version": 1 })).await.expect(200);
    id
}
