//! CAM-014: a reply that confirms, or asks for another time, is told of the message that it answers.

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cam_014_a_confirmation_is_an_event_of_the_message_that_was_read_last() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "replies", json!({})).await;
    let account = clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let (reader, neighbour) = (phone(1), phone(2));
    let earlier = clinic.send(&sms(&reader)).await;
    clinic.until(&earlier, "delivered").await;
    let asked = clinic.send(&sms(&reader)).await;
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
