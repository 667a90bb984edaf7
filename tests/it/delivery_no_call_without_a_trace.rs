//! DEL-4: the start of an attempt is durable before the provider is called.

use carepost_providers::Vendor;
use serde_json::json;

use crate::support::database::connect;
use crate::support::{Clinic, World, message_of, phone, sms, wait_until};

/// Writers of the history that wait behind our lock.
const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IN
    (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'carepost_pooled.delivery_events'::regclass
     UNION SELECT 'carepost_pooled.delivery_events'::regclass)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_4_while_starts_cannot_be_written_no_call_is_made() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "no-trace", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    // All is warm: what stops later stops because of the lock.
    let first = clinic.send(&sms(&phone(0))).await;
    clinic.until(&first, "delivered").await;

    let blocker = connect(&world.database.url).await;
    blocker.batch_execute("BEGIN; LOCK TABLE carepost_pooled.delivery_events IN EXCLUSIVE MODE").await.unwrap();
    let mut ids = Vec::new();
    for number in 1..=20 {
        ids.push(clinic.send(&sms(&phone(number))).await);
    }
    wait_until("a start waits for the lock", || async { world.database.count(WAITING).await > 0 }).await;
    assert_eq!(world.simulator.calls(Vendor::Twilio).len(), 1, "nothing was called but the first");
    blocker.batch_execute("COMMIT").await.unwrap();
    clinic.until_all(&ids, "delivered").await;

    let calls = world.simulator.calls(Vendor::Twilio);
    assert_eq!(calls.len(), 21);
    for call in calls {
        let events = clinic.events(&message_of(&call)).await;
        let started = events.iter().find(|event| event["type"] == "delivery.attempt_started").unwrap();
        let at: jiff::Timestamp = started["at"].as_str().unwrap().parse().unwrap();
        assert!(at <= call.at, "started at {at}, called at {}", call.at);
    }
}
