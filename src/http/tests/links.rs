//! Short links: to where they were made to lead, counted once, and for people alone.

use actix_web::test::TestRequest;
use carepost_kernel::{Channel, ReceiptStatus};
use serde_json::json;

use super::support::{Reply, World, lock};

const MESSAGES: &str = "/api/v1/messaging/messages";
const TARGET: &str = "https://forms.example.com/f?visit=canary&x=1";
const PHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1";
const MARK_SENT: &str = include_str!("sql/mark_sent.sql");
const COUNT_CLICKS: &str = include_str!("sql/count_clicks.sql");

/// A message with a link; gives the path of the link.
async fn linked(world: &World) -> String {
    let message = json!({
        "to": {"phone": "+15005550006"},
        "content": {"body": format!("Your form: {TARGET}")},
        "track_links": true
    });
    let made = world.post(MESSAGES, &message).await;
    assert_eq!(made.status, 202, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let shown = world.get(&format!("{MESSAGES}/{id}?include=content")).await.json();
    let text = shown["content"]["sms"]["text"].as_str().unwrap().to_owned();
    text.strip_prefix("Your form: https://care.example.com").unwrap().to_owned()
}

async fn visit(world: &World, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request = TestRequest::with_uri(path).method(method.parse().unwrap());
    let request = headers.iter().fold(request, |request, (name, value)| request.insert_header((*name, *value)));
    world.send(request).await
}

/// As the ledger leaves it once a provider has taken it.
async fn mark_sent(world: &World) {
    let path = format!("/api/v1/admin/tenants/{}/provider-accounts", world.tenant.tenant_id);
    let account = world.post(&path, &json!({"name": "line", "vendor": "twilio", "sandbox": true})).await.json();
    let account_id: uuid::Uuid = account["id"].as_str().unwrap().parse().unwrap();
    world.placement.engine().await.unwrap().execute(MARK_SENT, &[&account_id]).await.unwrap();
}

async fn clicks(world: &World) -> i64 {
    world.placement.engine().await.unwrap().query_one(COUNT_CLICKS, &[]).await.unwrap().get(0)
}

#[actix_web::test]
async fn hub_022_a_click_leads_there_and_is_told_as_one_receipt() {
    let world = World::new().await;
    let path = linked(&world).await;
    assert_eq!(path.len(), "/l/".len() + 22);
    mark_sent(&world).await;
    for _ in 0..3 {
        let reply = visit(&world, "GET", &path, &[("user-agent", PHONE)]).await;
        assert_eq!((reply.status, reply.header("location")), (302, Some(TARGET)));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(reply.header("set-cookie").is_none() && reply.body.is_empty());
    }
    assert_eq!(clicks(&world).await, 3, "each is kept");
    let receipts = lock(&world.engine.receipts).clone();
    assert!(receipts.iter().all(|receipt| receipt.status == ReceiptStatus::Clicked));
    assert!(receipts.iter().all(|receipt| receipt.dedup_key == receipts[0].dedup_key), "the ledger merges one");
    let attempt = receipts[0].attempt.unwrap();
    assert_eq!((receipts.len(), attempt.channel, attempt.attempt_no), (3, Channel::Sms, 1));
}

#[actix_web::test]
async fn hub_022_machines_get_there_and_count_for_nothing() {
    let world = World::new().await;
    let path = linked(&world).await;
    mark_sent(&world).await;
    for (method, headers) in [
        ("HEAD", &[("user-agent", PHONE)][..]),
        ("GET", &[][..]),
        ("GET", &[("user-agent", "facebookexternalhit/1.1 Facebot")][..]),
        ("GET", &[("user-agent", PHONE), ("sec-purpose", "prefetch;prerender")][..]),
        ("GET", &[("user-agent", PHONE), ("purpose", "prefetch")][..]),
    ] {
        let reply = visit(&world, method, &path, headers).await;
        assert_eq!((reply.status, reply.header("location")), (302, Some(TARGET)), "{method} {headers:?}");
    }
    assert_eq!((clicks(&world).await, lock(&world.engine.receipts).len()), (0, 0));
}

#[actix_web::test]
async fn hub_022_there_is_no_open_redirect_and_no_way_to_find_out() {
    let world = World::new().await;
    let path = linked(&world).await;
    let last = path.chars().last().unwrap();
    let other = if last == 'A' { 'Q' } else { 'A' };
    let forged = format!("{}{other}", &path[..path.len() - 1]);
    let foreign = format!("/l/{}", "A".repeat(22));
    let mut answers = Vec::new();
    for path in
        [&forged, &foreign, "/l/x", "/l/https%3A%2F%2Fevil.example", &format!("{forged}?to=https://evil.example")]
    {
        let reply = visit(&world, "GET", path, &[("user-agent", PHONE)]).await;
        assert_eq!((reply.status, reply.header("location")), (404, None), "{path}");
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
        answers.push(reply.text());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "they look the same");
    assert_eq!(clicks(&world).await, 0);
    // A query of whoever passes the link on leads nowhere else.
    let reply = visit(&world, "GET", &format!("{path}?to=https://evil.example"), &[("user-agent", PHONE)]).await;
    assert_eq!(reply.header("location"), Some(TARGET));
}

#[actix_web::test]
async fn hub_022_another_tenants_links_are_its_own() {
    let world = World::new().await;
    let path = linked(&world).await;
    let (other, _) = world.other_tenant().await;
    // The same random part behind another tenant's tag.
    let tag = carepost_tenancy::LinkTag::of(other.tenant_id);
    let token = carepost_delivery::links::LinkToken::parse(path.strip_prefix("/l/").unwrap()).unwrap();
    assert_ne!(token.tag(), tag);
    let mixed = {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let mut binary = URL_SAFE_NO_PAD.decode(path.strip_prefix("/l/").unwrap()).unwrap();
        binary[..6].copy_from_slice(tag.as_bytes());
        format!("/l/{}", URL_SAFE_NO_PAD.encode(binary))
    };
    assert_eq!(visit(&world, "GET", &mixed, &[("user-agent", PHONE)]).await.status, 404);
    assert_eq!(visit(&world, "GET", &path, &[("user-agent", PHONE)]).await.status, 302);
}

#[actix_web::test]
async fn hub_022_a_link_that_is_followed_without_end_still_leads_there() {
    let world = World::new().await;
    let path = linked(&world).await;
    for _ in 0..65 {
        assert_eq!(visit(&world, "GET", &path, &[("user-agent", PHONE)]).await.status, 302);
    }
    assert_eq!(clicks(&world).await, 60, "what is kept of one minute is bounded");
}

#[actix_web::test]
async fn hub_022_what_must_not_be_tracked_is_refused_with_its_field() {
    let world = World::new().await;
    for purpose in ["emergency", "treatment"] {
        let message = json!({
            "to": {"phone": "+15005550006"}, "purpose": purpose,
            "content": {"body": TARGET}, "track_links": true
        });
        let reply = world.post(MESSAGES, &message).await;
        assert_eq!((reply.status, reply.pointers()), (422, vec!["/track_links".to_owned()]));
    }
}

#[actix_web::test]
async fn hub_022_a_bulk_send_is_tracked_where_a_message_may_be() {
    const BULK: &str = "/api/v1/messaging/bulk-sends";
    const TEMPLATES: &str = "/api/v1/messaging/templates";
    let world = World::new().await;
    super::opens::allow(&world).await;
    let of = |more: serde_json::Value| {
        let mut body = json!({"name": "canary", "content": {"subject": "canary", "body": TARGET}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (wish, expected) in [
        (json!({}), (false, false)),
        (json!({"track_links": true}), (true, false)),
        (json!({"track_opens": true, "purpose": "marketing"}), (false, true)),
    ] {
        let made = world.post(BULK, &of(wish)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let shown = world.get(&format!("{BULK}/{}", made.json()["id"].as_str().unwrap())).await.json();
        assert_eq!((&shown["track_links"], &shown["track_opens"]), (&json!(expected.0), &json!(expected.1)));
    }
    let both = ["/track_links".to_owned(), "/track_opens".to_owned()];
    for never in [json!({"purpose": "emergency"}), json!({"purpose": "treatment"}), json!({"type": "result_released"})]
    {
        let mut wish = never;
        (wish["track_links"], wish["track_opens"]) = (json!(true), json!(true));
        let reply = world.post(BULK, &of(wish)).await;
        assert_eq!((reply.status, reply.pointers()), (422, both.to_vec()));
    }
    // A template brings its purpose with it.
    let text = json!({"body": "{{practice.name}}: your form is ready."});
    let template = json!({
        "name": "Form", "category": "Administrative", "purpose": "treatment", "topic": "appointments",
        "sms": {"en": text, "es": text}
    });
    let template = world.post(TEMPLATES, &template).await;
    assert_eq!(template.status, 201, "{}", template.text());
    let id = template.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(world.post(&format!("{TEMPLATES}/{id}/publish"), &json!({"version": 1})).await.status, 200);
    let send = |links: bool, opens: bool| json!({"name": "canary", "template_id": id, "track_links": links, "track_opens": opens});
    assert_eq!(world.post(BULK, &send(false, false)).await.status, 201);
    for (links, opens, pointers) in [(true, true, &both[..]), (false, true, &both[1..])] {
        let reply = world.post(BULK, &send(links, opens)).await;
        assert_eq!((reply.status, reply.pointers()), (422, pointers.to_vec()));
    }
}
