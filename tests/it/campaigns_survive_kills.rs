//! CAM-2 and DEL-1: a program killed in the middle of a bulk send loses no row and sends to nobody twice.

use std::collections::BTreeMap;
use std::time::Duration;

use carepost_providers::Vendor;
use carepost_providers::simulator::Profile;
use serde_json::json;

use crate::support::{BulkSend, Clinic, World, message_of, phone, taken};

const ROWS: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_014_a_program_killed_in_the_middle_sends_to_each_once() {
    let mut world = World::open().await;
    let settings = json!({ "admission": { "per_second": 2000, "burst": 4000 } });
    let clinic = Clinic::open(&world.server, "killed-bulk", settings).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let latency = Duration::from_millis(5);
    world.simulator.set_profile(Vendor::Twilio, Profile { latency, jitter: latency, ..Profile::default() });
    let csv = (0..ROWS).fold("phone\n".to_owned(), |csv, number| csv + &phone(number) + "\n");
    let bulk = BulkSend::with_list(&clinic, json!({ "per_second": 500 }), csv).await;
    // Killed while it counts, too.
    bulk.order("count").await.expect(202);
    world.server.kill9();
    world.server.run().await;
    let counted = bulk.until("ready").await;
    assert_eq!(counted["verdicts"]["go"], ROWS);
    bulk.order("start").await.expect(202);
    for wanted in [200, 600, 1_200] {
        bulk.until_holds("some have gone", |progress| progress["rows"]["enqueued"].as_u64() >= Some(wanted)).await;
        world.server.kill9();
        world.server.run().await;
    }
    let ended = bulk.until("finished").await;
    assert_eq!(ended["rows"]["enqueued"], ROWS);
    let messages = "SELECT count(*) FROM messages";
    assert_eq!(world.database.count(messages).await, i64::try_from(ROWS).unwrap(), "one message for each row");
    let rows = "SELECT count(DISTINCT message_id) FROM bulk_send_rows";
    assert_eq!(world.database.count(rows).await, i64::try_from(ROWS).unwrap());
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for call in world.simulator.calls(Vendor::Twilio).iter().filter(|call| taken(call).is_some()) {
        *calls.entry(message_of(call)).or_default() += 1;
    }
    assert!(calls.values().all(|count| *count == 1), "nobody is sent to twice");
    // Calls that a kill cut off are unknown, and held for a receipt (DEL-5).
    let unknown = "SELECT count(*) FROM deliveries WHERE state = 20";
    let unknown = usize::try_from(world.database.count(unknown).await).unwrap();
    assert!(calls.len() + unknown >= ROWS, "{} called, {unknown} unknown", calls.len());
}
