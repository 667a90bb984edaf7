//! The simulation says what then happens: for each of a table of messages, its verdict is the one that the engine comes to.

use carepost_providers::Vendor;
use serde_json::{Value, json};

use crate::support::{Clinic, World, email, sms, with};

const GATE: &str = "/api/v1/messaging/gate";
const PEOPLE: &str = "/api/v1/messaging/recipients";

/// What became of a message's first delivery that had a way: `go`, `wait` or `refuse`, its channel and code.
async fn became(clinic: &Clinic, id: &str) -> (String, String, Option<String>) {
    let has_end = |message: &Value| {
        let is_decided = |delivery: &Value| delivery["status"] != "queued" || delivery["reason"] != "dispatch";
        message["deliveries"].as_array().unwrap().iter().all(is_decided)
    };
    clinic.until_holds(id, "the gate has been asked", has_end).await;
    let events = clinic.events(id).await;
    let last = events.iter().rev().find(|event| event.get("gate").is_some()).expect("the gate was asked");
    let channel = last["channel"].as_str().unwrap().to_owned();
    let text = |field: &str| last.get(field).and_then(Value::as_str).map(str::to_owned);
    match last["type"].as_str().unwrap() {
        "delivery.attempt_started" => ("go".to_owned(), channel, None),
        "delivery.waiting" => ("wait".to_owned(), channel, text("reason")),
        "delivery.refused" => ("refuse".to_owned(), channel, text("code")),
        other => panic!("{other}"),
    }
}

/// Rules with their verdicts, of a view that names them.
fn rules(view: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    view["rules"].as_array().unwrap().iter().map(|rule| (text(&rule["rule"]), text(&rule["verdict"]))).collect()
}

#[tokio::test]
async fn hub_003_what_is_simulated_is_what_happens() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "foreseen", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    clinic.account(&world.simulator, Vendor::Sendgrid, json!({})).await;
    let policy = json!({ "policy": {
        "practice": { "zones": ["UTC"] },
        "contact_hours": { "sms": null },
        "unknown_address": { "financial": "refuse" },
        "types": { "running_late": { "channels": ["sms"] } },
    } });
    clinic.api.post(&format!("{GATE}/policies"), &policy).await.expect(201);
    clinic.api.post(&format!("{GATE}/policies/1/activate"), &json!({})).await.expect(200);
    // Somebody with consent to one purpose, who wants no text messages about visits.
    let ana = json!({ "external_id": "P-1", "contact_points": [
        { "channel": "sms", "address": "+15005552001" }, { "channel": "email", "address": "ana@example.com" }] });
    let ana = clinic.api.post(PEOPLE, &ana).await.expect(201).id();
    for channel in ["sms", "email"] {
        let consent = json!({ "channel": channel, "purposes": ["transactional"] });
        let given = clinic.api.post(&format!("{PEOPLE}/{ana}/consents"), &consent).await;
        assert!(given.status < 300, "{}", given.text);
    }
    let stopped = json!({ "channel": "sms", "address": "+15005552009", "reason": "staff" });
    let stopped = clinic.api.post("/api/v1/messaging/suppressions", &stopped).await;
    assert!(stopped.status < 300, "{}", stopped.text);

    let content = json!({ "content": { "subject": "canary visit", "body": "canary: your visit is tomorrow" } });
    let both = |phone: &str| with(content.clone(), json!({ "to": { "phone": phone, "email": "pat@example.com" } }));
    let table = [
        (sms("+15005552001"), "go"),
        (with(sms("+15005552001"), json!({ "purpose": "treatment" })), "refuse"),
        (with(sms("+15005552002"), json!({ "purpose": "financial" })), "refuse"),
        (with(email("pat@example.com"), json!({ "purpose": "marketing" })), "refuse"),
        (with(sms("+15005552009"), json!({ "purpose": "emergency" })), "refuse"),
        (both("+15005552009"), "go"),
        (both("+15005552003"), "go"),
        (with(sms("+15005552004"), json!({ "type": "running_late" })), "go"),
        (
            with(
                sms("+15005552004"),
                json!({ "send_at": carepost_kernel::Clock::system().now()
            + jiff::SignedDuration::from_hours(2) }),
            ),
            "wait",
        ),
    ];
    for (body, verdict) in table {
        let foreseen = clinic.api.post(&format!("{GATE}/simulate"), &body).await.expect(200).body;
        assert_eq!(foreseen["verdict"], verdict, "{body}: {foreseen}");
        let id = clinic.send(&body).await;
        if verdict == "wait" {
            assert_eq!((clinic.status(&id).await.as_str(), &foreseen["code"]), ("queued", &json!("scheduled")));
            continue;
        }
        let (really, channel, code) = became(&clinic, &id).await;
        let text = |field: &str| foreseen[field].as_str().map(str::to_owned);
        assert_eq!(
            (Some(really), Some(channel.clone()), code),
            (text("verdict"), text("channel"), text("code")),
            "{body}"
        );
        // Rule by rule, on the channel that counted.
        let events = clinic.events(&id).await;
        let last = events.iter().rev().find(|event| event.get("gate").is_some()).unwrap();
        let on_channel =
            foreseen["channels"].as_array().unwrap().iter().find(|one| one["channel"] == *channel).unwrap();
        assert_eq!(rules(&last["gate"]), rules(on_channel), "{body}");
        assert_eq!(last["gate"]["policy_version"], foreseen["policy_version"]);
    }
}
