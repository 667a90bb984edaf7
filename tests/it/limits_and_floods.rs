//! DEL-11 and DEL-12: floods stay at home, and what is over a limit is told so.

use carepost_providers::Vendor;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Clinic, World, phone, sms};

fn batch(from: usize) -> Value {
    let messages: Vec<Value> = (from..from + 1_000).map(|number| sms(&phone(number))).collect();
    json!({ "messages": messages })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_11_a_tenant_with_20_000_waiting_does_not_hold_up_another() {
    let world = World::open().await;
    let wide = json!({ "admission": { "per_second": 100_000, "burst": 100_000 } });
    let flood = Clinic::open(&world.server, "flood", wide).await;
    flood.account(&world.simulator, Vendor::VonageSms, json!({ "rate_per_second": 10 })).await;
    let other = Clinic::open(&world.server, "other", json!({})).await;
    other.account(&world.simulator, Vendor::Twilio, json!({})).await;
    for from in (0..20).map(|number| number * 1_000) {
        let answer = flood.api.post("/api/v1/messaging/messages/batch", &batch(from)).await.expect(202);
        assert_eq!(answer.body["accepted"], 1_000);
    }
    let bodies: Vec<Value> = (0..20).map(|number| sms(&phone(number))).collect();
    let ids = join_all(bodies.iter().map(|body| other.send(body))).await;
    other.until_all(&ids, "delivered").await;
    let waits = "SELECT count(*) FROM deliveries WHERE state = 0";
    assert!(world.database.count(waits).await > 19_000, "the flood still waits");
    // From a caller's post to the call, in milliseconds; the worst of twenty.
    let worst = "SELECT max(extract(epoch FROM event.at - message.created_at) * 1000)::bigint
        FROM delivery_events AS event JOIN messages AS message USING (tenant_id, message_id)
        WHERE event.kind = 2 AND event.tenant_id = (SELECT tenant_id FROM tenants WHERE slug = 'other')";
    let worst = world.database.count(worst).await;
    println!("worst wait beside 20,000: {worst} ms");
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
    for number in 0..10 {
        full.send(&sms(&phone(number))).await;
    }
    let refused = full.api.message(&sms(&phone(10))).await.expect(429);
    assert_eq!(refused.body["limit"], "tenant_waiting");
    assert!(refused.header("retry-after").is_some());
    let whole_batch = json!({ "messages": [sms(&phone(11)), sms(&phone(12))] });
    full.api.post("/api/v1/messaging/messages/batch", &whole_batch).await.expect(429);
    let stored = "SELECT count(*) FROM messages WHERE tenant_id = (SELECT tenant_id FROM tenants WHERE slug = 'full')";
    assert_eq!(world.database.count(stored).await, 10);
    // Room again once they leave.
    full.account(&world.simulator, Vendor::Twilio, json!({})).await;
    crate::support::wait_until("there is room again", || async {
        full.api.message(&sms(&phone(13))).await.status == 202
    })
    .await;
}
