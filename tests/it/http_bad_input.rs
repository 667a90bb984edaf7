//! Whatever is wrong with a request is named, and nothing of it is stored.

use carepost_providers::Vendor;
use serde_json::{Value, json};

use crate::support::{Answer, Clinic, World, email, phone, sms, with};

const MESSAGES: &str = "/api/v1/messaging/messages";

async fn raw(clinic: &Clinic, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = clinic.api.request("POST", MESSAGES).header("content-type", content_type).body(body);
    Answer::of(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_bodies_are_named_by_pointer_and_not_stored() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "bad-input", json!({})).await;
    const JSON: &str = "application/json";
    for text in ["", "{", "not json", "{\"to\": {\"phone\": }}", "\u{0}"] {
        let answer = raw(&clinic, JSON, text).await.expect(400);
        assert_eq!(answer.code(), "malformed_json", "{text}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    for text in ["[]", "\"text\"", "null", "17"] {
        assert_eq!(raw(&clinic, JSON, text).await.expect(400).code(), "invalid_body", "{text}");
    }
    assert_eq!(raw(&clinic, "text/plain", "{}").await.expect(415).code(), "unsupported_media_type");
    let xml = raw(&clinic, "application/xml", "<message/>").await;
    assert_eq!(xml.expect(415).code(), "unsupported_media_type");
    let big = raw(&clinic, JSON, vec![b' '; (16 << 20) + 1]).await;
    assert_eq!(big.expect(413).code(), "body_too_large");

    let text = |value: Value| json!({ "to": { "phone": phone(1) }, "content": { "sms": { "text": value } } });
    let shapes: [(Value, &str); 6] = [
        (with(sms(&phone(1)), json!({ "no_such_field": "canary" })), "/no_such_field"),
        (with(sms(&phone(1)), json!({ "priority": "canary" })), "/priority"),
        (with(sms(&phone(1)), json!({ "channels": "sms" })), "/channels"),
        (with(sms(&phone(1)), json!({ "send_at": "canary" })), "/send_at"),
        (with(sms(&phone(1)), json!({ "to": { "no_such_field": "canary" } })), "/to/no_such_field"),
        (text(json!(17)), "/content/sms/text"),
    ];
    for (body, pointer) in shapes {
        let answer = clinic.api.message(&body).await.expect(400);
        assert_eq!(answer.code(), "invalid_body");
        let told = answer.pointers();
        assert!(told.iter().any(|told| told.starts_with(pointer)), "{pointer}: {}", answer.text);
        assert!(!answer.text.contains("canary"), "DEL-9: {}", answer.text);
    }
    let values: [(Value, &str); 8] = [
        (sms("canary"), "/to/phone"),
        (sms("+1500"), "/to/phone"),
        (email("canary at example"), "/to/email"),
        (json!({ "to": {}, "content": { "body": "canary" } }), "/to"),
        (with(sms(&phone(1)), json!({ "channels": ["email"] })), "/to/email"),
        (text(json!("canary".repeat(400))), "/content/sms/text"),
        (with(sms(&phone(1)), json!({ "send_at": "2199-01-01T00:00:00Z" })), "/send_at"),
        (with(sms(&phone(1)), json!({ "expires_at": "2001-01-01T00:00:00Z" })), "/expires_at"),
    ];
    for (body, pointer) in values {
        let answer = clinic.api.message(&body).await.expect(422);
        assert_eq!(answer.code(), "validation_failed");
        assert!(answer.pointers().contains(&pointer), "{pointer}: {}", answer.text);
        assert!(!answer.text.contains("canary"), "DEL-9: {}", answer.text);
    }
    let key = clinic.api.keyed(&"k".repeat(300), &sms(&phone(1))).await.unwrap().expect(400);
    assert_eq!((key.code(), &key.body["errors"][0]["header"]), ("invalid_request", &json!("Idempotency-Key")));
    assert_eq!(clinic.api.get(&format!("{MESSAGES}?limit=0&canary=1")).await.expect(400).code(), "invalid_request");
    assert_eq!(clinic.api.get("/api/v1/nowhere").await.expect(404).code(), "route_not_found");
    assert!(clinic.api.put(MESSAGES, &json!({})).await.expect(405).header("allow").is_some());
    assert_eq!(world.database.count("SELECT count(*) FROM messages").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_takes_what_is_good_and_names_what_is_not() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "batch", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let keyed = |number: usize, key: &str| with(sms(&phone(number)), json!({ "idempotency_key": key }));
    let messages = json!([
        sms(&phone(1)),
        sms("canary"),
        keyed(2, "two"),
        keyed(2, "two"),
        keyed(3, "two"),
        { "to": 1 },
        with(sms(&phone(4)), json!({ "no_such_field": "canary" })),
        sms(&phone(5)),
    ]);
    let batch = json!({ "messages": messages });
    let answer = clinic.api.post("/api/v1/messaging/messages/batch", &batch).await.expect(202);
    let results = answer.body["results"].as_array().unwrap();
    let statuses: Vec<&str> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    let (yes, no) = ("accepted", "rejected");
    assert_eq!(statuses, [yes, no, yes, yes, no, no, no, yes]);
    assert_eq!((&answer.body["accepted"], &answer.body["rejected"]), (&json!(4), &json!(4)));
    assert_eq!(results[2]["id"], results[3]["id"]);
    assert_eq!(results[1]["error"]["errors"][0]["pointer"], "/messages/1/to/phone");
    assert_eq!(results[4]["error"]["code"], "idempotency_key_reused");
    let pointer = results[5]["error"]["errors"][0]["pointer"].as_str().unwrap();
    assert!(pointer.starts_with("/messages/5"), "{pointer}");
    assert!(!answer.text.contains("canary"), "DEL-9");
    assert_eq!(world.database.count("SELECT count(*) FROM messages").await, 3);
    let none = json!({ "messages": [] });
    clinic.api.post("/api/v1/messaging/messages/batch", &none).await.expect(422);
    let ids: Vec<String> = [0, 2, 7].map(|at| results[at]["id"].as_str().unwrap().to_owned()).into();
    clinic.until_all(&ids, "delivered").await;
    assert_eq!(world.simulator.accepted(Vendor::Twilio), 3);
}
