//! DEL-3: what waits says why and until when; schedules, pauses, expiry and cancelling.

use std::time::Duration;

use carepost_providers::Vendor;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{Answer, Clinic, World, message_of, phone, sms, wait_for, wait_until, with};

fn in_seconds(seconds: i64) -> String {
    (carepost_kernel::Clock::system().now() + jiff::SignedDuration::from_secs(seconds)).to_string()
}

async fn cancel(clinic: &Clinic, id: &str) -> Value {
    let path = format!("/api/v1/messaging/messages/{id}/cancel");
    Answer::of(clinic.api.request("POST", &path)).await.unwrap().expect(200).body
}

fn waiting(message: &Value) -> (&Value, &Value) {
    (&message["status"], &message["deliveries"][0]["reason"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_3_scheduled_messages_leave_in_time_and_can_be_taken_back() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "scheduled", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let send_at = in_seconds(2);
    let soon = clinic.send(&with(sms(&phone(1)), json!({ "send_at": send_at }))).await;
    let later = clinic.send(&with(sms(&phone(2)), json!({ "send_at": in_seconds(3_600) }))).await;
    let message = clinic.message(&later).await;
    assert_eq!(waiting(&message), (&json!("queued"), &json!("scheduled")));
    assert!(message["deliveries"][0]["next_look_at"].is_string());
    assert_eq!(cancel(&clinic, &later).await["cancelled"], json!(["sms"]));
    assert_eq!(clinic.status(&later).await, "cancelled");
    assert_eq!(cancel(&clinic, &later).await["cancelled"], json!([]), "again is no fault");

    clinic.until(&soon, "delivered").await;
    assert_eq!(cancel(&clinic, &soon).await["cancelled"], json!([]), "it has left");
    assert_eq!(clinic.status(&soon).await, "delivered");
    let calls = world.simulator.calls(Vendor::Twilio);
    let [call] = calls.as_slice() else { panic!("{} calls", calls.len()) };
    assert_eq!(message_of(call), soon);
    assert!(call.at >= send_at.parse::<Timestamp>().unwrap());
}

/// Pauses, posts one message to keep and one that expires, resumes.
async fn pause_and_resume(world: &World, by: &str) {
    let clinic = Clinic::open(&world.server, &format!("paused-by-{by}"), json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let account = format!("/provider-accounts/{}", account.id);
    match by {
        "tenant" => clinic.order("/pause").await,
        "channel" => clinic.settings(json!({ "paused_channels": ["sms"] })).await,
        _ => clinic.order(&format!("{account}/pause")).await,
    }
    let kept = clinic.send(&sms(&phone(1))).await;
    let expiring = clinic.send(&with(sms(&phone(2)), json!({ "expires_at": in_seconds(3) }))).await;
    clinic
        .until_holds(&kept, "it says why it waits", |message| waiting(message) == (&json!("queued"), &json!("paused")))
        .await;
    clinic.until(&expiring, "expired").await;
    for id in [&kept, &expiring] {
        assert_eq!(clinic.count_events(id, "attempt_started").await, 0, "paused by {by}");
    }
    match by {
        "tenant" => clinic.order("/resume").await,
        "channel" => clinic.settings(json!({})).await,
        _ => clinic.order(&format!("{account}/resume")).await,
    }
    // Long before it would be looked at again by itself.
    let delivered = || async { clinic.status(&kept).await == "delivered" };
    wait_for(Duration::from_secs(5), "it goes on at once", delivered).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_3_paused_messages_wait_go_on_or_expire() {
    let world = World::open().await;
    join_all(["tenant", "channel", "account"].map(|by| pause_and_resume(&world, by))).await;
    assert_eq!(world.simulator.calls(Vendor::Twilio).len(), 3, "what has expired is not called");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_3_a_message_without_an_account_waits_for_one_and_its_life_is_explained() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "explained", json!({})).await;
    let id = clinic.send(&sms(&phone(1))).await;
    clinic
        .until_holds(&id, "it waits for an account", |message| {
            waiting(message) == (&json!("queued"), &json!("provider_config"))
        })
        .await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    clinic.until(&id, "delivered").await;
    let path = format!("/api/v1/messaging/messages/{id}/timeline");
    let explained = async || clinic.api.get(&path).await.expect(200).body["deliveries"][0].clone();
    tokio::time::timeout(Duration::from_secs(5), async {
        wait_until("it is finished", || async {
            clinic.message(&id).await["deliveries"][0]["finished_at"].is_string()
        })
        .await;
    })
    .await
    .unwrap();
    let delivery = explained().await;
    assert!(delivery["explained_share"].as_f64().unwrap() >= 0.99, "{delivery}");
    assert!(delivery["totals_ms"]["provider_config"].as_i64().unwrap() > 0, "{delivery}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_3_the_whole_wait_for_the_tenants_own_limit_is_told() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "limited", json!({ "send_per_second": 2 })).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let bodies: Vec<Value> = (0..10).map(|number| sms(&phone(number))).collect();
    let ids = join_all(bodies.iter().map(|body| clinic.send(body))).await;
    clinic.until_all(&ids, "delivered").await;
    let mut longest = 0;
    for id in &ids {
        let path = format!("/api/v1/messaging/messages/{id}/timeline");
        let body = clinic.api.get(&path).await.expect(200).body;
        longest = longest.max(body["deliveries"][0]["totals_ms"]["tenant_limit"].as_i64().unwrap_or(0));
    }
    // Two a second: the tenth had to wait for more than four.
    assert!(longest > 3_000, "{longest} ms are told of the longest wait");
}
