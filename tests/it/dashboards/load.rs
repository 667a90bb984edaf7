//! A load that touches all sorts of metrics: deliveries, failures, throttles, refusals, receipts, webhooks, a stream.

use std::time::Duration;

use carepost_providers::Vendor;
use carepost_providers::simulator::Profile;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::sign::Callback;
use crate::support::sse::Events;
use crate::support::{Account, Answer, BulkSend, Clinic, World, email, phone, sms, wait_until, with};

/// Accepted by every vendor, and the connection cut without an answer.
const DROPPED: &str = "+15005550012";
/// The practice's own number.
const OURS: &str = "+15005550006";
/// Refused by every vendor for this once: the number is not to blame.
const REFUSED: &str = "+15005550002";
/// Refused by every vendor, for good: no such number.
const BAD: &str = "+15005550001";

/// Tenants, each with a way of its own.
pub(super) struct Load {
    busy: Clinic,
    busy_account: Account,
    throttled: Clinic,
    hurried: Clinic,
    stream: Events,
}

impl Load {
    /// Makes the tenants and what happens once.
    pub(super) async fn prepare(world: &mut World) -> Self {
        world.server.allow("breaker opened");
        world.server.allow("lane halted, messages kept");
        let (server, simulator) = (&world.server, &world.simulator);
        let busy = Clinic::open(server, "busy", json!({ "retry": { "initial_ms": 50 } })).await;
        let busy_account = busy.account(simulator, Vendor::Twilio, json!({})).await;
        busy.account(simulator, Vendor::Ses, json!({})).await;
        busy.account(simulator, Vendor::InApp, json!({})).await;
        // Nobody takes events there.
        let endpoint = json!({ "url": simulator.http_base().join("/nobody").unwrap().as_str(), "event_types": [] });
        busy.admin.post(&busy.path("/webhook-endpoints"), &endpoint).await.expect(201);
        let stream = Events::open(busy.api.request("GET", "/api/v1/messaging/events")).await;

        let throttled = Clinic::open(server, "throttled", json!({})).await;
        throttled.account(simulator, Vendor::VonageSms, json!({})).await;
        simulator.set_profile(Vendor::VonageSms, Profile { throttle_per_second: Some(5), ..Profile::default() });
        let hurried = json!({ "admission": { "per_second": 1, "burst": 1 } });
        let hurried = Clinic::open(server, "hurried", hurried).await;
        break_a_vendor(world).await;
        halt_a_lane(world).await;
        redrive(&busy).await;
        meet_the_gate(world).await;
        Self { busy, busy_account, throttled, hurried, stream }
    }

    /// Goes on for ever.
    pub(super) async fn run(&mut self) {
        for round in 0.. {
            self.round(round).await;
            // Nobody waits for the deliveries: the pace is that of the answers, and a test need not be a flood.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn round(&mut self, round: usize) {
        let in_app = json!({ "to": { "in_app": "patient-1" },
                             "content": { "in_app": { "title": "canary visit", "body": "canary" } } });
        let good = [sms(&phone(round)), email("pat@example.com"), in_app];
        let mut ids = Vec::new();
        for body in &good {
            ids.push(self.busy.send(body).await);
        }
        self.stream.find(|event| event.data["message_id"] == *ids[0]).await;
        for body in [sms(REFUSED), sms("+15005550011"), with(sms(DROPPED), json!({ "purpose": "financial" }))] {
            self.busy.send(&body).await;
        }
        let statuses = join_all([&good[0], &good[0], &good[1]].map(|body| self.keyed(round, body))).await;
        assert!(statuses.iter().all(|status| [202, 409, 422].contains(status)), "{statuses:?}");
        self.throttled.send(&sms(&phone(round))).await;
        self.preview().await;
        let hurried = self.hurried.api.message(&good[0]).await.status;
        assert!([202, 429].contains(&hurried), "{hurried}");
        self.lie().await;
    }

    async fn keyed(&self, round: usize, body: &Value) -> u16 {
        self.busy.api.keyed(&format!("round-{round}"), body).await.unwrap().status
    }

    /// A template of the library with its samples.
    async fn preview(&self) {
        let reminder = carepost_templates::library::library().by_key("appointment_reminder").unwrap().template_id;
        let path = format!("/api/v1/messaging/templates/{reminder}/preview");
        self.busy.api.post(&path, &json!({ "channel": "sms" })).await.expect(200);
    }

    /// Webhooks that no vendor sent.
    async fn lie(&self) {
        let callback = Callback { sid: "SM00000000000000000000000000000000", status: "delivered", code: None };
        callback.post_signed(&self.busy.api, &self.busy_account, "a guess").await.expect(403);
        let nowhere = self.busy.api.request("POST", "/webhooks/twilio/no-such-token").body("x");
        Answer::of(nowhere).await.unwrap().expect(404);
    }
}

/// Every call fails for a while: the breaker opens, and the messages leave once it is over.
async fn break_a_vendor(world: &World) {
    let retry = json!({ "initial_ms": 50, "cap_ms": 200, "max_failures": 50 });
    let clinic = Clinic::open(&world.server, "broken", json!({ "retry": retry })).await;
    clinic.account(&world.simulator, Vendor::Sendgrid, json!({})).await;
    world.simulator.set_profile(Vendor::Sendgrid, Profile { error_rate: 1.0, ..Profile::default() });
    let bodies: Vec<Value> = (0..40).map(|number| email(&format!("pat.{number}@example.com"))).collect();
    let ids = join_all(bodies.iter().map(|body| clinic.send(body))).await;
    wait_until("the breaker opens", || async { world.server.log().contains("breaker opened") }).await;
    world.simulator.set_profile(Vendor::Sendgrid, Profile::default());
    clinic.until_all(&ids, "delivered").await;
}

/// The vendor refuses the credentials.
async fn halt_a_lane(world: &World) {
    let clinic = Clinic::open(&world.server, "halted", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let path = clinic.path(&format!("/provider-accounts/{}", account.id));
    let wrong = json!({ "credentials": { "auth_token": "f".repeat(32) } });
    Answer::of(clinic.admin.request("PATCH", &path).json(&wrong)).await.unwrap().expect(200);
    let id = clinic.send(&sms(&phone(1))).await;
    clinic.until_holds(&id, "it waits", |message| message["deliveries"][0]["reason"] == "provider_config").await;
}

/// What has failed is tried again, and refused: the vendor has said by now that there is no such number.
async fn redrive(clinic: &Clinic) {
    let id = clinic.send(&sms(BAD)).await;
    clinic.until(&id, "failed").await;
    let suppressed =
        || async { clinic.api.get("/api/v1/messaging/suppressions").await.expect(200).body["items"] != json!([]) };
    wait_until("the number is suppressed", suppressed).await;
    let body = json!({ "filter": { "status": ["failed"] }, "per_second": 1000 });
    let answer = clinic.api.post("/api/v1/messaging/messages/redrive", &body).await.expect(200).body;
    assert_eq!(answer["count"], 1);
    clinic.until(&id, "refused").await;
}

/// Somebody writes back, a text about health is judged, and a list is sent to.
async fn meet_the_gate(world: &World) {
    let clinic = Clinic::open(&world.server, "guarded", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let policies = "/api/v1/messaging/gate/policies";
    let policy = json!({ "policy": { "phi": { "by_channel": { "sms": "block" } } } });
    let made = clinic.api.post(policies, &policy).await.expect(201).body;
    clinic.api.post(&format!("{policies}/{}/activate", made["version"]), &json!({})).await.expect(200);
    let about_health = json!({ "content": { "sms": { "text": "Your biopsy showed a melanoma." } } });
    let id = clinic.send(&with(sms(&phone(1)), about_health)).await;
    clinic.until(&id, "refused").await;
    let status = world.simulator.inbound(&account.simulated, &phone(2), OURS, "STOP").await.unwrap();
    assert!(status < 300, "{status}");
    let bulk = BulkSend::with_list(&clinic, json!({}), format!("phone\n{}\n", phone(3))).await;
    bulk.count().await;
    bulk.order("start").await.expect(202);
    bulk.until("finished").await;
}
