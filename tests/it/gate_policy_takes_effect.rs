//! The policy changes while messages wait: the new rules hold at once, nothing is lost, and each decision says by which version
//! of the policy it was made. Two thousand wait here, of which each page is worked off as any other.

use std::collections::BTreeMap;
use std::time::Duration;

use carepost_providers::Vendor;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::{Value, json};

use crate::support::{Clinic, World, message_of, phone, silent, sms, wait_for, with};

const GATE: &str = "/api/v1/messaging/gate";
/// As many as one request takes, twice.
const WAITING: usize = 2_000;
const BATCH: usize = 1_000;

fn now() -> Timestamp {
    carepost_kernel::Clock::system().now()
}

/// An hour of the day, by UTC, that is far from now: text messages wait for it.
fn closed_now() -> Value {
    let hour = (now() + 6.hours()).to_zoned(jiff::tz::TimeZone::UTC).hour();
    json!({
        "practice": { "zones": ["UTC"] },
        "contact_hours": { "sms": { "from": format!("{hour:02}:00:00"), "until": format!("{hour:02}:59:00") } },
    })
}

/// At any hour.
fn open() -> Value {
    json!({ "practice": { "zones": ["UTC"] }, "contact_hours": { "sms": null } })
}

/// Of a tenant that may hand in as much as it likes.
fn wide() -> Value {
    json!({ "admission": { "per_second": 100_000, "burst": 100_000 } })
}

async fn create(clinic: &Clinic, policy: Value) -> u64 {
    let made = clinic.api.post(&format!("{GATE}/policies"), &json!({ "policy": policy })).await.expect(201);
    made.body["version"].as_u64().unwrap()
}

async fn activate(clinic: &Clinic, version: u64, body: Value) {
    clinic.api.post(&format!("{GATE}/policies/{version}/activate"), &body).await.expect(200);
}

/// Posts messages that wait for their hour; their ids.
async fn fill(world: &World, clinic: &Clinic) -> Vec<String> {
    let mut ids = Vec::new();
    for first in (0..WAITING).step_by(BATCH) {
        let messages: Vec<Value> = (first..first + BATCH).map(|number| sms(&phone(number))).collect();
        let answer =
            clinic.api.post("/api/v1/messaging/messages/batch", &json!({ "messages": messages })).await.expect(202);
        ids.extend(answer.body["results"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
    }
    // carepost_kernel::WaitReason: 3 quiet hours.
    let waiting = "SELECT count(*) FROM carepost_pooled.deliveries WHERE is_open AND reason = 3";
    wait_for(Duration::from_secs(60), "all wait for their hour", || async {
        world.database.count(waiting).await == i64::try_from(WAITING).unwrap()
    })
    .await;
    ids
}

/// The last event of each of some messages that names the gate: its type, its version of the policy, and the instant.
async fn last_decision(clinic: &Clinic, id: &str) -> (String, u64, Timestamp) {
    let events = clinic.events(id).await;
    let last = events.iter().rev().find(|event| event.get("gate").is_some()).expect("the gate was asked");
    let rules = last["gate"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 15, "con_015: each rule is named: {last}");
    let kind = last["type"].as_str().unwrap().to_owned();
    (kind, last["gate"]["policy_version"].as_u64().unwrap(), last["at"].as_str().unwrap().parse().unwrap())
}

#[tokio::test]
async fn con_015_a_looser_policy_sets_all_free_that_wait_at_once_and_none_is_lost() {
    let world = World::open().await;
    world.simulator.set_profile(Vendor::Twilio, silent());
    let clinic = Clinic::open(&world.server, "loosened", wide()).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let closed = create(&clinic, closed_now()).await;
    activate(&clinic, closed, json!({})).await;
    let ids = fill(&world, &clinic).await;
    assert_eq!(world.simulator.accepted(Vendor::Twilio), 0);
    let (kind, version, _) = last_decision(&clinic, &ids[7]).await;
    assert_eq!((kind.as_str(), version), ("delivery.waiting", closed));

    let free = create(&clinic, open()).await;
    activate(&clinic, free, json!({})).await;
    // Hours before their own.
    wait_for(Duration::from_secs(60), "all have left", || async {
        world.simulator.accepted(Vendor::Twilio) >= WAITING as u64
    })
    .await;
    let calls = world.simulator.calls(Vendor::Twilio);
    let mut by_message: BTreeMap<String, usize> = BTreeMap::new();
    calls.iter().for_each(|call| *by_message.entry(message_of(call)).or_default() += 1);
    assert_eq!(by_message.len(), WAITING, "none is lost");
    assert!(by_message.values().all(|calls| *calls == 1), "none leaves twice");
    for id in ids.iter().step_by(100) {
        let (kind, version, _) = last_decision(&clinic, id).await;
        assert_eq!((kind.as_str(), version), ("delivery.attempt_started", free));
    }
}

#[tokio::test]
async fn con_015_a_stricter_policy_refuses_all_that_wait_at_once() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "tightened", wide()).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let closed = create(&clinic, closed_now()).await;
    activate(&clinic, closed, json!({})).await;
    let ids = fill(&world, &clinic).await;
    let known_only = with(open(), json!({ "unknown_address": { "transactional": "refuse" } }));
    let strict = create(&clinic, known_only).await;
    activate(&clinic, strict, json!({})).await;
    // carepost_delivery::DeliveryState: what is open has not ended.
    let refused = "SELECT count(*) FROM carepost_pooled.deliveries WHERE NOT is_open AND code = 'no_consent'";
    wait_for(Duration::from_secs(60), "all are refused", || async {
        world.database.count(refused).await == i64::try_from(WAITING).unwrap()
    })
    .await;
    assert_eq!(world.simulator.accepted(Vendor::Twilio), 0, "none has left");
    for id in ids.iter().step_by(400) {
        let (kind, version, _) = last_decision(&clinic, id).await;
        assert_eq!((kind.as_str(), version), ("delivery.refused", strict));
    }
}

#[tokio::test]
async fn con_015_a_planned_policy_holds_from_its_instant_on_even_after_a_restart() {
    let mut world = World::open().await;
    world.simulator.set_profile(Vendor::Twilio, silent());
    let clinic = Clinic::open(&world.server, "planned", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let closed = create(&clinic, closed_now()).await;
    activate(&clinic, closed, json!({})).await;
    let id = clinic.send(&sms(&phone(1))).await;
    clinic
        .until_holds(&id, "it waits for its hour", |message| message["deliveries"][0]["reason"] == "quiet_hours")
        .await;
    let free = create(&clinic, open()).await;
    let from = now() + SignedDuration::from_secs(4);
    activate(&clinic, free, json!({ "activates_at": from })).await;
    // Nobody is awake for the tenant when its instant comes.
    world.server.restart().await;
    clinic.until(&id, "sent").await;
    let (kind, version, at) = last_decision(&clinic, &id).await;
    assert_eq!((kind.as_str(), version), ("delivery.attempt_started", free));
    assert!(at >= from, "not before its instant");
    let policy = clinic.api.get(&format!("{GATE}/policy")).await.expect(200).body;
    assert_eq!((policy["version"].as_u64(), policy["state"].as_str()), (Some(free), Some("active")));
    let retired = clinic.api.get(&format!("{GATE}/policies/{closed}")).await.expect(200).body;
    assert_eq!(retired["state"], "retired");
}

#[tokio::test]
async fn del_8_a_stored_policy_that_fails_by_now_does_not_open_the_gate() {
    let mut world = World::open().await;
    world.server.allow("the gate's policy cannot be used as it is");
    let clinic = Clinic::open(&world.server, "broken", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let version = create(&clinic, open()).await;
    activate(&clinic, version, json!({})).await;
    let unreadable = "UPDATE carepost_pooled.gate_policies SET body = body || '{\"gates\": \"open\"}'";
    world.database.owner.batch_execute(unreadable).await.unwrap();
    world.server.restart().await;
    let id = clinic.send(&sms(&phone(1))).await;
    clinic.until(&id, "refused").await;
    let (kind, decided_by, _) = last_decision(&clinic, &id).await;
    assert_eq!((kind.as_str(), decided_by), ("delivery.refused", version), "nobody here knows the address");
    let emergency = clinic.send(&with(sms(&phone(2)), json!({ "purpose": "emergency" }))).await;
    clinic.until_holds(&emergency, "an emergency leaves", |message| message["status"] != "queued").await;
    assert_eq!(world.simulator.accepted(Vendor::Twilio), 1);
    let shown = clinic.api.get(&format!("{GATE}/policy")).await.expect(200).body;
    assert_eq!(shown["faults"].as_array().unwrap().len(), 1, "{shown}");
    assert!(world.server.log().contains("the gate's policy cannot be used as it is"));
}
