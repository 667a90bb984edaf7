//! DEL-10: two processes on one database. One owns a tenant; the other takes over, and the former cannot write.

use std::time::Duration;

use carepost_providers::Vendor;
use carepost_providers::simulator::Profile;
use serde_json::json;

use crate::support::{Clinic, Server, World, phone, silent, sms, wait_for, wait_until, with};

/// Take-over after a kill, at the latest.
const TAKE_OVER: Duration = Duration::from_secs(15);

async fn takes(clinic: &Clinic, server: &Server) -> bool {
    clinic.api.at(&server.base).message(&sms(&phone(7))).await.status == 202
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_10_the_second_process_refuses_until_the_first_is_stopped_or_killed() {
    let mut world = World::open().await;
    let mut second = Server::start(&world.database.url, &[]).await;
    let clinic = Clinic::open(&world.server, "owned", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let id = clinic.send(&sms(&phone(1))).await;
    clinic.until(&id, "delivered").await;
    let refused = clinic.api.at(&second.base).message(&sms(&phone(2))).await.expect(503);
    assert!(refused.header("retry-after").is_some());
    // Reads are everybody's.
    let path = format!("/api/v1/messaging/messages/{id}");
    assert_eq!(clinic.api.at(&second.base).get(&path).await.expect(200).body["status"], "delivered");

    world.server.stop();
    wait_for(Duration::from_secs(3), "the second takes over at once", || takes(&clinic, &second)).await;

    world.server.run().await;
    clinic.api.message(&sms(&phone(3))).await.expect(503);
    second.kill9();
    wait_for(TAKE_OVER, "the first takes over", || takes(&clinic, &world.server)).await;
    let owned = "SELECT count(*) FROM tenant_leases WHERE epoch = 3";
    assert_eq!(world.database.count(owned).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_10_a_process_that_wakes_after_the_take_over_cannot_write() {
    let mut world = World::open().await;
    world.server.allow_outage();
    world.server.allow("lost a lease");
    let second = Server::start(&world.database.url, &[]).await;
    let clinic = Clinic::open(&world.server, "frozen", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let slow = Profile { latency: Duration::from_secs(1), ..silent() };
    world.simulator.set_profile(Vendor::Twilio, slow);
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(clinic.send(&with(sms(&phone(number)), json!({ "purpose": "financial" }))).await);
    }
    let calling = "SELECT count(*) FROM deliveries WHERE state = 10";
    wait_until("all are under way", || async { world.database.count(calling).await == 5 }).await;
    world.server.signal("STOP");
    // Its calls are answered while it is frozen.
    wait_until("the vendor took them", || async { world.simulator.accepted(Vendor::Twilio) == 5 }).await;
    wait_for(TAKE_OVER, "the second takes over", || takes(&clinic, &second)).await;
    let decided = "SELECT count(*) FROM deliveries WHERE state = 20 AND NOT is_open AND code = 'engine_stopped'";
    wait_until("the second decides", || async { world.database.count(decided).await == 5 }).await;

    world.server.signal("CONT");
    wait_until("the first notices", || async { clinic.api.message(&sms(&phone(8))).await.status == 503 }).await;
    wait_until("the first has given up its results", || async {
        let actors = world.server.admin.get("/api/v1/admin/actors").await;
        actors.status == 200 && !actors.text.contains(&clinic.id)
    })
    .await;
    assert_eq!(world.database.count(decided).await, 5, "what the owner decided stands");
    for id in &ids {
        assert_eq!(clinic.count_events(id, "attempt_started").await, 1);
        assert_eq!(clinic.count_events(id, "attempt_finished").await, 1, "the former owner's result is refused");
    }
    assert_eq!(world.database.count("SELECT epoch FROM tenant_leases").await, 2);
}
