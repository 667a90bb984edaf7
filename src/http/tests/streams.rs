//! Server-sent events, the history, and the recipients' inboxes.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::test::TestRequest;
use carepost_delivery::prepare::address_hash;
use carepost_delivery::store::{InAppRecord, insert_in_app};
use carepost_delivery::{DeliveryEvent, DeliveryKey, DeliveryState, EventKind};
use carepost_kernel::{Channel, EventId, InAppContent, MessageId};
use jiff::SignedDuration;
use serde_json::json;

use super::support::{World, lock, noon};

const EVENTS: &str = "/api/v1/messaging/events";
const IN_APP: &str = "/api/v1/messaging/in-app";

async fn chunk(body: &mut BoxBody) -> String {
    let next = poll_fn(|context| Pin::new(&mut *body).poll_next(context)).await;
    String::from_utf8(next.expect("the stream goes on").expect("it does not break off").to_vec()).unwrap()
}

fn event(world: &World, message_id: MessageId, channel: Channel, state: DeliveryState) -> Arc<DeliveryEvent> {
    let key = DeliveryKey { tenant_id: world.tenant.tenant_id, message_id, channel };
    let mut event = DeliveryEvent::new(key, EventKind::AttemptFinished, 1, noon());
    event.state = Some(state);
    Arc::new(event)
}

#[actix_web::test]
async fn events_come_as_they_happen_and_once() {
    let world = World::new().await;
    let mut body = world.open(TestRequest::get().uri(EVENTS)).await;
    let beginning = chunk(&mut body).await;
    let place: EventId = beginning.strip_prefix("id: ").unwrap().trim_end().parse().unwrap();
    assert!(place >= EventId::first_at(noon()), "where to go on from, and no event: {beginning}");
    assert_eq!(chunk(&mut body).await, ": alive\n\n");
    let sent = event(&world, MessageId::new(noon()), Channel::Sms, DeliveryState::Sent);
    let other = event(&world, MessageId::new(noon()), Channel::Email, DeliveryState::Sent);
    for event in [&sent, &sent, &other] {
        world.engine.events.send(Arc::clone(event)).unwrap();
    }
    let first = chunk(&mut body).await;
    let start = format!("id: {}\nevent: delivery.attempt_finished\ndata: {{", sent.event_id);
    assert!(first.starts_with(&start) && first.ends_with("}\n\n"), "{first}");
    let data: serde_json::Value =
        serde_json::from_str(first.lines().nth(2).unwrap().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((&data["status"], &data["channel"], &data["attempt"]), (&json!("sent"), &json!("sms"), &json!(1)));
    assert!(chunk(&mut body).await.starts_with(&format!("id: {}\n", other.event_id)));
}

#[actix_web::test]
async fn a_stream_that_begins_in_the_past_reads_the_history_first() {
    let world = World::new().await;
    let after = MessageId::new(noon()).to_string();
    let mut body = world.open(TestRequest::get().uri(EVENTS).insert_header(("Last-Event-ID", after))).await;
    assert_eq!(chunk(&mut body).await, ": alive\n\n", "an empty history goes over to what is live");
    let history = world.get(&format!("{EVENTS}/history?limit=10")).await;
    let next = history.json()["next"].as_str().unwrap().to_owned();
    assert_eq!((history.status, history.json()), (200, json!({"items": [], "next": next})));
    let place: EventId = next.parse().unwrap();
    assert!(place > EventId::first_at(noon() - SignedDuration::from_secs(10)), "what was looked through is done with");
    let later = world.get(&format!("{EVENTS}/history?after={next}")).await.json();
    let later: EventId = later["next"].as_str().unwrap().parse().unwrap();
    assert!(later >= place, "a place never goes back");
    assert_eq!(world.get(&format!("{EVENTS}/history?after=canary")).await.problem().0, 400);
    assert_eq!(world.get(&format!("{EVENTS}?after=canary")).await.problem().0, 400);
}

#[actix_web::test]
async fn del_12_streams_are_bounded_and_give_their_place_back() {
    let world = World::new().await;
    let open = || world.open(TestRequest::get().uri(EVENTS));
    let (first, _second) = (open().await, open().await);
    let full = world.get(EVENTS).await;
    assert_eq!((full.problem(), full.json()["limit"].as_str()), ((503, "unavailable".to_owned()), Some("streams")));
    drop(first);
    let _third = open().await;
}

async fn put(world: &World, recipient: &str, title: &str) -> MessageId {
    let handle = world.handle().await;
    let message_id = MessageId::new(world.state.clock.now());
    let content = InAppContent { title: title.to_owned(), body: "We expect you.".to_owned() };
    let owner = DeliveryKey::seal_owner(world.tenant.tenant_id, message_id);
    let payload_sealed = handle.seal(&owner, &serde_json::to_vec(&content).unwrap()).unwrap();
    let record = InAppRecord { message_id, delivered_at: noon(), read_at: None, payload_sealed };
    let hash = address_hash(&handle.data_key, Channel::InApp, recipient);
    let connection = world.placement.engine().await.unwrap();
    assert!(insert_in_app(&connection, world.tenant.tenant_id, &hash, &record).await.unwrap());
    message_id
}

fn of(request: TestRequest, recipient: &str) -> TestRequest {
    request.insert_header(("X-Carepost-Recipient", recipient))
}

#[actix_web::test]
async fn an_inbox_is_its_recipients_own() {
    let world = World::new().await;
    let message_id = put(&world, "patient-1001", "Tomorrow").await;
    let list = |recipient| world.call(of(TestRequest::get().uri("/api/v1/messaging/in-app/messages"), recipient));
    let inbox = list("patient-1001").await.json();
    assert_eq!((&inbox["items"][0]["title"], &inbox["items"][0]["id"]), (&json!("Tomorrow"), &json!(message_id)));
    assert_eq!(list("patient-1002").await.json(), json!({"items": []}));
    let read =
        |recipient| world.call(of(TestRequest::post().uri(&format!("{IN_APP}/messages/{message_id}/read")), recipient));
    assert_eq!(read("patient-1002").await.problem(), (404, "not_found".to_owned()));
    let first = read("patient-1001").await.json();
    assert_eq!(read("patient-1001").await.json(), first, "the first time counts");
    assert_eq!(list("patient-1001").await.json()["items"][0]["read_at"], first["read_at"]);
    // The row stands alone here: without a delivery there is nobody to tell.
    assert_eq!(lock(&world.engine.receipts).len(), 0);
    let nobody = world.get(&format!("{IN_APP}/messages")).await;
    assert_eq!((nobody.problem().0, &nobody.json()["errors"][0]["header"]), (400, &json!("X-Carepost-Recipient")));
}

#[actix_web::test]
async fn an_inbox_can_be_followed() {
    let world = World::new().await;
    put(&world, "patient-1001", "Before").await;
    let mut body = world.open(of(TestRequest::get().uri(&format!("{IN_APP}/stream")), "patient-1001")).await;
    assert_eq!(chunk(&mut body).await, ": alive\n\n");
    put(&world, "patient-1002", "Somebody else's").await;
    let message_id = put(&world, "patient-1001", "Now").await;
    world.engine.events.send(event(&world, message_id, Channel::InApp, DeliveryState::Delivered)).unwrap();
    let frame = chunk(&mut body).await;
    assert!(frame.starts_with(&format!("id: {message_id}\nevent: message\ndata: ")), "{frame}");
    assert!(frame.contains("\"Now\"") && !frame.contains("Before"), "{frame}");
}

#[actix_web::test]
async fn messages_from_outside_are_listed() {
    let world = World::new().await;
    assert_eq!(world.get("/api/v1/messaging/inbound").await.json(), json!({"items": []}));
}
