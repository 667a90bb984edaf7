//! Open pixels: a picture for everybody, counted once, and for people alone.

use actix_web::test::TestRequest;
use carepost_actors::EngineError;
use carepost_kernel::{Channel, ReceiptStatus};
use serde_json::{Value, json};

use super::support::{Reply, World, lock};
use crate::http::opens::PIXEL;

const MESSAGES: &str = "/api/v1/messaging/messages";
const TARGET: &str = "https://forms.example.com/f?visit=canary";
const PHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148";
const MARK_SENT: &str = include_str!("sql/mark_sent.sql");
const COUNT_CLICKS: &str = include_str!("sql/count_clicks.sql");

fn message(changes: &Value) -> Value {
    let mut message = json!({
        "to": {"email": "pat@example.com"},
        "content": {"email": {"subject": "Form", "html": format!("<body><a href=\"{TARGET}\">Form</a></body>")}}
    });
    message.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    message
}

/// The HTML of a message as it was stored.
async fn html_of(world: &World, id: &Value) -> String {
    let shown = world.get(&format!("{MESSAGES}/{}?include=content", id.as_str().unwrap())).await.json();
    shown["content"]["email"]["html"].as_str().unwrap().to_owned()
}

/// The path behind our address that begins so.
fn path_in(html: &str, start: &str) -> String {
    let (_, rest) = html.split_once(&format!("\"https://care.example.com{start}")).unwrap();
    format!("{start}{}", rest.split_once('"').unwrap().0)
}

/// Lets the tenant watch whether messages are opened.
pub(super) async fn allow(world: &World) {
    let path = format!("/api/v1/admin/tenants/{}/settings", world.tenant.tenant_id);
    let put = TestRequest::put().uri(&path).set_json(json!({"allow_open_tracking": true}));
    assert_eq!(world.call(put).await.status, 200);
}

/// A message with a pixel and a link; gives the paths of both.
async fn pixeled(world: &World) -> (String, String) {
    allow(world).await;
    let made = world.post(MESSAGES, &message(&json!({"track_opens": true, "track_links": true}))).await;
    assert_eq!(made.status, 202, "{}", made.text());
    let html = html_of(world, &made.json()["id"]).await;
    (path_in(&html, "/o/"), path_in(&html, "/l/"))
}

async fn visit(world: &World, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request = TestRequest::with_uri(path).method(method.parse().unwrap());
    let request = headers.iter().fold(request, |request, (name, value)| request.insert_header((*name, *value)));
    world.send(request).await
}

/// The one answer that there is.
fn check_pixel(reply: &Reply, what: &str) {
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("image/gif")), "{what}");
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{what}");
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{what}");
    assert!(["set-cookie", "etag", "location"].iter().all(|name| reply.header(name).is_none()), "{what}");
    assert_eq!(reply.body, PIXEL, "{what}");
}

/// As the ledger leaves it once a provider has taken it.
async fn mark_sent(world: &World) {
    let path = format!("/api/v1/admin/tenants/{}/provider-accounts", world.tenant.tenant_id);
    let account = world.post(&path, &json!({"name": "line", "vendor": "sendgrid", "sandbox": true})).await;
    let account_id: uuid::Uuid = account.json()["id"].as_str().unwrap().parse().unwrap();
    world.placement.engine().await.unwrap().execute(MARK_SENT, &[&account_id]).await.unwrap();
}

#[actix_web::test]
async fn hub_022_an_open_shows_a_picture_and_is_told_as_one_receipt() {
    let world = World::new().await;
    let (pixel, _) = pixeled(&world).await;
    assert_eq!(pixel.len(), "/o/".len() + 22);
    check_pixel(&visit(&world, "GET", &pixel, &[("user-agent", PHONE)]).await, "not sent yet");
    assert!(lock(&world.engine.receipts).is_empty());
    mark_sent(&world).await;
    for _ in 0..3 {
        check_pixel(&visit(&world, "GET", &pixel, &[("user-agent", PHONE)]).await, "sent");
    }
    let receipts = lock(&world.engine.receipts).clone();
    assert!(receipts.iter().all(|receipt| receipt.status == ReceiptStatus::Opened));
    assert!(receipts.iter().all(|receipt| receipt.dedup_key == receipts[0].dedup_key), "the ledger merges one");
    let attempt = receipts[0].attempt.unwrap();
    assert_eq!((receipts.len(), attempt.channel, attempt.attempt_no), (3, Channel::Email, 1));
    let clicks: i64 = world.placement.engine().await.unwrap().query_one(COUNT_CLICKS, &[]).await.unwrap().get(0);
    assert_eq!(clicks, 0, "no moment is kept beside the message's own history");
}

#[actix_web::test]
async fn hub_022_machines_that_load_pictures_count_for_nothing() {
    let world = World::new().await;
    let (pixel, _) = pixeled(&world).await;
    mark_sent(&world).await;
    for (method, headers) in [
        ("HEAD", &[("user-agent", PHONE)][..]),
        ("GET", &[][..]),
        ("GET", &[("user-agent", "Mozilla/5.0")][..]),
        ("GET", &[("user-agent", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) (via ggpht.com GoogleImageProxy)")][..]),
        ("GET", &[("user-agent", PHONE), ("sec-purpose", "prefetch")][..]),
        ("GET", &[("user-agent", PHONE), ("x-moz", "prefetch")][..]),
    ] {
        check_pixel(&visit(&world, method, &pixel, headers).await, method);
    }
    assert!(lock(&world.engine.receipts).is_empty());
    for _ in 0..65 {
        check_pixel(&visit(&world, "GET", &pixel, &[("user-agent", PHONE)]).await, "without end");
    }
    assert_eq!(lock(&world.engine.receipts).len(), 60, "what is told of one minute is bounded");
}

#[actix_web::test]
async fn hub_022_every_token_shows_the_same_picture_and_reveals_nothing() {
    let world = World::new().await;
    let (pixel, link) = pixeled(&world).await;
    mark_sent(&world).await;
    let last = if pixel.ends_with('A') { 'Q' } else { 'A' };
    let forged = format!("{}{last}", &pixel[..pixel.len() - 1]);
    let of_link = link.replace("/l/", "/o/");
    let foreign = format!("/o/{}", "A".repeat(22));
    for path in [&forged, &foreign, &of_link, "/o/x", "/o/https%3A%2F%2Fevil.example", &format!("{forged}?a=b")] {
        check_pixel(&visit(&world, "GET", path, &[("user-agent", PHONE)]).await, path);
    }
    assert!(lock(&world.engine.receipts).is_empty());
    let followed = visit(&world, "GET", &pixel.replace("/o/", "/l/"), &[("user-agent", PHONE)]).await;
    assert_eq!((followed.status, followed.header("location")), (404, None), "a pixel leads nowhere");
}

#[actix_web::test]
async fn hub_022_whatever_ails_us_there_is_a_picture() {
    let world = World::new().await;
    let (pixel, _) = pixeled(&world).await;
    mark_sent(&world).await;
    world.engine.refuse(EngineError::Internal);
    check_pixel(&visit(&world, "GET", &pixel, &[("user-agent", PHONE)]).await, "the engine fails");
    world.engine.refuse(EngineError::Moving);
    let relayed = [("user-agent", PHONE), ("carepost-relayed", "1")];
    assert_eq!(visit(&world, "GET", &pixel, &relayed).await.status, 503, "the process that asks is told the truth");
}

#[actix_web::test]
async fn hub_022_opens_are_not_watched_by_default_nor_where_it_is_refused() {
    let world = World::new().await;
    let made = world.post(MESSAGES, &message(&json!({}))).await;
    assert!(!html_of(&world, &made.json()["id"]).await.contains("<img"), "off by default");
    allow(&world).await;
    let batch = json!({"messages": [message(&json!({"track_opens": true})), message(&json!({"track_opens": false}))]});
    let made = world.post(&format!("{MESSAGES}/batch"), &batch).await.json();
    assert!(html_of(&world, &made["results"][0]["id"]).await.contains("/o/"), "{made}");
    assert!(!html_of(&world, &made["results"][1]["id"]).await.contains("/o/"));
    for purpose in ["emergency", "treatment"] {
        let refused = message(&json!({"purpose": purpose, "track_opens": true}));
        for path in [MESSAGES, "/api/v1/messaging/gate/simulate"] {
            let reply = world.post(path, &refused).await;
            assert_eq!((reply.status, reply.pointers()), (422, vec!["/track_opens".to_owned()]), "{path}");
        }
    }
    let of_health = message(&json!({"type": "result_released", "track_opens": true}));
    assert_eq!(world.post(MESSAGES, &of_health).await.pointers(), ["/track_opens"]);
    let plain = json!({"to": {"email": "pat@example.com"}, "track_opens": true,
        "content": {"subject": "Form", "body": "See you"}});
    let made = world.post(MESSAGES, &plain).await;
    let shown = world.get(&format!("{MESSAGES}/{}?include=content", made.json()["id"].as_str().unwrap())).await.json();
    assert_eq!((made.status, shown["content"]["email"]["html"].as_str()), (202, None));
}

#[actix_web::test]
async fn hub_022_a_tenant_that_has_not_allowed_it_watches_no_opens() {
    let world = World::new().await;
    let asked = message(&json!({"track_opens": true}));
    let batch = json!({"messages": [asked]});
    for path in [MESSAGES, "/api/v1/messaging/gate/simulate"] {
        let reply = world.post(path, &asked).await;
        assert_eq!((reply.status, reply.pointers()), (422, vec!["/track_opens".to_owned()]), "{path}");
    }
    let refused = world.post(&format!("{MESSAGES}/batch"), &batch).await.json();
    assert_eq!(refused["results"][0]["error"]["errors"][0]["pointer"], "/messages/0/track_opens", "{refused}");
    assert_eq!(
        world.post(MESSAGES, &message(&json!({"track_links": true}))).await.status,
        202,
        "links are another matter"
    );
    allow(&world).await;
    assert_eq!(world.post(MESSAGES, &asked).await.status, 202);
}
