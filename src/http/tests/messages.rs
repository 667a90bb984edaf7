//! Messages: taken in once, one by one and by the batch; found, shown, opened.

use std::time::Duration;

use actix_web::test::TestRequest;
use carepost_actors::{EngineError, Limit};
use carepost_kernel::MessageId;
use carepost_tenancy::Scope;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{Reply, World, authorized, lock};

const MESSAGES: &str = "/api/v1/messaging/messages";

fn message() -> Value {
    json!({
        "to": {"phone": "+15005550006", "email": "pat.canary@example.com"},
        "channels": ["sms", "email"],
        "purpose": "treatment",
        "content": {"subject": "Tomorrow", "body": "We expect you at 9:30."},
        "metadata": {"visit": "v-1001"}
    })
}

async fn post_with_key(world: &World, key: &str, body: &Value) -> Reply {
    world.call(TestRequest::post().uri(MESSAGES).insert_header(("Idempotency-Key", key)).set_json(body)).await
}

#[actix_web::test]
async fn del_1_a_message_is_taken_and_can_be_found() {
    let world = World::new().await;
    let reply = world.post(MESSAGES, &message()).await;
    let view = reply.json();
    let id = view["id"].as_str().unwrap();
    assert_eq!((reply.status, view["status"].as_str(), view["replayed"].as_bool()), (202, Some("queued"), Some(false)));
    assert_eq!(reply.header("location"), Some(format!("{MESSAGES}/{id}").as_str()));
    assert_eq!(reply.header("idempotency-replayed"), None);
    let channels = json!([
        {"channel": "sms", "status": "queued", "segments": {"encoding": "gsm-7", "count": 1}},
        {"channel": "email", "status": "planned"}
    ]);
    assert_eq!(view["channels"], channels);
    let shown = world.get(&format!("{MESSAGES}/{id}")).await.json();
    assert_eq!((&shown["purpose"], &shown["deliveries"][0]["reason"]), (&json!("treatment"), &json!("dispatch")));
    assert!(!shown.to_string().contains("canary"), "{shown}");
    let timeline = world.get(&format!("{MESSAGES}/{id}/timeline")).await.json();
    assert_eq!(timeline["deliveries"][0]["explained_share"], 1.0);
    let cancelled = world.post(&format!("{MESSAGES}/{id}/cancel"), &json!({})).await;
    assert_eq!((cancelled.status, cancelled.json()["cancelled"].clone()), (200, json!([])));
}

#[actix_web::test]
async fn del_2_one_key_is_one_message_with_its_live_status() {
    let world = World::new().await;
    let first = post_with_key(&world, "visit-1", &message()).await.json();
    let again = post_with_key(&world, "visit-1", &message()).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, Some("true")));
    let view = again.json();
    assert_eq!((&view["id"], &view["replayed"], &view["status"]), (&first["id"], &json!(true), &json!("queued")));
    assert_eq!(view["channels"][0]["segments"], json!({"count": 1}));
    let mut other = message();
    other["content"]["body"] = "We expect you at 10:30.".into();
    assert_eq!(post_with_key(&world, "visit-1", &other).await.problem(), (422, "idempotency_key_reused".to_owned()));
    assert_eq!(world.get(MESSAGES).await.json()["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_key_has_its_form() {
    let world = World::new().await;
    for key in ["", "with space", &"k".repeat(256)] {
        let reply = post_with_key(&world, key, &message()).await;
        assert_eq!(reply.problem(), (400, "invalid_request".to_owned()), "{key}");
        assert_eq!(reply.json()["errors"][0]["header"], "Idempotency-Key");
    }
}

#[actix_web::test]
async fn faults_are_named_and_nothing_is_stored() {
    let world = World::new().await;
    let table = [
        (json!({}), vec!["/to", "/content"]),
        (json!({"to": {"phone": "5550006"}, "channels": ["sms"], "content": {"body": "x"}}), vec!["/to/phone"]),
        (
            json!({"to": {"email": "canary"}, "channels": ["email"], "content": {"body": "x", "subject": "y"}}),
            vec!["/to/email"],
        ),
        (
            json!({"to": {"phone": "+15005550006"}, "channels": ["voice"], "content": {"body": "x"}}),
            vec!["/channels/0"],
        ),
        (
            json!({
                "to": {"email": "pat@example.com"},
                "content": {"email": {"text": "canary"}},
                "expires_at": "2026-11-22T11:00:00Z"
            }),
            vec!["/expires_at", "/content/email/subject"],
        ),
    ];
    for (body, pointers) in table {
        let reply = world.post(MESSAGES, &body).await;
        assert_eq!(reply.problem(), (422, "validation_failed".to_owned()), "{body}");
        assert_eq!(reply.pointers(), pointers, "{body}");
        assert!(!reply.text().contains("canary"), "{}", reply.text());
    }
    let reply = world.post(MESSAGES, &json!({"template": "t", "to": {}})).await;
    assert_eq!((reply.problem().0, reply.pointers()), (400, vec!["/template".to_owned()]));
    assert_eq!(world.get(MESSAGES).await.json(), json!({"items": []}));
}

#[actix_web::test]
async fn a_bad_item_never_stops_the_others() {
    let world = World::new().await;
    let keyed = |key: &str| {
        let mut item = message();
        item["idempotency_key"] = key.into();
        item
    };
    let messages =
        json!([message(), {"to": {"fone": 1}}, keyed("k-1"), keyed("k-1"), {"to": {}}, keyed("no space"), 5]);
    let reply = world.post(&format!("{MESSAGES}/batch"), &json!({"messages": messages})).await;
    let view = reply.json();
    assert_eq!((reply.status, &view["accepted"], &view["rejected"]), (202, &json!(3), &json!(4)));
    let results = view["results"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["accepted", "rejected", "accepted", "accepted", "rejected", "rejected", "rejected"]);
    assert_eq!((&results[3]["replayed"], &results[3]["id"]), (&json!(true), &results[2]["id"]));
    let fault =
        |i: usize| (results[i]["error"]["status"].as_u64(), results[i]["error"]["errors"][0]["pointer"].as_str());
    assert_eq!(fault(1), (Some(400), Some("/messages/1/to/fone")));
    assert_eq!(fault(4), (Some(422), Some("/messages/4/to")));
    assert_eq!(fault(5), (Some(422), Some("/messages/5/idempotency_key")));
    assert_eq!(fault(6), (Some(400), Some("/messages/6")));
    assert_eq!(results[1]["error"]["instance"].as_str(), reply.header("x-request-id"));
    assert_eq!(world.get(MESSAGES).await.json()["items"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn a_batch_as_a_whole_has_its_form() {
    let world = World::new().await;
    let batch = format!("{MESSAGES}/batch");
    let too_many: Vec<Value> = (0..11).map(|_| message()).collect();
    for messages in [json!([]), json!(too_many)] {
        let reply = world.post(&batch, &json!({"messages": messages})).await;
        assert_eq!((reply.problem().0, reply.pointers()), (422, vec!["/messages".to_owned()]));
    }
    for body in [json!({}), json!({"messages": {}}), json!({"messages": [], "more": 1}), json!([])] {
        assert_eq!(world.post(&batch, &body).await.problem().0, 400, "{body}");
    }
}

#[actix_web::test]
async fn del_12_limits_are_told_and_a_batch_that_meets_one_as_a_whole_says_so() {
    let world = World::new().await;
    world
        .engine
        .refuse(EngineError::Throttled { limit: Limit::TenantWaiting, retry_after: Duration::from_millis(1_200) });
    let single = world.post(MESSAGES, &message()).await;
    let batch = world.post(&format!("{MESSAGES}/batch"), &json!({"messages": [message(), message()]})).await;
    for reply in [single, batch] {
        assert_eq!(reply.problem(), (429, "throttled".to_owned()));
        assert_eq!((reply.header("retry-after"), reply.json()["limit"].as_str()), (Some("2"), Some("tenant_waiting")));
    }
    let mixed = world.post(&format!("{MESSAGES}/batch"), &json!({"messages": [message(), {}]})).await.json();
    assert_eq!((&mixed["accepted"], &mixed["results"][0]["error"]["retry_after_seconds"]), (&json!(0), &json!(2)));
    world.engine.refuse(EngineError::Unavailable { reason: "the database is away", retry_after: Duration::ZERO });
    let reply = world.post(MESSAGES, &message()).await;
    assert_eq!((reply.problem(), reply.header("retry-after")), ((503, "unavailable".to_owned()), Some("1")));
}

#[actix_web::test]
async fn del_9_content_is_opened_only_for_keys_that_may() {
    let world = World::new().await;
    let id = world.post(MESSAGES, &message()).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{MESSAGES}/{id}?include=content");
    let opened = world.get(&path).await.json();
    assert_eq!(opened["to"]["email"], "pat.canary@example.com");
    assert_eq!(opened["content"]["email"], json!({"subject": "Tomorrow", "text": "We expect you at 9:30."}));
    assert_eq!(opened["metadata"], json!({"visit": "v-1001"}));
    let reader = world.key_with(&[Scope::MessagesRead]).await;
    let reply = world.send(authorized(TestRequest::get().uri(&path), &reader)).await;
    assert_eq!(reply.problem(), (403, "forbidden".to_owned()));
    assert_eq!(world.get(&format!("{MESSAGES}/{id}?include=all")).await.status, 400);
    let (_, foreign) = world.other_tenant().await;
    assert_eq!(world.send(authorized(TestRequest::get().uri(&path), &foreign)).await.status, 404);
}

#[actix_web::test]
async fn messages_are_found_by_recipient_and_page_by_page() {
    let world = World::new().await;
    for phone in ["+15005550006", "+15005550006", "+15005550007"] {
        let body = json!({"to": {"phone": phone}, "content": {"body": "Hello"}});
        assert_eq!(world.post(MESSAGES, &body).await.status, 202);
    }
    let search = format!("{MESSAGES}/search");
    let mut wanted = json!({"recipient": {"phone": "+15005550006"}, "status": ["queued"], "limit": 1});
    let first = world.post(&search, &wanted).await.json();
    wanted["cursor"] = first["next"].clone();
    let second = world.post(&search, &wanted).await.json();
    assert_eq!((first["items"].as_array().unwrap().len(), second["items"].as_array().unwrap().len()), (1, 1));
    assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
    assert!(second.get("next").is_none(), "{second}");
    let table = [
        (json!({"recipient": {}}), "/recipient"),
        (json!({"recipient": {"phone": "+15005550006", "in_app": "p"}}), "/recipient"),
        (json!({"recipient": {"phone": "canary"}}), "/recipient/phone"),
        (json!({"limit": 201}), "/limit"),
        (json!({"cursor": "canary"}), "/cursor"),
    ];
    for (body, pointer) in table {
        let reply = world.post(&search, &body).await;
        assert_eq!((reply.problem().0, reply.pointers()), (422, vec![pointer.to_owned()]), "{body}");
        assert!(!reply.text().contains("canary"));
    }
}

#[actix_web::test]
async fn a_redrive_is_bounded_and_begins_where_it_is_told() {
    let world = World::new().await;
    let redrive = format!("{MESSAGES}/redrive");
    let reply = world.post(&redrive, &json!({"filter": {"status": ["delivered"]}, "limit": 0, "per_second": 0})).await;
    assert_eq!(reply.problem().0, 422);
    assert_eq!(reply.pointers(), ["/filter/status/0", "/limit", "/per_second"]);
    // Thirty seconds of work are the most that a caller waits for; counting takes no time.
    let mut slow = json!({"limit": 301, "per_second": 10});
    let reply = world.post(&redrive, &slow).await;
    assert_eq!((reply.problem().0, reply.pointers()), (422, vec!["/limit".to_owned()]));
    slow["dry_run"] = json!(true);
    assert_eq!(world.post(&redrive, &slow).await.status, 200);
    assert_eq!(world.post(&redrive, &json!({"limit": 300, "per_second": 10})).await.status, 200);
    assert_eq!(world.post(&redrive, &json!({"per_second": 5})).await.status, 200);
    assert_eq!(lock(&world.engine.redrives).last().unwrap().limit, 150, "a slow pace lowers the default");
    lock(&world.engine.redrives).clear();
    let after = Uuid::from_u128(0x0192_a6f0_0000_7000_8000_0000_0000_0001);
    let filter =
        json!({"created_from": "2026-11-22T00:00:00Z", "after": after, "created_before": "2026-11-23T00:00:00Z"});
    let view = world.post(&redrive, &json!({"filter": filter, "dry_run": true})).await.json();
    assert_eq!(view, json!({"dry_run": true, "count": 0, "more": false}));
    let seen = lock(&world.engine.redrives).clone();
    let wanted = &seen[0];
    // The later of the two beginnings wins.
    let day: jiff::Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    assert_eq!(wanted.filter.after.made_at(), None, "an id without a version");
    assert!(wanted.filter.after > MessageId::from_uuid(after) && wanted.filter.after < MessageId::new(day));
    assert_eq!((wanted.limit, wanted.per_second, wanted.filter.states.len()), (1_000, 50, 3));
}
