//! Where a message goes that names no channels, what the practice makes of a type, and whose clock a text shows.

use actix_web::test::TestRequest;
use carepost_tenancy::Scope;
use serde_json::{Value, json};

use super::support::{World, authorized};

const MESSAGES: &str = "/api/v1/messaging/messages";
const PEOPLE: &str = "/api/v1/messaging/recipients";
const TEMPLATES: &str = "/api/v1/messaging/templates";
const GATE: &str = "/api/v1/messaging/gate";

async fn person(world: &World, more: Value) -> String {
    let mut body = json!({"given_name": "Ana", "contact_points": [
        {"channel": "sms", "address": "+15005550006"}, {"channel": "email", "address": "ana@example.com"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.post(PEOPLE, &body).await.json()["id"].as_str().unwrap().to_owned()
}

async fn prefers(world: &World, id: &str, channel: &str) {
    let wishes = TestRequest::put().uri(&format!("{PEOPLE}/{id}/preferences"));
    let reply = world.call(wishes.set_json(json!({"preferences": {"first_channel": channel}}))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

async fn policy(world: &World, policy: Value) {
    let made = world.post(&format!("{GATE}/policies"), &json!({"policy": policy})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let activate = format!("{GATE}/policies/{}/activate", made.json()["version"]);
    assert_eq!(world.post(&activate, &json!({})).await.status, 200);
}

async fn opened(world: &World, body: &Value) -> Value {
    let reply = world.post(MESSAGES, body).await;
    assert_eq!(reply.status, 202, "{body}: {}", reply.text());
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    world.get(&format!("{MESSAGES}/{id}?include=content")).await.json()
}

/// The plan of a message, which is the same by whichever way it is brought.
async fn plan(world: &World, body: &Value) -> Value {
    let single = opened(world, body).await["channels"].clone();
    let batch = world.post(&format!("{MESSAGES}/batch"), &json!({"messages": [body]})).await.json();
    let id = batch["results"][0]["id"].as_str().unwrap_or_else(|| panic!("{batch}"));
    assert_eq!(world.get(&format!("{MESSAGES}/{id}")).await.json()["channels"], single);
    let foreseen = world.post(&format!("{GATE}/simulate"), body).await.json();
    let foreseen = foreseen["channels"].as_array().unwrap_or_else(|| panic!("{foreseen}"));
    assert_eq!(json!(foreseen.iter().map(|one| &one["channel"]).collect::<Vec<_>>()), single);
    single
}

fn library(key: &str, variables: Value) -> Value {
    let id = carepost_templates::library::library().by_key(key).unwrap().template_id;
    let mut all = json!({"practice": {"name": "Larch Lane", "phone": "+15005550001",
                                      "postal_address": "12 Larch Lane, Springfield, IL 62701"}});
    all.as_object_mut().unwrap().extend(variables.as_object().unwrap().clone());
    json!({"id": id, "variables": all})
}

fn payment() -> Value {
    library("payment_due", json!({"payment": {"due_on": "2026-12-10", "amount_cents": 15000}}))
}

#[actix_web::test]
async fn hub_003_the_same_message_begins_with_email_for_whoever_prefers_it() {
    let world = World::new().await;
    let (one, other) = (person(&world, json!({})).await, person(&world, json!({})).await);
    prefers(&world, &one, "email").await;
    let content = json!({"subject": "Your visit", "body": "See you at 9:30."});
    let visit = library("appointment_reminder", json!({"appointment": {"starts_at": "2026-12-03T09:30:00-05:00"}}));
    for (more, preferring, others) in [
        (json!({"content": content}), json!(["email", "sms", "in_app"]), json!(["sms", "email", "in_app"])),
        (json!({"content": content, "type": "appointment_reminder"}), json!(["email", "sms"]), json!(["sms", "email"])),
        (json!({"template": visit}), json!(["email", "sms"]), json!(["sms", "email"])),
        (json!({"content": content, "channels": ["sms", "email"]}), json!(["sms", "email"]), json!(["sms", "email"])),
    ] {
        let to = |id: &str| {
            let mut body = more.clone();
            body["recipient_id"] = json!(id);
            body
        };
        assert_eq!(plan(&world, &to(&one)).await, preferring, "{more}");
        assert_eq!(plan(&world, &to(&other)).await, others, "{more}");
    }
}

#[actix_web::test]
async fn con_001_c34_a_type_says_where_a_message_begins_and_not_where_it_ends() {
    let world = World::new().await;
    let id = person(&world, json!({})).await;
    let body = |more: Value| {
        let mut body = json!({"recipient_id": id, "type": "appointment_reminder"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let words = json!({"subject": "Your visit", "body": "See you at 9:30."});
    assert_eq!(plan(&world, &body(json!({"content": words}))).await, json!(["sms", "email"]));
    assert_eq!(plan(&world, &body(json!({"content": words, "strategy": "all"}))).await, json!(["sms"]));
    let text = json!({"content": {"sms": {"text": "See you at 9:30."}}});
    assert_eq!(plan(&world, &body(text)).await, json!(["sms"]), "there are no words for an email");
}

#[actix_web::test]
async fn c34_a_template_tells_its_type_before_the_plan_is_made() {
    let world = World::new().await;
    let id = person(&world, json!({})).await;
    let body = json!({"recipient_id": id, "template": payment()});
    assert_eq!(plan(&world, &body).await, json!(["email", "sms"]), "a bill goes by email first");
}

#[actix_web::test]
async fn con_015_c34_types_are_what_the_policy_in_force_makes_of_them() {
    let world = World::new().await;
    let id = person(&world, json!({})).await;
    let survey = |purpose: &str| {
        json!({"to": {"email": "ana@example.com"}, "type": "satisfaction_survey", "purpose": purpose, "track_links": true,
               "content": {"subject": "How was it?", "body": "https://survey.example"}})
    };
    let follow_up = json!({"to": {"email": "ana@example.com"}, "type": "follow_up",
                           "content": {"subject": "Hello", "body": "Come again."}});
    assert_eq!(world.post(MESSAGES, &survey("transactional")).await.status, 202);
    assert_eq!(opened(&world, &follow_up).await["purpose"], "transactional");
    let types = json!({
        "payment_due": {"channels": ["sms"], "purpose": "transactional"},
        "satisfaction_survey": {"is_trackable": false},
        "follow_up": {"purpose": "marketing"},
    });
    policy(&world, json!({"types": types})).await;

    let simulate = format!("{GATE}/simulate");
    for path in [MESSAGES, &simulate] {
        assert_eq!(world.post(path, &survey("transactional")).await.pointers(), ["/track_links"], "{path}");
    }
    let batch = json!({"messages": [survey("transactional")]});
    let batch = world.post(&format!("{MESSAGES}/batch"), &batch).await.json();
    assert_eq!(batch["results"][0]["error"]["errors"][0]["pointer"], "/messages/0/track_links", "{batch}");

    assert_eq!(opened(&world, &follow_up).await["purpose"], "marketing");
    let mut denied = follow_up.clone();
    denied["purpose"] = json!("transactional");
    assert_eq!(world.post(MESSAGES, &denied).await.pointers(), ["/purpose"]);

    let bill = json!({"recipient_id": id, "template": payment()});
    assert_eq!(plan(&world, &bill).await, json!(["sms", "email"]));
    assert_eq!(opened(&world, &bill).await["purpose"], "transactional", "the practice's word on the type stands");
}

/// A published text message with a time in it; its path.
async fn timed(world: &World) -> (String, String) {
    let body = json!({"name": "Visit", "purpose": "transactional", "topic": "appointments",
        "variables": [{"name": "visit.at", "kind": "datetime", "required": true, "sample": {"en": "2026-12-03T14:30:00Z"}}],
        "sms": {"en": {"body": "{{practice.name}}: at {{time visit.at}}"}}});
    let made = world.post(TEMPLATES, &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{TEMPLATES}/{id}");
    let published = world.post(&format!("{path}/publish"), &json!({})).await;
    assert_eq!(published.status, 200, "{}", published.text());
    (id, path)
}

#[actix_web::test]
async fn tpl_008_times_are_those_of_one_zone_whether_a_text_is_shown_or_sent() {
    let world = World::new().await;
    let (template, path) = timed(&world).await;
    let variables = json!({"visit": {"at": "2026-12-03T14:30:00Z"}});
    let unknown = json!({"phone": "+15005550007"});
    let nowhere = person(&world, json!({})).await;
    let chicago = person(&world, json!({"zone": "America/Chicago"})).await;
    let here = json!({"practice": {"zones": ["America/Los_Angeles", "America/Denver"]}});
    for (zones, hour) in [(None, "9:30"), (Some(here), "6:30")] {
        if let Some(zones) = zones {
            policy(&world, zones).await;
        }
        let mut texts = Vec::new();
        for to in [json!({"to": unknown}), json!({"recipient_id": nowhere})] {
            let mut body = json!({"template": {"id": template, "variables": variables}, "channels": ["sms"]});
            body.as_object_mut().unwrap().extend(to.as_object().unwrap().clone());
            texts.push(opened(&world, &body).await["content"]["sms"]["text"].clone());
        }
        texts.push(world.post(&format!("{path}/preview"), &json!({})).await.json()["body"].clone());
        texts
            .push(world.post(&format!("{path}/render"), &json!({"variables": variables})).await.json()["body"].clone());
        texts.push(world.get(&format!("{path}/render?visit.at=2026-12-03T14:30:00Z")).await.json()["body"].clone());
        let test = world.post(&format!("{path}/test-send"), &json!({"to": unknown})).await.json();
        texts.push(test["rendered"]["body"].clone());
        let expected = format!("at {hour} ");
        assert!(texts.iter().all(|text| format!("{} ", text.as_str().unwrap()).contains(&expected)), "{texts:?}");
        let body = json!({"recipient_id": chicago, "template": {"id": template, "variables": variables}});
        let text = opened(&world, &body).await["content"]["sms"]["text"].clone();
        assert!(text.as_str().unwrap().contains("at 8:30"), "their own zone comes first: {text}");
    }
}

#[actix_web::test]
async fn tpl_007_c14_a_template_is_rendered_for_a_recipient_by_id() {
    let world = World::new().await;
    let id = person(&world, json!({"language": "es", "zone": "America/Chicago"})).await;
    policy(&world, json!({"practice": {"name": "Larch Lane", "phone": "+15005550001"}})).await;
    let bill = carepost_templates::library::library().by_key("payment_due").unwrap().template_id;
    let render = |name: &str, id: &str| {
        format!(
            "{TEMPLATES}/{bill}/render?channel=sms&payment.due_on=2026-12-10&payment.amount_cents=15000&{name}={id}"
        )
    };
    let shown = world.get(&render("recipient_id", &id)).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let (shown, text) = (shown.json(), shown.text());
    assert_eq!(shown["language"], "es");
    assert!(shown["body"].as_str().unwrap().starts_with("Larch Lane: Tiene un pago"), "{text}");
    let body = json!({"recipient_id": id, "channels": ["sms"], "template": payment()});
    assert_eq!(opened(&world, &body).await["content"]["sms"]["text"], shown["body"], "as it would be sent");
    let (_, timed) = timed(&world).await;
    let query = format!("{timed}/render?visit.at=2026-12-03T14:30:00Z&patient_id={id}");
    assert!(world.get(&query).await.json()["body"].as_str().unwrap().contains("at 8:30"));

    let key = world.key_with(&[Scope::TemplatesRead]).await;
    let hidden = world.send(authorized(TestRequest::get().uri(&render("recipient_id", &id)), &key)).await;
    assert_eq!(hidden.status, 403, "what comes out is a message to them");
    let nobody = world.get(&render("patient_id", "01a20320-a20e-73e9-b0df-a580a650453c")).await;
    assert_eq!((nobody.status, nobody.pointers()), (422, vec!["/recipient_id".to_owned()]));
    assert_eq!(world.get(&render("patient_id", "5")).await.status, 400);
    assert_eq!(world.get(&format!("{}&recipient_id={id}", render("patient_id", &id))).await.status, 400);
}
