//! STOP, in whatever words: nothing more leaves, what waits is refused, one answer is sent; START opens the way again.

use std::time::Duration;

use carepost_providers::Vendor;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{Account, Clinic, World, message_of, phone, sms, wait_for, wait_until, with};

const OURS: &str = "+15005550001";
/// carepost_delivery::DeliveryState: what has a number below has not gone to a vendor.
const OPEN: &str = "SELECT count(*) FROM deliveries WHERE is_open AND state < 30";

fn in_an_hour() -> String {
    (carepost_kernel::Clock::system().now() + SignedDuration::from_hours(1)).to_string()
}

/// Somebody writes to the tenant.
async fn writes(world: &World, account: &Account, from: &str, text: &str) {
    let status = world.simulator.inbound(&account.simulated, from, OURS, text).await.unwrap();
    assert!(status < 300, "{status}");
}

/// What was said of a delivery by each rule that objected, at its last event.
async fn objections(clinic: &Clinic, id: &str) -> Vec<(String, String)> {
    let timeline = clinic.api.get(&format!("/api/v1/messaging/messages/{id}/timeline")).await.expect(200).body;
    let events = timeline["events"].as_array().unwrap();
    let last = events.iter().rev().find(|event| event["gate"].is_object()).expect("an event names the gate's decision");
    let rules = last["gate"]["rules"].as_array().unwrap();
    let said = |rule: &Value| {
        let text = |name: &str| rule[name].as_str().map(str::to_owned);
        Some((text("rule")?, text("code")?))
    };
    rules.iter().filter_map(said).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_008_con_011_a_stop_refuses_what_waits_and_is_answered_once() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "stop", json!({})).await;
    // A vendor that leaves keywords to its customers.
    let account = clinic.account(&world.simulator, Vendor::VonageSms, json!({})).await;
    let (reader, neighbour) = (phone(1), phone(2));
    let first = clinic.send(&sms(&reader)).await;
    clinic.until(&first, "delivered").await;
    let mut scheduled = Vec::new();
    for _ in 0..5 {
        scheduled.push(clinic.send(&with(sms(&reader), json!({ "send_at": in_an_hour() }))).await);
    }
    let of_neighbour = clinic.send(&with(sms(&neighbour), json!({ "send_at": in_an_hour() }))).await;

    writes(&world, &account, &reader, "Please don't text me any more").await;
    // The vendor has its answer: from here on nothing leaves for the address but the one confirmation.
    clinic.until_all(&scheduled, "refused").await;
    assert!(objections(&clinic, &scheduled[0]).await.contains(&("suppression".to_owned(), "opted_out".to_owned())));
    let refused = clinic.send(&sms(&reader)).await;
    clinic.until(&refused, "refused").await;
    assert_eq!(clinic.status(&of_neighbour).await, "queued", "somebody else's messages wait on");
    wait_until("the opt-out is confirmed", || async { world.simulator.calls(Vendor::VonageSms).len() == 2 }).await;

    // Saying it again changes nothing, and is not answered again.
    writes(&world, &account, &reader, "STOP").await;
    let again = clinic.send(&sms(&reader)).await;
    clinic.until(&again, "refused").await;
    assert_eq!(world.simulator.calls(Vendor::VonageSms).len(), 2);

    // Of an opt-out and an opt-in of the same second the opt-out stands.
    let second = || carepost_kernel::Clock::system().now().as_second();
    let before = second();
    wait_until("the next second", || async { second() > before }).await;
    writes(&world, &account, &reader, "START").await;
    let open = clinic.send(&sms(&reader)).await;
    clinic.until(&open, "delivered").await;
    let calls = world.simulator.calls(Vendor::VonageSms);
    assert_eq!(calls.len(), 4, "the first, two answers, the last");
    let ours = [first, open];
    assert_eq!(calls.iter().filter(|call| ours.contains(&message_of(call))).count(), 2);
    let open_rows = "SELECT count(*) FROM inbound_messages WHERE handled_at IS NULL";
    assert_eq!(world.database.count(open_rows).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_008_a_vendor_that_answers_keywords_by_itself_is_not_answered_over() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "vendor-answers", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    writes(&world, &account, &phone(3), "STOP").await;
    let refused = clinic.send(&sms(&phone(3))).await;
    clinic.until(&refused, "refused").await;
    assert_eq!(world.simulator.calls(Vendor::Twilio).len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_008_none_of_ten_thousand_waiting_leaves_after_the_stop() {
    const WAITING: usize = 10_000;
    let world = World::open().await;
    let settings = json!({ "admission": { "per_second": 100_000, "burst": 100_000 }, "send_per_second": 100 });
    let clinic = Clinic::open(&world.server, "ten-thousand", settings).await;
    let account = clinic.account(&world.simulator, Vendor::VonageSms, json!({})).await;
    let reader = phone(4);
    for page in 0..WAITING / 1_000 {
        let message = |i: usize| with(sms(&reader), json!({ "idempotency_key": format!("{page}-{i}") }));
        let messages: Vec<Value> = (0..1_000).map(message).collect();
        clinic.api.post("/api/v1/messaging/messages/batch", &json!({ "messages": messages })).await.expect(202);
    }
    let calls = || world.simulator.calls(Vendor::VonageSms);
    wait_until("some have left", || async { calls().len() >= 20 }).await;

    writes(&world, &account, &reader, "STOP").await;
    let heard_at = carepost_kernel::Clock::system().now();
    wait_for(Duration::from_secs(60), "all that waited is refused", || async { world.database.count(OPEN).await == 0 })
        .await;
    let late = heard_at + SignedDuration::from_secs(1);
    assert_eq!(calls().iter().filter(|call| call.at > late).count(), 0, "none leaves more than a second later");
    let (called, refused) =
        (calls().len(), world.database.count("SELECT count(*) FROM deliveries WHERE state = 46").await);
    assert_eq!(called + usize::try_from(refused).unwrap(), WAITING + 1, "each was sent or refused; one confirmation");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_011_a_revocation_wakes_a_tenant_that_sleeps() {
    let mut world = World::open().await;
    let clinic = Clinic::open(&world.server, "asleep", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::VonageSms, json!({})).await;
    let reader = phone(5);
    writes(&world, &account, &reader, "STOP").await;
    let confirmed = "SELECT count(*) FROM deliveries WHERE NOT is_open";
    wait_until("the opt-out is confirmed", || async { world.database.count(confirmed).await == 1 }).await;
    // As it stands where another process has heard the STOP and died: the rows are there, nobody has looked at what waits.
    let scheduled = clinic.send(&with(sms(&reader), json!({ "send_at": in_an_hour() }))).await;
    world.server.kill9();
    world.database.owner.batch_execute("DELETE FROM carepost_pooled.consent_changes").await.unwrap();
    world.server.run().await;
    assert_eq!(world.database.count(OPEN).await, 1, "nothing wakes the tenant before the hour");
    // carepost_consent::ChangeKind: 3 suppression.
    let told = "INSERT INTO carepost_pooled.consent_changes (change_id, tenant_id, channel, address_hash, what, at)
                SELECT gen_random_uuid(), tenant_id, channel, address_hash, 3, now() FROM carepost_pooled.suppressions";
    world.database.owner.batch_execute(told).await.unwrap();
    wait_until("the tenant has woken", || async { world.database.count(OPEN).await == 0 }).await;
    assert_eq!(clinic.status(&scheduled).await, "refused");
    assert!(objections(&clinic, &scheduled).await.contains(&("suppression".to_owned(), "opted_out".to_owned())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_003_whoever_has_stopped_texts_is_written_an_email() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "by-email", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::VonageSms, json!({})).await;
    clinic.account(&world.simulator, Vendor::Sendgrid, json!({})).await;
    let (stopped, neighbour) = (phone(6), phone(7));
    writes(&world, &account, &stopped, "STOP").await;
    wait_until("the opt-out is confirmed", || async { world.simulator.calls(Vendor::VonageSms).len() == 1 }).await;
    let both = |to: &str| {
        let content = json!({
            "sms": { "text": "canary: your visit is tomorrow" },
            "email": { "subject": "canary visit", "text": "canary: your visit is tomorrow" },
        });
        json!({ "to": { "phone": to, "email": "pat@example.com" }, "channels": ["sms", "email"], "content": content })
    };
    let by_email = clinic.send(&both(&stopped)).await;
    let by_text = clinic.send(&both(&neighbour)).await;
    clinic.until_all(&[by_email.clone(), by_text.clone()], "delivered").await;
    let called = |vendor| world.simulator.calls(vendor).iter().map(message_of).collect::<Vec<_>>();
    assert_eq!(called(Vendor::Sendgrid), std::slice::from_ref(&by_email));
    assert_eq!(called(Vendor::VonageSms)[1..], [by_text]);
    assert_eq!(clinic.count_events(&by_email, "fell_back").await, 1, "the timeline says why it is an email");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_011_a_revocation_by_staff_ends_what_is_scheduled_for_its_purpose() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "revoked", json!({})).await;
    clinic.account(&world.simulator, Vendor::VonageSms, json!({})).await;
    let person = json!({ "language": "en", "contact_points": [{ "channel": "sms", "address": phone(8) }] });
    let id = clinic.api.post("/api/v1/messaging/recipients", &person).await.expect(201).id();
    let given = json!({ "channel": "sms", "purposes": ["financial", "treatment"], "said": { "source": "form" } });
    clinic.api.post(&format!("/api/v1/messaging/recipients/{id}/consents"), &given).await;
    let mut of_purpose = std::collections::BTreeMap::new();
    for purpose in ["financial", "treatment"] {
        for _ in 0..5 {
            let more = json!({ "send_at": in_an_hour(), "purpose": purpose });
            of_purpose.entry(purpose).or_insert_with(Vec::new).push(clinic.send(&with(sms(&phone(8)), more)).await);
        }
    }
    let revoke = json!({ "channel": "sms", "purposes": ["financial"], "said": { "source": "staff" } });
    clinic.api.post(&format!("/api/v1/messaging/recipients/{id}/consents/revoke"), &revoke).await.expect(200);
    clinic.until_all(&of_purpose["financial"], "refused").await;
    for message in &of_purpose["financial"] {
        assert!(objections(&clinic, message).await.contains(&("consent".to_owned(), "consent_revoked".to_owned())));
    }
    for message in &of_purpose["treatment"] {
        assert_eq!(clinic.status(message).await, "queued", "another purpose waits on");
    }
    // Who said so, when and how stands in the evidence.
    let shown = clinic.api.get(&format!("/api/v1/messaging/recipients/{id}/consents")).await.expect(200).body;
    let last = &shown["items"][0];
    assert_eq!((last["state"].as_str(), last["source"].as_str()), (Some("revoked"), Some("staff")));
    assert_eq!((last["purpose"].as_str(), last["recorded_by"]["kind"].as_str()), (Some("financial"), Some("api_key")));
}
