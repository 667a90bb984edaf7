//! DEL-6: receipts in any order, twice, early or unasked end in the same state.

use std::time::Duration;

use carepost_providers::Vendor;
use carepost_providers::simulator::{Profile, ReceiptProfile};
use serde_json::json;

use crate::support::sign::Callback;
use crate::support::{Clinic, World, message_of, phone, silent, sms, taken, wait_until};

/// Events of receipts, and how many of them are not copies.
const RECEIPT_EVENTS: &str = "SELECT count(*) - count(DISTINCT (message_id, receipt_key)) FROM delivery_events
    WHERE kind = 4";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_6_early_doubled_and_reordered_receipts_deliver_once() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "early", json!({})).await;
    let vendors = [Vendor::Twilio, Vendor::VonageSms, Vendor::Sendgrid];
    for vendor in vendors {
        clinic.account(&world.simulator, vendor, json!({ "route_weight": 5 })).await;
        let receipts = ReceiptProfile { early: true, reorder: true, duplicates: 1.0, ..ReceiptProfile::default() };
        world.simulator.set_profile(vendor, Profile { receipts, ..Profile::default() });
    }
    let mut ids = Vec::new();
    for number in 0..30 {
        ids.push(clinic.send(&sms(&phone(number))).await);
        ids.push(clinic.send(&crate::support::email(&format!("pat.{number}@example.com"))).await);
    }
    clinic.until_all(&ids, "delivered").await;
    world.simulator.settled().await;
    assert_eq!(world.database.count(RECEIPT_EVENTS).await, 0, "a copy of a receipt has no second event");
    assert_eq!(vendors.map(|vendor| world.simulator.accepted(vendor)).iter().sum::<u64>(), 60);
    let finished = "SELECT count(*) FROM deliveries WHERE state = 60 AND NOT is_open AND finished_at IS NOT NULL";
    assert_eq!(world.database.count(finished).await, 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_6_every_order_of_four_receipts_ends_the_same() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "orders", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    world.simulator.set_profile(Vendor::Twilio, silent());
    let news = [("sent", None), ("undelivered", Some("30006")), ("delivered", None), ("read", None)];
    let orders = orders(news.len());
    let mut ids = Vec::new();
    for number in 0..orders.len() {
        ids.push(clinic.send(&sms(&phone(number))).await);
    }
    wait_until("all are sent", || async { world.simulator.accepted(Vendor::Twilio) == 24 }).await;
    let calls = world.simulator.calls(Vendor::Twilio);
    for (call, order) in calls.iter().zip(&orders) {
        for at in order {
            let (status, code) = news[*at];
            let callback = Callback { sid: taken(call).unwrap(), status, code };
            // Twice each: the second changes nothing.
            for _ in 0..2 {
                let answer = callback.post(&clinic.api, &account).await;
                assert!(answer.status < 300, "{}: {}", answer.status, answer.text);
            }
        }
    }
    for call in &calls {
        clinic.until(&message_of(call), "read").await;
    }
    wait_until("nothing is parked", || async {
        world.database.count("SELECT count(*) FROM parked_receipts").await == 0
    })
    .await;
    assert_eq!(world.database.count(RECEIPT_EVENTS).await, 0);
    assert_eq!(world.database.count("SELECT count(*) FROM delivery_events WHERE kind = 4").await, 24 * 4);
    assert_eq!(world.simulator.accepted(Vendor::Twilio), 24);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_6_a_hard_bounce_after_delivered_wins_and_the_next_channel_takes_over() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "bounces", json!({})).await;
    clinic.account(&world.simulator, Vendor::Sendgrid, json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let slow = ReceiptProfile { delay: Duration::from_millis(100), ..ReceiptProfile::default() };
    world.simulator.set_profile(Vendor::Sendgrid, Profile { receipts: slow, ..Profile::default() });
    let body = json!({
        "to": { "email": "bounce@simulator.example", "phone": phone(1) },
        "channels": ["email", "sms"],
        "content": { "subject": "canary visit", "body": "canary: your visit is tomorrow" },
    });
    let id = clinic.send(&body).await;
    clinic.until(&id, "delivered").await;
    let message = clinic.message(&id).await;
    let states: Vec<&str> =
        message["deliveries"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["bounced", "delivered"]);
    assert_eq!(world.simulator.accepted(Vendor::Twilio), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_6_ids_that_no_key_can_hold_are_kept_and_stop_nobody() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "odd-ids", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let long = "x".repeat(3_000);
    for sid in ["\0", "SM with spaces", &long] {
        // Twice each: the second changes nothing.
        for _ in 0..2 {
            let callback = Callback { sid, status: "delivered", code: None };
            let answer = callback.post(&clinic.api, &account).await;
            assert!(answer.status < 300, "{}: {}", answer.status, answer.text);
        }
    }
    let longest = "SELECT max(length(provider_ref))::bigint FROM parked_receipts";
    assert!(world.database.count(longest).await < 255);
    assert_eq!(world.database.count("SELECT count(*) FROM parked_receipts").await, 3);
    let id = clinic.send(&sms(&phone(1))).await;
    clinic.until(&id, "delivered").await;
}

/// All orders of `0..count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    (0..count).fold(vec![Vec::new()], |orders, next| {
        let insert = |order: &Vec<usize>, at: usize| {
            let mut order = order.clone();
            order.insert(at, next);
            order
        };
        orders.iter().flat_map(|order| (0..=order.len()).map(move |at| insert(order, at))).collect()
    })
}
