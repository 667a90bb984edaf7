//! Sample payloads are delivered; events and inboxes are streamed; answers are what the document says.

use std::path::Path;

use carepost_providers::Vendor;
use serde_json::{Value, json};

use crate::support::sse::Events;
use crate::support::{Answer, Clinic, World, phone, sms};

const EVENTS: &str = "/api/v1/messaging/events";
const INBOX: &str = "/api/v1/messaging/in-app";

async fn clinic(world: &World, slug: &str) -> Clinic {
    let clinic = Clinic::open(&world.server, slug, json!({})).await;
    for vendor in [Vendor::Twilio, Vendor::Ses, Vendor::InApp] {
        clinic.account(&world.simulator, vendor, json!({})).await;
    }
    clinic
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_payload_is_taken_and_delivered() {
    let world = World::open().await;
    let clinic = clinic(&world, "samples").await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/payloads");
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let body: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let answer = clinic.api.message(&body).await;
            assert_eq!(answer.status, 202, "{}: {}", path.display(), answer.text);
            ids.push(answer.id());
        }
    }
    assert!(ids.len() >= 8);
    clinic.until_all(&ids, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_streamed_and_a_reader_resumes_where_it_left() {
    let world = World::open().await;
    let clinic = clinic(&world, "streamed").await;
    let mut live = Events::open(clinic.api.request("GET", EVENTS)).await;
    let first = clinic.send(&sms(&phone(1))).await;
    let started = live.find(|event| event.data["message_id"] == *first).await;
    assert_eq!((started.name.as_str(), &started.data["type"]), ("delivery.attempt_started", &json!(started.name)));
    let delivered = |id: String| {
        move |event: &crate::support::sse::Event| event.data["message_id"] == *id && event.data["status"] == "delivered"
    };
    let last = live.find(delivered(first.clone())).await;
    drop(live);

    let missed = clinic.send(&sms(&phone(2))).await;
    clinic.until(&missed, "delivered").await;
    let resume = clinic.api.request("GET", EVENTS).header("Last-Event-ID", &last.id);
    let mut resumed = Events::open(resume).await;
    resumed.find(delivered(missed)).await;
    let next = clinic.send(&sms(&phone(3))).await;
    resumed.find(delivered(next)).await;
    let wrong = clinic.api.request("GET", EVENTS).header("Last-Event-ID", "canary");
    assert_eq!(Answer::of(wrong).await.unwrap().expect(400).code(), "invalid_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inbox_is_pushed_and_read() {
    let world = World::open().await;
    let clinic = clinic(&world, "inbox").await;
    let mine = |method: &str, rest: &str| {
        clinic.api.request(method, &format!("{INBOX}{rest}")).header("X-Carepost-Recipient", "patient-1")
    };
    let mut stream = Events::open(mine("GET", "/stream")).await;
    let body = |to: &str| json!({ "to": { "in_app": to }, "content": { "in_app": { "title": "canary visit", "body": "canary" } } });
    let other = clinic.send(&body("patient-2")).await;
    let id = clinic.send(&body("patient-1")).await;
    let pushed = stream.next().await;
    assert_eq!((&pushed.id, &pushed.data["title"]), (&id, &json!("canary visit")));
    clinic.until(&id, "delivered").await;

    Answer::of(mine("POST", &format!("/messages/{other}/read"))).await.unwrap().expect(404);
    let read = Answer::of(mine("POST", &format!("/messages/{id}/read"))).await.unwrap().expect(200);
    let again = Answer::of(mine("POST", &format!("/messages/{id}/read"))).await.unwrap().expect(200);
    assert_eq!(read.body["read_at"], again.body["read_at"]);
    clinic.until(&id, "read").await;
    let listed = Answer::of(mine("GET", "/messages")).await.unwrap().expect(200);
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);
    assert!(listed.body["items"][0]["read_at"].is_string());
    Answer::of(clinic.api.request("GET", &format!("{INBOX}/messages"))).await.unwrap().expect(400);
}

/// The schema of an answer, with the document's components beside it.
fn schema(document: &Value, path: &str, method: &str, status: u16) -> Value {
    let response = &document["paths"][path][method]["responses"][status.to_string()];
    let content = response["content"].as_object().unwrap_or_else(|| panic!("{method} {path} {status} is not there"));
    let schema = content.values().next().unwrap()["schema"].clone();
    json!({ "allOf": [schema], "components": document["components"] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_answers_are_what_the_served_document_says() {
    let world = World::open().await;
    let clinic = clinic(&world, "document").await;
    let document = world.server.nobody().get("/api/v1/openapi.json").await.expect(200).body;
    let id = clinic.send(&sms(&phone(1))).await;
    clinic.until(&id, "delivered").await;
    let check = |path: &str, method: &str, answer: &Answer| {
        let schema = schema(&document, path, method, answer.status);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let faults: Vec<String> = validator.iter_errors(&answer.body).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{method} {path} {}: {faults:?}\n{}", answer.status, answer.text);
    };
    let messages = "/api/v1/messaging/messages";
    check(messages, "post", &clinic.api.message(&sms(&phone(2))).await);
    check(messages, "post", &clinic.api.message(&sms("canary")).await);
    check(messages, "post", &clinic.api.message(&json!({ "to": 1 })).await);
    check(messages, "post", &world.server.nobody().message(&sms(&phone(2))).await);
    check(messages, "get", &clinic.api.get(messages).await);
    let batch = json!({ "messages": [sms(&phone(3)), sms("canary")] });
    let path = format!("{messages}/batch");
    check(&path, "post", &clinic.api.post(&path, &batch).await);
    check(&format!("{messages}/{{id}}"), "get", &clinic.api.get(&format!("{messages}/{id}")).await);
    let timeline = format!("{messages}/{id}/timeline");
    check(&format!("{messages}/{{id}}/timeline"), "get", &clinic.api.get(&timeline).await);
    for path in ["/health/live", "/health/ready", "/api/v1/admin/actors", "/api/v1/admin/tenants"] {
        check(path, "get", &world.server.admin.get(path).await);
    }
    for rest in ["", "/settings", "/api-keys", "/provider-accounts", "/webhook-endpoints", "/audit"] {
        let pattern = format!("/api/v1/admin/tenants/{{tenant}}{rest}");
        check(&pattern, "get", &clinic.admin.get(&clinic.path(rest)).await);
    }
    for path in ["/docs", "/docs/errors/validation_failed"] {
        assert!(world.server.nobody().get(path).await.status < 400, "{path}");
    }
}
