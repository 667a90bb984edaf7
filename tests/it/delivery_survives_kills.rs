//! DEL-1: what was acked is there and ends, whatever is killed in between.

use std::collections::BTreeMap;
use std::time::Duration;

use carepost_providers::Vendor;
use carepost_providers::simulator::{Profile, Simulator};
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::database::{connect, count_messages};
use crate::support::posters::Posters;
use crate::support::postgres::PrivatePostgres;
use crate::support::{Clinic, Server, World, message_of, phone, simulator, sms, taken, wait_for};

const LONG: Duration = Duration::from_secs(60);

async fn clinic(server: &Server, simulator: &Simulator) -> Clinic {
    let retry = json!({ "initial_ms": 100, "cap_ms": 500, "max_failures": 50 });
    let clinic = Clinic::open(server, "killed", json!({ "retry": retry })).await;
    clinic.account(simulator, Vendor::Twilio, json!({})).await;
    let latency = Duration::from_millis(20);
    simulator.set_profile(Vendor::Twilio, Profile { latency, jitter: latency, ..Profile::default() });
    clinic
}

/// Acked but absent: none. Acked but never finished: none. Called twice: only where it is marked.
async fn account_for(ids: &[String], clinic: &Clinic, owner: &Client, simulator: &Simulator) {
    for (id, count) in calls_of(ids, owner, simulator).await {
        if count > 1 {
            let id: Uuid = id.parse().unwrap();
            let marks: i64 = owner.query_one(MARKED, &[&id]).await.unwrap().get(0);
            assert!(marks >= i64::try_from(count - 1).unwrap(), "{id} was called {count} times, marked {marks} times");
        }
        let may_repeat = clinic.message(&id).await["purpose"] == "emergency";
        assert!(count == 1 || if may_repeat { count > 1 } else { count == 0 }, "{id} was called {count} times");
        // What was never taken was held or given up on as unknown, by its purpose.
        clinic.until(&id, if count > 0 { "delivered" } else { "unknown" }).await;
    }
}

const MARKED: &str = "SELECT count(*) FROM carepost_pooled.delivery_events WHERE message_id = $1
    AND code LIKE '%\\_may\\_duplicate'";

/// Once nothing is left to do: how often each message was taken by the vendor.
async fn calls_of(ids: &[String], owner: &Client, simulator: &Simulator) -> BTreeMap<String, usize> {
    assert_eq!(count_messages(owner, ids).await, i64::try_from(ids.len()).unwrap(), "acked but absent");
    let open = "SELECT count(*) FROM carepost_pooled.deliveries WHERE state < 30 AND state <> 20 AND is_open";
    wait_for(LONG, "everything ends", || async { owner.query_one(open, &[]).await.unwrap().get::<_, i64>(0) == 0 })
        .await;
    let mut calls: BTreeMap<String, usize> = ids.iter().map(|id| (id.clone(), 0)).collect();
    for call in simulator.calls(Vendor::Twilio).iter().filter(|call| taken(call).is_some()) {
        *calls.entry(message_of(call)).or_default() += 1;
    }
    calls.retain(|id, _| ids.contains(id));
    calls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_1_a_program_killed_at_any_moment_loses_nothing() {
    let mut world = World::open().await;
    let clinic = clinic(&world.server, &world.simulator).await;
    let posters = Posters::start(&clinic);
    for _ in 0..4 {
        posters.run_on(60).await;
        world.server.kill9();
        world.server.run().await;
    }
    posters.run_on(20).await;
    let ids = posters.end().await;
    assert!(ids.len() >= 260);
    account_for(&ids, &clinic, &world.database.owner, &world.simulator).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_1_and_del_12_a_postgresql_killed_and_restarted_underneath_loses_nothing() {
    let mut postgres = PrivatePostgres::start().await;
    let simulator = simulator().await;
    let mut server = Server::start(&postgres.url, &[("CAREPOST_DB_ACQUIRE_TIMEOUT_MS", "1000")]).await;
    server.allow_outage();
    let clinic = clinic(&server, &simulator).await;
    let posters = Posters::start(&clinic);
    for round in 0..3 {
        posters.run_on(60).await;
        if round == 2 {
            postgres.stop().await
        } else {
            postgres.kill9().await
        }
        let away = clinic.api.keyed(&Uuid::new_v4().to_string(), &sms(&phone(1))).await.unwrap().expect(503);
        assert!(away.header("retry-after").is_some(), "{}", away.text);
        postgres.run().await;
    }
    posters.run_on(20).await;
    let ids = posters.end().await;
    assert!(ids.len() >= 200);
    let owner = connect(&postgres.url).await;
    // The program lives, and knows of each call whether it was made: nothing is unknown, and nothing is called twice.
    for (id, count) in calls_of(&ids, &owner, &simulator).await {
        assert_eq!(count, 1, "{id}: {:#?}", clinic.events(&id).await);
        clinic.until(&id, "delivered").await;
    }
}
