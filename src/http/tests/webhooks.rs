//! Vendors' webhooks: the token names the account, the signature proves the sender, over our own address.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::{World, lock};

async fn account(world: &World) -> Value {
    let path = format!("/api/v1/admin/tenants/{}/provider-accounts", world.tenant.tenant_id);
    let reply = world.post(&path, &json!({"name": "line", "vendor": "twilio", "sandbox": true})).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()
}

fn path_of(url: &str) -> String {
    url.strip_prefix("https://care.example.com").unwrap().to_owned()
}

#[actix_web::test]
async fn a_signed_webhook_reaches_the_engine_whatever_its_host_says() {
    let world = World::new().await;
    let url = account(&world).await["webhook_url"].as_str().unwrap().to_owned();
    let signed = |request: TestRequest, query: &str| {
        request
            .uri(&format!("{}{query}", path_of(&url)))
            .insert_header(("x-test-signature", format!("{url}{query}")))
            .insert_header(("host", "elsewhere.example"))
    };
    let reply = world.send(signed(TestRequest::post(), "").set_payload("status=delivered")).await;
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    let reply = world.send(signed(TestRequest::get(), "?a=%2B1&b=x+y")).await;
    assert_eq!(reply.status, 204, "the raw query is signed as it came");
    assert_eq!(lock(&world.engine.receipts).len(), 2);
}

#[actix_web::test]
async fn what_is_not_signed_not_known_or_too_large_changes_nothing() {
    let world = World::new().await;
    let url = account(&world).await["webhook_url"].as_str().unwrap().to_owned();
    let path = path_of(&url);
    let unsigned = world.send(TestRequest::post().uri(&path).set_payload("x")).await;
    assert_eq!(unsigned.problem(), (403, "webhook_refused".to_owned()));
    let wrong = world.send(TestRequest::post().uri(&path).insert_header(("x-test-signature", "x"))).await;
    assert_eq!(wrong.status, 403);
    let large = vec![b'x'; world.state.limits.webhook_body_bytes + 1];
    let large = world
        .send(TestRequest::post().uri(&path).insert_header(("x-test-signature", url.as_str())).set_payload(large))
        .await;
    assert_eq!(large.problem(), (413, "body_too_large".to_owned()));
    let other_vendor = path.replace("/twilio/", "/vonage_sms/");
    let other_token = format!("/webhooks/twilio/{}", "A".repeat(43));
    for path in [other_vendor.as_str(), other_token.as_str(), "/webhooks/twilio/x", "/webhooks/none/x"] {
        assert_eq!(world.send(TestRequest::post().uri(path)).await.problem(), (404, "not_found".to_owned()), "{path}");
    }
    assert_eq!(lock(&world.engine.receipts).len(), 0);
}
