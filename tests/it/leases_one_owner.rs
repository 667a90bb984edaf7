//! DEL-10: processes on one database. Each tenant lives in one of them, any of them can be asked, and a former owner
//! cannot write.

use std::collections::BTreeSet;
use std::time::Duration;

use carepost_providers::Vendor;
use carepost_providers::simulator::Profile;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::sse::Events;
use crate::support::{Clinic, Server, World, phone, silent, sms, wait_for, wait_until, with};

/// Take-over after a kill, at the latest.
const TAKE_OVER: Duration = Duration::from_secs(15);
const MESSAGES: &str = "/api/v1/messaging/messages";

/// Of leases that somebody holds: a lease that was given back belongs to nobody.
const COUNT_OWNERS: &str = "SELECT count(DISTINCT owner_id) FROM tenant_leases
    WHERE expires_at > now() AND owner_id <> '00000000-0000-0000-0000-000000000000'";

/// All see each other: from then on tenants are shared out.
pub(crate) async fn met(world: &World, count: i64) {
    let seen = "SELECT count(*) FROM instances WHERE NOT is_leaving AND seen_at > now() - interval '8 s'";
    wait_until("all have been seen", || async { world.database.count(seen).await == count }).await;
}

async fn takes(clinic: &Clinic, server: &Server) -> bool {
    clinic.api.at(&server.base).message(&sms(&phone(7))).await.status == 202
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_10_any_process_can_be_asked_for_anything() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "shared", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let first = clinic.send(&sms(&phone(1))).await;
    clinic.until(&first, "delivered").await;
    let second = Server::start(&world.database.url, &[]).await;
    met(&world, 2).await;
    // Wherever the tenant lives now: both take it, both show it, both take back, both are told by vendors.
    for (number, server) in [&world.server, &second].into_iter().enumerate() {
        let api = clinic.api.at(&server.base);
        let mut events = Events::open(api.request("GET", "/api/v1/messaging/events")).await;
        let key = format!("visit-{number}");
        let answer = api.keyed(&key, &sms(&phone(10 + number))).await.unwrap().expect(202);
        let id = answer.id();
        clinic.until(&id, "delivered").await;
        events.find(|event| event.data["message_id"] == id.as_str() && event.data["status"] == "delivered").await;
        for other in [&world.server, &second] {
            let again = clinic.api.at(&other.base).keyed(&key, &sms(&phone(10 + number))).await.unwrap().expect(202);
            assert_eq!((again.id(), again.header("idempotency-replayed")), (id.clone(), Some("true")));
            let changed = clinic.api.at(&other.base).keyed(&key, &sms(&phone(99))).await.unwrap();
            assert_eq!(changed.status, 422);
        }
        let later = with(sms(&phone(20)), json!({ "send_at": "2027-03-01T09:00:00Z" }));
        let scheduled = api.message(&later).await.expect(202).id();
        api.post(&format!("{MESSAGES}/{scheduled}/cancel"), &json!({})).await.expect(200);
        assert_eq!(clinic.status(&scheduled).await, "cancelled");
        let unsigned = server.nobody().post(account.webhook_url.path(), &json!({})).await;
        assert_eq!(unsigned.status, 403, "{}", unsigned.text);
        assert_eq!(api.with_key("cp_unknown").message(&sms(&phone(3))).await.status, 401);
        assert_eq!(api.message(&json!({ "to": 1 })).await.status, 400);
    }
    assert_eq!(world.database.count(COUNT_OWNERS).await, 1);
    let mut relayed = String::new();
    for server in [&world.server, &second] {
        relayed.push_str(&reqwest::get(&server.metrics).await.unwrap().text().await.unwrap());
    }
    let passed_on =
        |line: &str| line.starts_with("carepost_http_relayed_total{result=\"answered\"}") && !line.ends_with(" 0");
    assert!(relayed.lines().any(passed_on), "one of them passed on to the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_10_tenants_are_shared_out_and_taken_over() {
    let mut world = World::open().await;
    let mut clinics = Vec::new();
    for number in 0..12 {
        let clinic = Clinic::open(&world.server, &format!("shared-{number}"), json!({})).await;
        clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
        clinic.send(&sms(&phone(number))).await;
        clinics.push(clinic);
    }
    assert_eq!(world.database.count(COUNT_OWNERS).await, 1);
    let mut second = Server::start(&world.database.url, &[]).await;
    // A lease that was given up belongs to nobody until there is work: each question is some.
    let shared_out = async || {
        for clinic in &clinics {
            clinic.send(&sms(&phone(20))).await;
        }
        world.database.count(COUNT_OWNERS).await == 2
    };
    wait_until("some have moved", shared_out).await;

    // A clean stop: at once, and without a refusal.
    second.stop();
    for clinic in &clinics {
        clinic.send(&sms(&phone(30))).await;
    }
    assert_eq!(world.database.count(COUNT_OWNERS).await, 1);
    second.run().await;
    wait_until("some have moved again", shared_out).await;

    // A kill: each is served by the other in time; a caller is held meanwhile and not refused.
    world.server.kill9();
    let mut taken = JoinSet::new();
    for clinic in clinics.clone() {
        let api = clinic.api.at(&second.base);
        taken.spawn(async move { api.keyed("after-the-kill", &sms(&phone(40))).await.unwrap().expect(202).id() });
    }
    let ids = tokio::time::timeout(TAKE_OVER, taken.join_all()).await.expect("all are taken over in time");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), clinics.len());
    assert_eq!(world.database.count(COUNT_OWNERS).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_10_a_process_that_wakes_after_the_take_over_cannot_write() {
    let world = World::open().await;
    let second = Server::start(&world.database.url, &[]).await;
    let clinic = Clinic::open(&world.server, "frozen", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    met(&world, 2).await;
    let slow = Profile { latency: Duration::from_secs(1), ..silent() };
    world.simulator.set_profile(Vendor::Twilio, slow);
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(clinic.send(&with(sms(&phone(number)), json!({ "purpose": "financial" }))).await);
    }
    let calling = "SELECT count(*) FROM deliveries WHERE state = 10";
    wait_until("all are under way", || async { world.database.count(calling).await == 5 }).await;
    let here = format!(
        "SELECT count(*) FROM tenant_leases JOIN instances ON instance_id = owner_id WHERE address = '{}/'",
        world.server.base
    );
    let (mut owner, mut other) = match world.database.count(&here).await {
        1 => (world.server, second),
        _ => (second, world.server),
    };
    owner.allow_outage();
    owner.allow("lost a lease");
    other.allow_outage();
    owner.signal("STOP");
    // Its calls are answered while it is frozen.
    wait_until("the vendor took them", || async { world.simulator.accepted(Vendor::Twilio) == 5 }).await;
    wait_for(TAKE_OVER, "the other takes over", || takes(&clinic, &other)).await;
    let decided = "SELECT count(*) FROM deliveries WHERE state = 20 AND NOT is_open AND code = 'engine_stopped'";
    wait_until("the other decides", || async { world.database.count(decided).await == 5 }).await;

    owner.signal("CONT");
    let refusals = async || {
        let text = reqwest::get(&owner.metrics).await.unwrap().text().await.unwrap();
        text.lines().any(|line| line.starts_with("carepost_store_fence_refusals_total") && !line.ends_with(" 0"))
    };
    wait_until("its results are refused", refusals).await;
    assert_eq!(world.database.count(decided).await, 5, "what the new owner decided stands");
    for id in &ids {
        assert_eq!(clinic.count_events(id, "attempt_started").await, 1);
        assert_eq!(clinic.count_events(id, "attempt_finished").await, 1, "the former owner's result is refused");
    }
    assert!(world.database.count("SELECT epoch FROM tenant_leases").await >= 2);
}
