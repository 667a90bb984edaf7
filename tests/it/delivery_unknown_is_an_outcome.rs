//! DEL-5: bytes sent and no answer is an outcome of its own, with a policy for each purpose.

use std::time::Duration;

use carepost_providers::Vendor;
use carepost_providers::simulator::{Fault, Profile, ReceiptProfile};
use serde_json::{Value, json};

use crate::support::database::connect;
use crate::support::postgres::PrivatePostgres;
use crate::support::sign::Callback;
use crate::support::{Clinic, Server, World, message_of, phone, silent, simulator, sms, taken, wait_until, with};

/// Accepted by every vendor, and the connection cut without an answer.
const DROPPED: &str = "+15005550012";

async fn two_accounts(world: &World, slug: &str, settings: Value) -> Clinic {
    let clinic = Clinic::open(&world.server, slug, settings).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    clinic.account(&world.simulator, Vendor::VonageSms, json!({ "route_order": 1 })).await;
    clinic
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_5_an_unknown_outcome_is_held_resent_or_given_up_and_never_fails_over() {
    let world = World::open().await;
    let clinic = two_accounts(&world, "unknown", json!({ "retry": { "initial_ms": 50 } })).await;

    // Held: the receipt resolves it.
    let late = ReceiptProfile { delay: Duration::from_secs(2), ..ReceiptProfile::default() };
    world.simulator.set_profile(Vendor::Twilio, Profile { receipts: late.clone(), ..Profile::default() });
    let held = clinic.send(&with(sms(DROPPED), json!({ "purpose": "transactional" }))).await;
    clinic.until(&held, "unknown").await;
    let delivery = clinic.message(&held).await["deliveries"][0].clone();
    assert_eq!((&delivery["reason"], &delivery["attempts"]), (&json!("unknown_outcome"), &json!(1)));
    assert!(delivery["next_look_at"].is_string(), "DEL-3: {delivery}");
    clinic.until(&held, "delivered").await;

    // Given up: nothing more is done, and a receipt still counts.
    world.simulator.set_profile(Vendor::Twilio, silent());
    let given_up = clinic.send(&with(sms(DROPPED), json!({ "purpose": "financial" }))).await;
    clinic.until(&given_up, "unknown").await;
    let delivery = clinic.message(&given_up).await["deliveries"][0].clone();
    assert!(delivery["finished_at"].is_string() && delivery["next_look_at"].is_null(), "{delivery}");

    // Resent, and marked; its receipts come too late to spare the second call.
    let once = Profile { script: [Fault::DropAfterAccept].into(), receipts: late, ..Profile::default() };
    world.simulator.set_profile(Vendor::Twilio, once);
    let resent = clinic.send(&with(sms(&phone(1)), json!({ "purpose": "emergency" }))).await;
    clinic.until(&resent, "delivered").await;
    let is_marked = |event: &Value| event["code"].as_str().is_some_and(|code| code.ends_with("_may_duplicate"));
    assert_eq!(clinic.events(&resent).await.iter().filter(|event| is_marked(event)).count(), 1);

    let calls: Vec<String> = world.simulator.calls(Vendor::Twilio).iter().map(message_of).collect();
    assert_eq!(calls, [&held, &given_up, &resent, &resent].map(String::clone));
    assert_eq!(world.simulator.calls(Vendor::VonageSms), [], "an unknown outcome never fails over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_5_a_look_up_finds_the_message_and_del_6_its_parked_receipt_then_counts() {
    let mut world = World::open().await;
    let settings = json!({ "unknown": { "transactional": "look_up_then_hold" } });
    let clinic = two_accounts(&world, "look-up", settings).await;
    // Last in the route: its webhooks alone are of interest.
    let twilio = clinic.account(&world.simulator, Vendor::Twilio, json!({ "name": "last", "route_order": 2 })).await;
    world.simulator.set_profile(Vendor::Twilio, silent());
    let id = clinic.send(&sms(DROPPED)).await;
    clinic.until(&id, "unknown").await;
    let call = world.simulator.calls(Vendor::Twilio).remove(0);
    let sid = taken(&call).unwrap();

    // News of an id that nobody knows here: kept.
    let other = Callback { sid: "SM00000000000000000000000000000000", status: "delivered", code: None };
    assert!(other.post(&clinic.api, &twilio).await.status < 300);
    assert_eq!(world.database.count("SELECT count(*) FROM parked_receipts").await, 1);

    // Time passes: the vendor is asked half a minute after the call.
    world.server.stop();
    let sql = "UPDATE deliveries SET due_at = now() WHERE state = 20";
    world.database.owner.batch_execute(sql).await.unwrap();
    world.server.run().await;
    wait_until("the vendor was asked", || async { clinic.count_events(&id, "looked_up").await == 1 }).await;
    clinic.until(&id, "sent").await;
    let sql = format!("SELECT count(*) FROM provider_refs WHERE provider_ref = '{sid}'");
    assert_eq!(world.database.count(&sql).await, 1);
    assert_eq!(world.simulator.accepted(Vendor::Twilio), 1);
    assert_eq!(world.simulator.calls(Vendor::VonageSms), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_5_a_vendor_that_hangs_makes_an_unknown_outcome() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "hanging", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({ "timeout_ms": 300 })).await;
    let hung = clinic.send(&sms("+15005550013")).await;
    clinic.until(&hung, "unknown").await;
    // The lane goes on meanwhile.
    let next = clinic.send(&sms(&phone(1))).await;
    clinic.until(&next, "delivered").await;
    assert_eq!(clinic.status(&hung).await, "unknown");
    assert_eq!(world.simulator.calls(Vendor::Twilio).len(), 2);
}

/// Ledger commits that are durable, and wait for a standby that does not exist.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query ILIKE 'commit%'";
/// PostgreSQL tells them only that the connection ends.
const CUT: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_5_a_start_whose_commit_was_not_seen_to_end_is_no_unknown_outcome() {
    let postgres = PrivatePostgres::start().await;
    let simulator = simulator().await;
    let mut server = Server::start(&postgres.url, &[]).await;
    server.allow_outage();
    let clinic = Clinic::open(&server, "uncertain", json!({})).await;
    clinic.account(&simulator, Vendor::Twilio, json!({})).await;
    let first = clinic.send(&sms(&phone(1))).await;
    clinic.until(&first, "delivered").await;

    let soon = carepost_kernel::Clock::system().now() + Duration::from_secs(2);
    let id = clinic.send(&with(sms(&phone(2)), json!({ "send_at": soon }))).await;
    let owner = connect(&postgres.url).await;
    let standby = "ALTER SYSTEM SET synchronous_standby_names = 'nobody'";
    for sql in [standby, "SELECT pg_reload_conf()"] {
        owner.batch_execute(sql).await.unwrap();
    }
    let count = async |sql: &str| -> i64 { owner.query_one(sql, &[]).await.unwrap().get(0) };
    wait_until("the start is durable and unanswered", || async { count(WAITING).await > 0 }).await;
    assert!(count(CUT).await > 0);
    for sql in ["ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"] {
        owner.batch_execute(sql).await.unwrap();
    }
    clinic.until(&id, "delivered").await;
    assert_eq!(simulator.calls(Vendor::Twilio).iter().filter(|call| message_of(call) == id).count(), 1);
    let events = clinic.events(&id).await;
    let not_called = events.iter().filter(|event| event["code"] == "not_called").count();
    assert_eq!(not_called, 1, "{events:#?}");
}
