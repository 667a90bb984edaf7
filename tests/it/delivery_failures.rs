//! What happens where vendors fail: another account, another channel, a later time, by hand.

use std::time::Duration;

use carepost_providers::Vendor;
use carepost_providers::simulator::{Fault, Profile};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Clinic, World, email, phone, sms, wait_for, wait_until, with};

/// A halted lane, and what waits for it, is looked at again after a minute by itself.
const WELL_BEFORE_A_MINUTE: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_in_trouble_loses_its_traffic_to_the_next_account_and_gets_it_back() {
    let mut world = World::open().await;
    world.server.allow("breaker opened");
    let retry = json!({ "initial_ms": 50, "cap_ms": 200, "max_failures": 50 });
    let clinic = Clinic::open(&world.server, "failover", json!({ "retry": retry })).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    clinic.account(&world.simulator, Vendor::VonageSms, json!({ "route_order": 1 })).await;
    world.simulator.set_profile(Vendor::Twilio, Profile { error_rate: 1.0, ..Profile::default() });
    let bodies: Vec<_> = (0..40).map(|number| sms(&phone(number))).collect();
    let ids = join_all(bodies.iter().map(|body| clinic.send(body))).await;
    clinic.until_all(&ids, "delivered").await;
    assert_eq!((world.simulator.accepted(Vendor::Twilio), world.simulator.accepted(Vendor::VonageSms)), (0, 40));

    world.simulator.set_profile(Vendor::Twilio, Profile::default());
    wait_until("the first account is used again", || async {
        let id = clinic.send(&sms(&phone(99))).await;
        clinic.until(&id, "delivered").await;
        world.simulator.accepted(Vendor::Twilio) > 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_channel_cannot_deliver_falls_to_the_next_one_of_the_plan() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "fallback", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    clinic.account(&world.simulator, Vendor::Ses, json!({})).await;
    let alone = Clinic::open(&world.server, "no-fallback", json!({})).await;
    alone.account(&world.simulator, Vendor::Twilio, json!({})).await;
    // Bad number, opted out, no mobile, accepted and then undelivered.
    for (to, first) in [
        ("+15005550001", "failed"),
        ("+15005550004", "failed"),
        ("+15005550009", "failed"),
        ("+15005550010", "undelivered"),
    ] {
        let body = json!({
            "to": { "phone": to, "email": "pat@example.com" },
            "channels": ["sms", "email"],
            "content": { "subject": "canary visit", "body": "canary: your visit is tomorrow" },
        });
        let id = clinic.send(&body).await;
        clinic.until(&id, "delivered").await;
        let deliveries = clinic.message(&id).await["deliveries"].clone();
        assert_eq!((&deliveries[0]["status"], &deliveries[1]["status"]), (&json!(first), &json!("delivered")), "{to}");
        assert_eq!(deliveries[0]["attempts"], 1, "{to} is not tried again");
        // What the vendor said of the address holds for what comes after it.
        let id = clinic.send(&sms(to)).await;
        clinic.until(&id, "refused").await;
        // With no next channel it ends there.
        let id = alone.send(&sms(to)).await;
        alone.until(&id, first).await;
        assert!(alone.message(&id).await["deliveries"][0]["code"].as_str().unwrap().starts_with("twilio_"));
    }
    assert_eq!(world.simulator.accepted(Vendor::Ses), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transient_failures_are_tried_again_until_they_pass() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "transient", json!({ "retry": { "initial_ms": 50 } })).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    clinic.account(&world.simulator, Vendor::Sendgrid, json!({})).await;
    for body in [sms("+15005550011"), email("greylist@simulator.example")] {
        let id = clinic.send(&body).await;
        clinic
            .until_holds(&id, "the third try passes", |message| {
                message["deliveries"][0]["attempts"] == 3 && message["deliveries"][0]["sent_at"].is_string()
            })
            .await;
        assert_eq!(clinic.count_events(&id, "attempt_started").await, 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_and_never_arrives_is_tried_as_often_as_the_tenant_says() {
    let world = World::open().await;
    let retry = json!({ "initial_ms": 50, "cap_ms": 100, "max_failures": 3 });
    let clinic = Clinic::open(&world.server, "never-arrives", json!({ "retry": retry })).await;
    clinic.account(&world.simulator, Vendor::VonageSms, json!({})).await;
    // Accepted each time; then a receipt says that it was not delivered, and that it may be another time.
    let id = clinic.send(&sms("+15005550010")).await;
    clinic.until(&id, "failed").await;
    let delivery = clinic.message(&id).await["deliveries"][0].clone();
    assert_eq!((&delivery["attempts"], &delivery["code"]), (&json!(3), &json!("vonage_sms_dlr_1")), "{delivery}");
    assert_eq!(world.simulator.calls(Vendor::VonageSms).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_3_a_refused_account_keeps_its_messages_until_it_is_mended() {
    let mut world = World::open().await;
    world.server.allow("lane halted, messages kept");
    let clinic = Clinic::open(&world.server, "halted", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let secret = account.secret("auth_token");
    let path = clinic.path(&format!("/provider-accounts/{}", account.id));
    let patch = |token: String| {
        let request = clinic.admin.request("PATCH", &path);
        crate::support::Answer::of(request.json(&json!({ "credentials": { "auth_token": token } })))
    };
    patch("f".repeat(32)).await.unwrap().expect(200);
    let id = clinic.send(&sms(&phone(1))).await;
    clinic
        .until_holds(&id, "it waits for the account", |message| {
            message["deliveries"][0]["reason"] == "provider_config" && message["deliveries"][0]["attempts"] == 1
        })
        .await;
    assert_eq!(clinic.status(&id).await, "queued");
    // The lane is halted for a minute: what comes meanwhile says so in its row, and does not expire late.
    let late = clinic.send(&sms(&phone(2))).await;
    clinic
        .until_holds(&late, "it says why it waits", |message| {
            message["deliveries"][0]["reason"] == "provider_config" && message["deliveries"][0]["attempts"] == 0
        })
        .await;
    let in_two_seconds = carepost_kernel::Clock::system().now() + jiff::SignedDuration::from_secs(2);
    let expiring = with(sms(&phone(3)), json!({ "expires_at": in_two_seconds.to_string() }));
    let expiring = clinic.send(&expiring).await;
    let expired = || async { clinic.status(&expiring).await == "expired" };
    wait_for(WELL_BEFORE_A_MINUTE, "it expires in time", expired).await;
    patch(secret).await.unwrap().expect(200);
    for id in [&id, &late] {
        let delivered = || async { clinic.status(id).await == "delivered" };
        wait_for(WELL_BEFORE_A_MINUTE, "it leaves once the account is mended", delivered).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_messages_are_redriven_by_hand_in_steps() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "redrive", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let script = vec![Fault::VendorCode("30007".to_owned()); 5].into();
    world.simulator.set_profile(Vendor::Twilio, Profile { script, ..Profile::default() });
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(clinic.send(&sms(&phone(number))).await);
    }
    clinic.until_all(&ids, "failed").await;
    let redrive = async |body: serde_json::Value| {
        clinic.api.post("/api/v1/messaging/messages/redrive", &body).await.expect(200).body
    };
    let filter = json!({ "status": ["failed"], "channel": "sms", "code": "twilio_30007" });
    let counted = redrive(json!({ "filter": filter, "dry_run": true })).await;
    assert_eq!((&counted["count"], &counted["dry_run"]), (&json!(5), &json!(true)));
    assert_eq!(clinic.status(&ids[0]).await, "failed");
    let other = redrive(json!({ "filter": { "code": "twilio_21211" }, "dry_run": true })).await;
    assert_eq!(other["count"], 0);

    let first = redrive(json!({ "filter": filter, "limit": 2, "per_second": 1000 })).await;
    assert_eq!((&first["count"], &first["more"], &first["last"]), (&json!(2), &json!(true), &json!(ids[1])));
    clinic.until_all(&ids[..2], "delivered").await;
    assert_eq!(clinic.status(&ids[2]).await, "failed");
    let rest = json!({ "status": ["failed"], "after": first["last"] });
    let rest = redrive(json!({ "filter": rest, "per_second": 1000 })).await;
    assert_eq!((&rest["count"], &rest["more"]), (&json!(3), &json!(false)));
    clinic.until_all(&ids, "delivered").await;
    assert_eq!(world.simulator.accepted(Vendor::Twilio), 5);
}

fn sms_then_email(to: &str) -> serde_json::Value {
    json!({
        "to": { "phone": to, "email": "pat@example.com" },
        "channels": ["sms", "email"],
        "content": { "subject": "canary visit", "body": "canary: your visit is tomorrow" },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_3_the_time_of_a_channel_that_takes_over_begins_when_it_does() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "took-over", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    clinic.account(&world.simulator, Vendor::Ses, json!({})).await;
    let slow = Duration::from_millis(700);
    world.simulator.set_profile(Vendor::Twilio, Profile { latency: slow, ..Profile::default() });
    let id = clinic.send(&sms_then_email("+15005550001")).await;
    clinic.until(&id, "delivered").await;
    let told: Vec<String> = clinic
        .events(&id)
        .await
        .iter()
        .filter(|event| event["type"] == "delivery.fell_back")
        .map(|event| event["channel"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told, ["email"]);
    let path = format!("/api/v1/messaging/messages/{id}/timeline");
    let deliveries = clinic.api.get(&path).await.expect(200).body["deliveries"].clone();
    let life_ms = |at: usize| deliveries[at]["life_ms"].as_i64().unwrap();
    assert!(life_ms(0) >= 700, "{deliveries}");
    assert!(life_ms(1) < life_ms(0), "the email did not wait while the text was tried: {deliveries}");
    assert_eq!(deliveries[1]["explained_share"], 1.0, "{deliveries}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_during_a_call_stops_the_channels_that_would_come_next() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "called-off", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    clinic.account(&world.simulator, Vendor::Ses, json!({})).await;
    let slow = Duration::from_millis(1_500);
    world.simulator.set_profile(Vendor::Twilio, Profile { latency: slow, ..Profile::default() });
    let id = clinic.send(&sms_then_email("+15005550001")).await;
    clinic.until(&id, "sending").await;
    let path = format!("/api/v1/messaging/messages/{id}/cancel");
    let answer = clinic.api.post(&path, &json!({})).await.expect(200).body;
    assert_eq!((&answer["cancelled"], &answer["status"]), (&json!(["email"]), &json!("sending")));
    wait_until("the call has failed", || async { clinic.message(&id).await["deliveries"][0]["status"] == "failed" })
        .await;
    let deliveries = clinic.message(&id).await["deliveries"].clone();
    assert_eq!(deliveries[1]["status"], "cancelled", "{deliveries}");
    assert_eq!(clinic.status(&id).await, "cancelled");
    assert_eq!(clinic.count_events(&id, "fell_back").await, 0);
    assert_eq!(world.simulator.calls(Vendor::Ses), []);
}
