//! Tenants see their own, keys open what they were made for, and both kinds of placement work.

use carepost_providers::Vendor;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::clinic::ALL_SCOPES;
use crate::support::{Answer, Api, Clinic, TestDatabase, World, phone, sms};

/// Open to everybody.
fn is_open(path: &str) -> bool {
    ["/health/", "/webhooks/", "/l/", "/o/", "/p/", "/u/"].iter().any(|open| path.starts_with(open))
}

async fn ask(api: &Api, method: &str, path: &str) -> Answer {
    let request = api.request(method, path).header("X-Carepost-Recipient", "patient-1");
    let body = match path {
        // Whoever is merged names another record.
        path if path.ends_with("/merge") => json!({ "into": Uuid::nil().to_string() }),
        path if path.ends_with("/consents") => json!({ "channel": "email", "purposes": ["marketing"] }),
        path if path.ends_with("/preferences") => json!({ "preferences": {} }),
        path if path.ends_with("/terms") => json!({ "terms_version": "1" }),
        _ => json!({}),
    };
    let request = if method == "GET" || method == "DELETE" { request } else { request.json(&body) };
    Answer::of(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_placements_of_a_tenants_own_run_a_message_through() {
    // Dropped last: the server works on it.
    let own = TestDatabase::create_empty().await;
    let world = World::open().await;
    let url = own.url.clone();
    let pooled = Clinic::open(&world.server, "pooled", json!({})).await;
    let schema = Clinic::open_in(&world.server, "own-schema", json!({}), json!({ "kind": "own_schema" })).await;
    let placement = json!({ "kind": "own_database", "url": url });
    let database = Clinic::open_in(&world.server, "own-database", json!({}), placement).await;
    for clinic in [&pooled, &schema, &database] {
        clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
        let id = clinic.send(&sms(&phone(1))).await;
        clinic.until(&id, "delivered").await;
        let replay = clinic.api.keyed("a-key", &sms(&phone(2))).await.unwrap().expect(202).id();
        assert_eq!(clinic.api.keyed("a-key", &sms(&phone(2))).await.unwrap().expect(202).id(), replay);
    }
    // Each has its own and nothing else.
    assert_eq!(world.database.count("SELECT count(*) FROM carepost_pooled.messages").await, 2);
    let mine = "SELECT schema_name FROM placements WHERE kind = $1";
    let name = async |kind: &str| world.database.owner.query_one(mine, &[&kind]).await.unwrap().get::<_, String>(0);
    let count = |schema: String| format!("SELECT count(*) FROM {schema}.messages");
    assert_eq!(world.database.count(&count(name("schema").await)).await, 2);
    assert_eq!(own.count(&count(name("database").await)).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenant_a_gets_404_for_every_id_of_tenant_b() {
    let world = World::open().await;
    let (one, other) =
        (Clinic::open(&world.server, "one", json!({})).await, Clinic::open(&world.server, "other", json!({})).await);
    let account = other.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let message = other.send(&sms(&phone(1))).await;
    other.until(&message, "delivered").await;
    let keys = other.admin.get(&other.path("/api-keys")).await.expect(200);
    let key_id = keys.body["items"][0]["id"].as_str().unwrap().to_owned();
    let endpoint = json!({ "url": "http://127.0.0.1:9/hook", "event_types": [] });
    let endpoint = other.admin.post(&other.path("/webhook-endpoints"), &endpoint).await.expect(201);
    let endpoint_id = endpoint.body["webhook_endpoint"]["id"].as_str().unwrap().to_owned();
    let template = json!({ "name": "Theirs", "body": "Hello" });
    let template_id = other.api.post("/api/message-templates", &template).await.expect(201).id();
    let person = json!({ "external_id": "theirs", "given_name": "Ana" });
    let person_id = other.api.post("/api/v1/messaging/recipients", &person).await.expect(201).id();
    let before = other.admin.get(&other.path("/audit")).await.expect(200).text;

    let mut asked = 0;
    for (method, pattern) in carepost::http::operations() {
        // Versions of a policy are counted by each tenant from 1: nobody else's can be named.
        if !pattern.contains('{') || is_open(pattern) || pattern.contains("{version}") {
            continue;
        }
        let id = match pattern {
            pattern if pattern.contains("templates") => &template_id,
            pattern if pattern.contains("/recipients/{id}") => &person_id,
            pattern if pattern.contains("/messages/") => &message,
            pattern if pattern.contains("/api-keys/") => &key_id,
            pattern if pattern.contains("/webhook-endpoints/") => &endpoint_id,
            _ => &account.id,
        };
        let (theirs, mixed) = (pattern.replace("{tenant}", &other.id), pattern.replace("{tenant}", &one.id));
        for path in [theirs.replace("{id}", id), mixed.replace("{id}", id)] {
            let is_my_own = path.contains(&one.id) && !pattern.contains("{id}");
            if is_my_own {
                continue;
            }
            let answer = ask(&one.api, method, &path).await;
            assert_eq!(answer.status, 404, "{method} {pattern}: {}", answer.text);
            asked += 1;
        }
    }
    assert!(asked >= 20, "{asked}");
    for path in ["/api/v1/messaging/messages", "/api/v1/messaging/inbound", "/api/v1/messaging/events/history"] {
        assert_eq!(one.api.get(path).await.expect(200).body["items"], json!([]), "{path}");
    }
    assert_eq!(other.status(&message).await, "delivered");
    assert_eq!(other.admin.get(&other.path("/audit")).await.expect(200).text, before, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_wants_a_key_and_its_scope() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "scopes", json!({})).await;
    let id = Uuid::nil().to_string();
    let nobody = world.server.nobody();
    let wrong = nobody.with_key("cp_0000000000000000000000000000000000000000000");
    let revoked = {
        let key = clinic.key(&ALL_SCOPES).await;
        let keys = clinic.admin.get(&clinic.path("/api-keys")).await.expect(200);
        let last = keys.body["items"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
        ask(&clinic.admin, "DELETE", &clinic.path(&format!("/api-keys/{last}"))).await.expect(200);
        nobody.with_key(&key)
    };
    let mut keys: Vec<(&str, Api)> = Vec::new();
    for scope in ALL_SCOPES {
        keys.push((scope, nobody.with_key(&clinic.key(&[scope]).await)));
    }
    let document: Value = serde_json::from_slice(&carepost::http::openapi::render()).unwrap();
    for (method, pattern) in carepost::http::operations().into_iter().filter(|(_, pattern)| !is_open(pattern)) {
        let path = pattern.replace("{tenant}", &clinic.id).replace("{id}", &id);
        for (who, api) in [("nobody", &nobody), ("wrong", &wrong), ("revoked", &revoked)] {
            let answer = ask(api, method, &path).await;
            assert_eq!((answer.status, answer.code()), (401, "unauthenticated"), "{who}: {method} {path}");
            assert!(answer.header("www-authenticate").is_some());
        }
        let opens = |scope: &str| {
            let ways = document["paths"][pattern][method.to_lowercase()]["security"].as_array().unwrap();
            ways.iter().any(|way| way["api_key"] == json!([scope]))
        };
        for (scope, api) in &keys {
            // Streams do not end by themselves: only those who may not open them ask.
            let may_stream = pattern.ends_with("/events") && *scope == "events:read";
            if may_stream {
                continue;
            }
            let answer = ask(api, method, &path).await;
            assert_ne!(answer.status, 401, "{scope}: {method} {path}");
            assert_eq!(answer.status == 403, !opens(scope), "{scope}: {method} {path}: {}", answer.text);
            assert!(answer.status != 403 || answer.code() == "forbidden");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_are_never_shown() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "secrets", json!({})).await;
    for vendor in Vendor::ALL {
        let account = clinic.account(&world.simulator, vendor, json!({})).await;
        let secrets: Value = serde_json::from_str(account.simulated.credentials.expose()).unwrap();
        let shown = clinic.admin.get(&clinic.path("/provider-accounts")).await.expect(200).text
            + &clinic.admin.get(&clinic.path("/audit")).await.expect(200).text
            + &world.server.log();
        // Names of users and keys are no secrets by themselves.
        let is_secret = |(name, _): &(&String, &Value)| !name.ends_with("username") && !name.ends_with("_id");
        for (name, secret) in secrets.as_object().unwrap().iter().filter(is_secret) {
            let secret = secret.as_str().unwrap();
            assert!(!shown.contains(secret), "{} of {}", name, vendor.as_str());
        }
    }
}
