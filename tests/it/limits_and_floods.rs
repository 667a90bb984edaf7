//! DEL-11 and DEL-12: floods stay at home, and what is over a limit is told so.

use carepost_providers::Vendor;
use serde_json::{Value, json};

use crate::support::{Clinic, World, message_of, phone, sms};

fn batch(from: usize) -> Value {
    let messages: Vec<Value> = (from..from + 1_000).map(|number| sms(&phone(number))).collect();
    json!({ "messages": messages })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_11_a_tenant_with_20_000_waiting_does_not_hold_up_another() {
    const FLOOD: usize = 20_000;
    let world = World::open().await;
    let wide = json!({ "admission": { "per_second": 100_000, "burst": 100_000 } });
    let flood = Clinic::open(&world.server, "flood", wide).await;
    // As fast as the engine can: nothing but the engine's own queues stands between the two.
    flood.account(&world.simulator, Vendor::VonageSms, json!({})).await;
    let other = Clinic::open(&world.server, "other", json!({})).await;
    other.account(&world.simulator, Vendor::Twilio, json!({})).await;
    flood.order("/pause").await;
    for from in (0..FLOOD / 1_000).map(|number| number * 1_000) {
        let answer = flood.api.post("/api/v1/messaging/messages/batch", &batch(from)).await.expect(202);
        assert_eq!(answer.body["accepted"], 1_000);
    }
    flood.order("/resume").await;
    let called = || world.simulator.calls(Vendor::VonageSms).len();
    crate::support::wait_until("the flood flows", || async { called() > 500 }).await;
    let mut overtaken = Vec::new();
    for number in 0..10 {
        let before = called();
        let id = other.send(&sms(&phone(number))).await;
        let call = || world.simulator.calls(Vendor::Twilio).into_iter().find(|call| message_of(call) == id);
        crate::support::wait_until("the other's message is called", || async { call().is_some() }).await;
        let called_at = call().unwrap().at;
        let first = world.simulator.calls(Vendor::VonageSms).iter().filter(|call| call.at < called_at).count();
        overtaken.push(first.saturating_sub(before));
    }
    assert!(called() < FLOOD, "they did not meet, the flood was over first: {overtaken:?}");
    // In turns with the flood a message sees few of its calls go first; behind the flood it would see all of them.
    let worst = overtaken.iter().max().copied().unwrap_or(0);
    assert!(worst < FLOOD / 10, "calls of the flood that went before each of the other's messages: {overtaken:?}");
    assert_eq!(world.database.count("SELECT count(*) FROM deliveries WHERE is_failed").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_12_over_a_limit_is_429_with_its_name_and_a_time() {
    let world = World::open().await;
    let slow = Clinic::open(&world.server, "slow", json!({ "admission": { "per_second": 1, "burst": 3 } })).await;
    let mut taken = 0;
    let refused = loop {
        let answer = slow.api.message(&sms(&phone(taken))).await;
        if answer.status != 202 {
            break answer;
        }
        taken += 1;
    };
    assert!((3..=10).contains(&taken), "{taken}");
    assert_eq!((refused.status, refused.code(), &refused.body["limit"]), (429, "throttled", &json!("tenant_rate")));
    let wait = refused.header("retry-after").unwrap().parse::<u64>().unwrap();
    assert!(wait >= 1 && refused.body["retry_after_seconds"] == wait);

    let full = Clinic::open(&world.server, "full", json!({ "max_waiting": 10 })).await;
    let mut waiting = Vec::new();
    for number in 0..10 {
        waiting.push(full.send(&sms(&phone(number))).await);
    }
    let refused = full.api.message(&sms(&phone(10))).await.expect(429);
    assert_eq!(refused.body["limit"], "tenant_waiting");
    assert!(refused.header("retry-after").is_some());
    let whole_batch = json!({ "messages": [sms(&phone(11)), sms(&phone(12))] });
    full.api.post("/api/v1/messaging/messages/batch", &whole_batch).await.expect(429);
    let stored = "SELECT count(*) FROM messages WHERE tenant_id = (SELECT tenant_id FROM tenants WHERE slug = 'full')";
    assert_eq!(world.database.count(stored).await, 10);
    // Room again once they are taken back: what memory had counted is counted again from the rows.
    for id in &waiting {
        let path = format!("/api/v1/messaging/messages/{id}/cancel");
        assert_eq!(full.api.post(&path, &json!({})).await.expect(200).body["cancelled"], json!(["sms"]));
    }
    crate::support::wait_until("what was taken back makes room", || async {
        full.api.message(&sms(&phone(14))).await.status == 202
    })
    .await;
    // And once they leave.
    full.account(&world.simulator, Vendor::Twilio, json!({})).await;
    crate::support::wait_until("there is room again", || async {
        full.api.message(&sms(&phone(13))).await.status == 202
    })
    .await;
}
