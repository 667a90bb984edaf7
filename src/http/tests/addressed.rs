//! Messages to somebody whom the tenant keeps here, and messages that a template says.

use serde_json::{Value, json};

use super::support::World;

const MESSAGES: &str = "/api/v1/messaging/messages";
const PEOPLE: &str = "/api/v1/messaging/recipients";
const TEMPLATES: &str = "/api/v1/messaging/templates";

async fn person(world: &World) -> String {
    let body = json!({"external_id": "P-7", "given_name": "Ana", "language": "es", "contact_points": [
        {"channel": "sms", "address": "+15005550006"}, {"channel": "email", "address": "ana@example.com"}]});
    world.post(PEOPLE, &body).await.json()["id"].as_str().unwrap().to_owned()
}

async fn opened(world: &World, id: &str) -> Value {
    let reply = world.get(&format!("{MESSAGES}/{id}?include=content")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

async fn reminder(world: &World) -> String {
    let list = world.get(&format!("{TEMPLATES}?type=appointment_reminder")).await.json();
    list["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{list}")).to_owned()
}

#[actix_web::test]
async fn hub_003_a_message_to_a_recipient_takes_their_own_addresses() {
    let world = World::new().await;
    let id = person(&world).await;
    let reply = world
        .post(MESSAGES, &json!({"recipient_id": id, "content": {"subject": "Your visit", "body": "See you at 9:30."}}))
        .await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    let message = opened(&world, reply.json()["id"].as_str().unwrap()).await;
    assert_eq!(message["channels"], json!(["sms", "email", "in_app"]));
    assert_eq!(message["to"]["phone"], "+15005550006");
    assert_eq!(message["to"]["email"], "ana@example.com");
    assert_eq!(message["to"]["in_app"], json!(id));

    let nobody = json!({"recipient_id": "01a20320-a20e-73e9-b0df-a580a650453c", "content": {"body": "x"}});
    let reply = world.post(MESSAGES, &nobody).await;
    assert_eq!((reply.problem().0, reply.pointers()), (422, vec!["/recipient_id".to_owned()]));
}

#[actix_web::test]
async fn tpl_002_a_template_says_it_in_the_recipients_language_and_a_missing_variable_is_named() {
    let world = World::new().await;
    let (person, template) = (person(&world).await, reminder(&world).await);
    let variables = json!({"appointment": {"starts_at": "2026-12-03T09:30:00-05:00"},
                           "practice": {"name": "Larch Lane", "phone": "+15005550001",
                                        "postal_address": "12 Larch Lane, Springfield, IL 62701"}});
    let body =
        json!({"recipient_id": person, "channels": ["sms"], "template": {"id": template, "variables": variables}});
    let reply = world.post(MESSAGES, &body).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    let message = opened(&world, reply.json()["id"].as_str().unwrap()).await;
    let text = message["content"]["sms"]["text"].as_str().unwrap();
    assert!(text.starts_with("Larch Lane: ") && text.contains("Responda C"), "{text}");
    assert_eq!(message["template"], json!({"id": template, "version": 1}));
    let closed = world.get(&format!("{MESSAGES}/{}", message["id"].as_str().unwrap())).await.json();
    assert!(closed.get("template").is_none(), "it says what the message is about: {closed}");

    let missing = json!({"recipient_id": person, "channels": ["sms"], "template": {"id": template}});
    let reply = world.post(MESSAGES, &missing).await;
    assert_eq!(reply.problem().0, 422, "{}", reply.text());
    assert!(reply.pointers()[0].starts_with("/template/variables/"), "{:?}", reply.pointers());
    let both = json!({"recipient_id": person, "template": {"id": template}, "content": {"body": "x"}});
    assert_eq!(world.post(MESSAGES, &both).await.pointers(), ["/template"]);
}
