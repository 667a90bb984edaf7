//! Where a message goes is the recipient's to say: by the channel that they prefer, and by another one than they switched off.

use std::collections::BTreeMap;

use carepost_providers::Vendor;
use serde_json::{Value, json};

use crate::support::{BulkSend, Clinic, World, message_of, phone, with};

const PEOPLE: &str = "/api/v1/messaging/recipients";

/// Somebody with a phone and an email address, and with consent to both.
async fn person(clinic: &Clinic, number: usize, wishes: &Value) -> String {
    let points = json!([{ "channel": "sms", "address": phone(number) },
                        { "channel": "email", "address": format!("canary-{number}@example.com") }]);
    let id = clinic.api.post(PEOPLE, &json!({ "contact_points": points })).await.expect(201).id();
    for channel in ["sms", "email"] {
        let consent = json!({ "channel": channel, "purposes": ["transactional"] });
        let given = clinic.api.post(&format!("{PEOPLE}/{id}/consents"), &consent).await;
        assert!(given.status < 300, "{}", given.text);
    }
    let path = format!("{PEOPLE}/{id}/preferences");
    clinic.api.put(&path, &json!({ "preferences": wishes })).await.expect(200);
    id
}

async fn clinic(world: &World, slug: &str) -> Clinic {
    let clinic = Clinic::open(&world.server, slug, json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    clinic.account(&world.simulator, Vendor::Sendgrid, json!({})).await;
    clinic
}

fn calls(world: &World, vendor: Vendor) -> Vec<String> {
    world.simulator.calls(vendor).iter().map(message_of).collect()
}

fn words() -> Value {
    json!({ "subject": "canary visit", "body": "canary: your visit is tomorrow" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_003_the_same_message_goes_by_email_to_whoever_prefers_email() {
    let world = World::open().await;
    let clinic = clinic(&world, "prefers").await;
    let writes = person(&clinic, 1, &json!({ "first_channel": "email" })).await;
    let texts = person(&clinic, 2, &json!({})).await;
    let to = |id: &str| json!({ "recipient_id": id, "content": words() });
    let (by_email, by_text) = (clinic.send(&to(&writes)).await, clinic.send(&to(&texts)).await);
    clinic.until_all(&[by_email.clone(), by_text.clone()], "delivered").await;
    assert_eq!(calls(&world, Vendor::Sendgrid), [by_email]);
    assert_eq!(calls(&world, Vendor::Twilio), [by_text]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_001_a_reminder_goes_by_email_once_texts_are_switched_off() {
    let world = World::open().await;
    let clinic = clinic(&world, "texts-off").await;
    let id = person(&clinic, 1, &json!({})).await;
    let reminder = json!({ "recipient_id": id, "type": "appointment_reminder", "content": words() });
    let before = clinic.send(&reminder).await;
    clinic.until(&before, "delivered").await;
    assert_eq!(calls(&world, Vendor::Twilio), std::slice::from_ref(&before), "the type's own channel");
    let off = json!({ "preferences": { "off": { "appointments": ["sms"] } } });
    clinic.api.put(&format!("{PEOPLE}/{id}/preferences"), &off).await.expect(200);
    let after = clinic.send(&reminder).await;
    clinic.until(&after, "delivered").await;
    assert_eq!(calls(&world, Vendor::Sendgrid), std::slice::from_ref(&after));
    assert_eq!(calls(&world, Vendor::Twilio), [before], "no more texts");
    assert_eq!(clinic.count_events(&after, "fell_back").await, 1, "the timeline says why it is an email");
}

/// Sends to both, without a text for all: how many messages went on each channel.
async fn bulk(clinic: &Clinic, people: &[&String], more: Value) -> BTreeMap<String, i64> {
    let bulk = BulkSend::make(clinic, &with(json!({ "name": "canary list", "content": words() }), more)).await;
    let csv = people.iter().fold("recipient_id\n".to_owned(), |csv, id| csv + id + "\n");
    bulk.upload(csv).await.expect(200);
    bulk.count().await;
    bulk.order("start").await.expect(202);
    bulk.until("finished").await;
    let count = people.len() as i64;
    let is_delivered = |progress: &Value| {
        let deliveries = progress["deliveries"].as_array().unwrap();
        let delivered = deliveries.iter().filter(|one| one["status"] == "delivered");
        delivered.filter_map(|one| one["deliveries"].as_i64()).sum::<i64>() == count
    };
    let progress = bulk.until_holds("all are delivered", is_delivered).await;
    let deliveries = progress["deliveries"].as_array().unwrap();
    let on = |one: &Value| (one["channel"].as_str().unwrap().to_owned(), one["deliveries"].as_i64().unwrap());
    deliveries.iter().filter(|one| one["status"] == "delivered").map(on).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_003_hub_014_a_bulk_send_without_channels_goes_by_each_ones_own() {
    let world = World::open().await;
    let clinic = clinic(&world, "bulk-prefers").await;
    let writes = person(&clinic, 1, &json!({ "first_channel": "email" })).await;
    let texts = person(&clinic, 2, &json!({})).await;
    let people = [&writes, &texts];
    let on = |sms: i64, email: i64| {
        let both = [("sms".to_owned(), sms), ("email".to_owned(), email)];
        both.into_iter().filter(|(_, count)| *count > 0).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(bulk(&clinic, &people, json!({})).await, on(1, 1));
    assert_eq!(bulk(&clinic, &people, json!({ "channels": ["sms", "email"] })).await, on(2, 0), "the caller's word");
    assert_eq!(bulk(&clinic, &people, json!({ "type": "follow_up" })).await, on(0, 2), "by the type");
    let policy = json!({ "policy": { "types": { "follow_up": { "channels": ["sms"] } } } });
    clinic.api.post("/api/v1/messaging/gate/policies", &policy).await.expect(201);
    clinic.api.post("/api/v1/messaging/gate/policies/1/activate", &json!({})).await.expect(200);
    assert_eq!(bulk(&clinic, &people, json!({ "type": "follow_up" })).await, on(1, 1), "as the practice has the type");
}
