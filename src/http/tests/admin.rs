//! Configuration by HTTP: by the platform's administrator, and by a tenant for itself.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::{World, authorized};

fn path(world: &World, rest: &str) -> String {
    format!("/api/v1/admin/tenants/{}{rest}", world.tenant.tenant_id)
}

#[actix_web::test]
async fn tenants_are_made_listed_paused_and_resumed() {
    let world = World::new().await;
    let create = |body: Value| world.admin(TestRequest::post().uri("/api/v1/admin/tenants").set_json(body));
    let settings = json!({"admission": {"per_second": 5, "burst": 10}});
    let mut body = json!({"slug": "lakeside", "display_name": "Lakeside", "settings": settings});
    body["placement"] = json!({"kind": "own_schema"});
    let made = create(body).await;
    assert_eq!((made.status, &made.json()["settings"]["admission"]), (201, &json!({"per_second": 5, "burst": 10})));
    let location = made.header("location").unwrap().to_owned();
    assert_eq!(world.admin(TestRequest::get().uri(&location)).await.json()["slug"], "lakeside");
    let again = create(json!({"slug": "lakeside", "display_name": "Lakeside"})).await;
    assert_eq!(again.problem(), (409, "conflict".to_owned()));
    let table = [
        (json!({"slug": "L", "display_name": "x"}), 422, "/slug"),
        (json!({"slug": "hill", "display_name": "x", "settings": {"weight": 0}}), 422, "/settings/weight"),
        (json!({"slug": "hill", "display_name": "x", "placement": {"kind": "own_database"}}), 422, "/placement/url"),
        (json!({"slug": "hill"}), 400, "/display_name"),
        (json!({"slug": "hill", "display_name": "x", "placement": {"kind": "shared"}}), 400, "/placement/kind"),
    ];
    for (body, status, pointer) in table {
        let reply = create(body.clone()).await;
        assert_eq!((reply.problem().0, reply.pointers()), (status, vec![pointer.to_owned()]), "{body}");
    }
    assert_eq!(
        world.admin(TestRequest::get().uri("/api/v1/admin/tenants")).await.json()["items"].as_array().unwrap().len(),
        2
    );
    for (verb, status) in [("pause", "paused"), ("resume", "active")] {
        let reply = world.admin(TestRequest::post().uri(&format!("{location}/{verb}"))).await;
        assert_eq!((reply.status, reply.json()["status"].as_str()), (200, Some(status)));
    }
}

#[actix_web::test]
async fn settings_are_replaced_and_can_be_put_back() {
    let world = World::new().await;
    let uri = path(&world, "/settings");
    let before = world.get(&uri).await;
    let (tag, previous) = (before.header("etag").unwrap().to_owned(), before.json()["settings"].clone());
    let put = |body: Value, tag: &str| {
        world.call(TestRequest::put().uri(&uri).insert_header(("If-Match", tag)).set_json(body))
    };
    let changed = put(json!({"weight": 5}), &tag).await.json();
    assert_eq!((&changed["settings"]["weight"], &changed["previous"]), (&json!(5), &previous));
    assert_eq!(put(json!({"weight": 6}), &tag).await.problem(), (409, "conflict".to_owned()));
    assert_eq!(put(json!({}), "x").await.problem(), (400, "invalid_request".to_owned()));
    let wrong = world.call(TestRequest::put().uri(&uri).set_json(json!({"retry": {"cap_ms": 1}}))).await;
    assert_eq!((wrong.problem().0, wrong.pointers()), (422, vec!["/retry/cap_ms".to_owned()]));
    let back = world.call(TestRequest::put().uri(&uri).set_json(previous.clone())).await.json();
    assert_eq!(back["settings"], previous);
    let trail = world.get(&path(&world, "/audit")).await.json();
    let actions: Vec<_> = trail["items"].as_array().unwrap().iter().map(|event| event["action"].clone()).collect();
    assert_eq!(actions[..2], [json!("tenant.update_settings"), json!("tenant.update_settings")]);
}

#[actix_web::test]
async fn ten_1_a_key_is_shown_once_and_ten_4_revoked_at_once() {
    let world = World::new().await;
    let uri = path(&world, "/api-keys");
    let made = world.post(&uri, &json!({"name": "front desk", "scopes": ["messages:read"]})).await;
    let view = made.json();
    let (secret, id) = (view["secret"].as_str().unwrap(), view["api_key"]["id"].as_str().unwrap());
    let list = || authorized(TestRequest::get().uri("/api/v1/messaging/messages"), secret);
    assert_eq!((made.status, world.send(list()).await.status), (201, 200));
    assert!(!world.get(&uri).await.text().contains(secret));
    let revoke = || world.call(TestRequest::delete().uri(&format!("{uri}/{id}")));
    assert!(revoke().await.json()["revoked_at"].is_string());
    assert_eq!(world.send(list()).await.status, 401);
    assert_eq!(revoke().await.status, 200);
    let wrong = world.post(&uri, &json!({"name": "x", "scopes": ["messages:all"]})).await;
    assert_eq!((wrong.problem().0, wrong.pointers()), (400, vec!["/scopes/0".to_owned()]));
    let none = world.post(&uri, &json!({"name": "x"})).await;
    assert_eq!((none.problem().0, none.pointers()), (422, vec!["/scopes".to_owned()]));
}

#[actix_web::test]
async fn ten_2_credentials_go_in_and_never_come_out() {
    let world = World::new().await;
    let uri = path(&world, "/provider-accounts");
    let missing = world.post(&uri, &json!({"name": "line", "vendor": "twilio"})).await;
    assert_eq!((missing.problem().0, missing.pointers()), (422, vec!["/credentials/auth_token".to_owned()]));
    let unknown = world.post(&uri, &json!({"name": "line", "vendor": "carrier-pigeon"})).await;
    assert_eq!((unknown.problem().0, unknown.pointers()), (422, vec!["/vendor".to_owned()]));
    let body =
        json!({"name": "line", "vendor": "twilio", "credentials": {"auth_token": "canary"}, "rate_per_second": 5});
    let made = world.post(&uri, &body).await;
    let view = made.json();
    assert_eq!((made.status, &view["channel"], &view["has_credentials"]), (201, &json!("sms"), &json!(true)));
    assert!(view["webhook_url"].as_str().unwrap().starts_with("https://care.example.com/webhooks/twilio/"));
    let one = format!("{uri}/{}", view["id"].as_str().unwrap());
    let patch = |body: Value| world.call(TestRequest::patch().uri(&one).set_json(body));
    assert!(patch(json!({"rate_per_second": null})).await.json().get("rate_per_second").is_none());
    assert_eq!(patch(json!({"name": "main line", "route_order": 3})).await.json()["route_order"], 3);
    for (verb, status) in [("pause", "paused"), ("resume", "active")] {
        let reply = world.call(TestRequest::post().uri(&format!("{one}/{verb}"))).await;
        assert_eq!(reply.json()["status"], status);
    }
    let closed = world.call(TestRequest::delete().uri(&one)).await;
    assert_eq!((closed.status, &closed.json()["status"]), (200, &json!("closed")));
    let everything =
        [world.get(&uri).await.text(), world.get(&path(&world, "/audit")).await.text(), made.text(), closed.text()];
    assert!(everything.iter().all(|text| !text.contains("canary")));
}

#[actix_web::test]
async fn endpoints_are_made_shown_changed_and_removed() {
    let world = World::new().await;
    let uri = path(&world, "/webhook-endpoints");
    let private = world.post(&uri, &json!({"url": "https://127.0.0.1/"})).await;
    assert_eq!((private.problem().0, private.pointers()), (422, vec!["/url".to_owned()]));
    let made = world.post(&uri, &json!({"url": "https://hooks.example.com/carepost"})).await.json();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let one = format!("{uri}/{}", made["webhook_endpoint"]["id"].as_str().unwrap());
    let paused = world.call(TestRequest::patch().uri(&one).set_json(json!({"status": "paused"}))).await;
    assert_eq!(paused.json()["status"], "paused");
    assert_eq!(world.get(&one).await.json()["status"], "paused");
    assert_eq!(world.get(&uri).await.json()["items"].as_array().unwrap().len(), 1);
    let remove = || world.call(TestRequest::delete().uri(&one));
    assert_eq!((remove().await.status, remove().await.status, world.get(&one).await.status), (204, 404, 404));
}

#[actix_web::test]
async fn an_endpoint_cannot_wait_for_events_that_there_are_none_of() {
    let world = World::new().await;
    let path = path(&world, "/webhook-endpoints");
    let body = |types| json!({ "url": "https://hooks.example.com/", "event_types": types });
    let reply = world.post(&path, &body(["delivery.closed", "delivery.arrived"])).await;
    assert_eq!((reply.status, reply.pointers()), (422, vec!["/event_types/1".to_owned()]));
    let made = world.post(&path, &body(["delivery.closed", "delivery.redriven"])).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let one = format!("{path}/{}", made.json()["webhook_endpoint"]["id"].as_str().unwrap());
    let change = TestRequest::patch().uri(&one).set_json(json!({ "event_types": ["closed"] }));
    let reply = world.call(change).await;
    assert_eq!((reply.status, reply.pointers()), (422, vec!["/event_types/0".to_owned()]));
}
