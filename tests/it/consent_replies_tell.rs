//! Replies that are no opt-out: CAM-014, what confirms or asks for another time is told of the message that it answers;
//! CON-008, a call for help is answered.

use carepost_providers::Vendor;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{Clinic, World, phone, sms, wait_until, with};

const OURS: &str = "+15005550001";
const HANDLED: &str = "SELECT count(*) FROM carepost_pooled.inbound_messages WHERE handled_at IS NOT NULL";

/// What the message's readers have written back, in order.
async fn replies(clinic: &Clinic, id: &str) -> Vec<String> {
    let events = clinic.events(id).await;
    let replied = events.iter().filter(|event| event["type"] == "delivery.replied");
    replied.map(|event| event["code"].as_str().expect("a code").to_owned()).collect()
}

async fn follow(clinic: &Clinic, policy: Value) {
    const GATE: &str = "/api/v1/messaging/gate/policies";
    let made = clinic.api.post(GATE, &json!({ "policy": policy })).await.expect(201);
    clinic.api.post(&format!("{GATE}/{}/activate", made.body["version"]), &json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cam_014_a_confirmation_is_an_event_of_the_message_that_was_read_last() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "replies", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    // A policy that counts what leaves.
    follow(&clinic, json!({ "caps": { "per_day": 50 } })).await;
    let (reader, neighbour) = (phone(1), phone(2));
    // Handed in first and left last: what somebody has read last is what they answer.
    let soon = (carepost_kernel::Clock::system().now() + SignedDuration::from_secs(3)).to_string();
    let asked = clinic.send(&with(sms(&reader), json!({ "send_at": soon }))).await;
    let earlier = clinic.send(&sms(&reader)).await;
    clinic.until(&earlier, "delivered").await;
    let beside = clinic.send(&sms(&neighbour)).await;
    clinic.until_all(&[asked.clone(), beside.clone()], "delivered").await;
    let in_an_hour = (carepost_kernel::Clock::system().now() + SignedDuration::from_hours(1)).to_string();
    let scheduled = clinic.send(&with(sms(&reader), json!({ "send_at": in_an_hour }))).await;
    let ended = clinic.message(&asked).await;

    for (heard, text) in (1..).zip(["C", "1", "YES", "R", "what do I owe you?", "HELP"]) {
        let status = world.simulator.inbound(&account.simulated, &reader, OURS, text).await.unwrap();
        assert!(status < 300, "{status}");
        wait_until("it is followed to its end", || async { world.database.count(HANDLED).await == heard }).await;
    }
    assert_eq!(replies(&clinic, &asked).await, ["confirm", "confirm", "confirm", "reschedule"]);
    for other in [&earlier, &beside, &scheduled] {
        assert_eq!(replies(&clinic, other).await, Vec::<String>::new());
    }
    let after = clinic.message(&asked).await;
    let life = |message: &Value| (message["status"].clone(), message["deliveries"][0]["finished_at"].clone());
    assert_eq!(life(&after), life(&ended), "a reply is no receipt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_008_a_call_for_help_is_answered_with_who_speaks_and_not_at_once_again() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "help", json!({})).await;
    // A vendor that leaves keywords to its customers.
    let account = clinic.account(&world.simulator, Vendor::VonageSms, json!({})).await;
    follow(&clinic, json!({ "practice": { "name": "Larch Lane Dental", "phone": "+15005550100" } })).await;
    let turn = || carepost_kernel::Clock::system().now().as_second() / 600;
    let began = turn();
    for (heard, (from, text)) in (1..).zip([(phone(1), "HELP"), (phone(1), "INFO"), (phone(2), "AYUDA")]) {
        assert!(world.simulator.inbound(&account.simulated, &from, OURS, text).await.unwrap() < 300);
        wait_until("it is followed to its end", || async { world.database.count(HANDLED).await == heard }).await;
    }
    let of = |to: String| {
        let calls = world.simulator.calls(Vendor::VonageSms).into_iter();
        calls.filter(|call| call.to == to.trim_start_matches('+')).map(|call| call.text).collect::<Vec<_>>()
    };
    wait_until("both were answered", || async { !of(phone(1)).is_empty() && !of(phone(2)).is_empty() }).await;
    let (english, spanish) = (of(phone(1)), of(phone(2)));
    // A turn of ten minutes may have begun in between.
    assert!(english.len() == 1 || turn() > began, "{english:?}");
    assert_eq!(spanish.len(), 1);
    for text in english.iter().chain(&spanish) {
        assert!(text.starts_with("Larch Lane Dental") && text.contains("+15005550100"), "{text}");
    }
    assert!(spanish[0].contains("STOP") && spanish[0] != english[0], "{spanish:?}");
}
