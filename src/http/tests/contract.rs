//! The OpenAPI document against real answers: each body is what the document says of its status.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::{Reply, World};
use crate::http::openapi;

struct Contract(Value);

impl Contract {
    fn new() -> Self {
        Self(serde_json::from_slice(&openapi::render()).unwrap())
    }

    /// Holds an answer to what the document says of the operation.
    fn check(&self, method: &str, path: &str, reply: &Reply) -> Value {
        let response = &self.0["paths"][path][method]["responses"][reply.status.to_string()];
        let essence = reply.header("content-type").unwrap().split(';').next().unwrap();
        let mut schema = response["content"][essence]["schema"].clone();
        assert!(schema.is_object(), "{method} {path}: {} is not in the document: {}", reply.status, reply.text());
        schema["components"] = self.0["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let body = reply.json();
        let faults: Vec<String> =
            validator.iter_errors(&body).map(|fault| format!("{}: {fault}", fault.instance_path)).collect();
        assert!(faults.is_empty(), "{method} {path} {}: {faults:?}", reply.status);
        body
    }
}

#[actix_web::test]
async fn messages_answer_as_the_document_says() {
    const MESSAGES: &str = "/api/v1/messaging/messages";
    let (world, contract) = (World::new().await, Contract::new());
    let message = json!({
        "to": {"phone": "+15005550006", "email": "pat@example.com"},
        "send_at": "2026-11-22T15:00:00Z",
        "content": {"subject": "Tomorrow", "body": "We expect you at 9:30."}
    });
    let made = contract.check("post", MESSAGES, &world.post(MESSAGES, &message).await);
    for wrong in [json!({}), json!({"template": "t"})] {
        contract.check("post", MESSAGES, &world.post(MESSAGES, &wrong).await);
    }
    contract.check("post", MESSAGES, &world.call(TestRequest::post().uri(MESSAGES).set_payload("x")).await);
    let batch = format!("{MESSAGES}/batch");
    let messages = json!({"messages": [message, {}, 5]});
    contract.check("post", &batch, &world.post(&batch, &messages).await);
    contract.check("get", MESSAGES, &world.get(&format!("{MESSAGES}?limit=1")).await);
    contract.check("get", MESSAGES, &world.get(&format!("{MESSAGES}?limit=x")).await);
    let search = format!("{MESSAGES}/search");
    contract.check("post", &search, &world.post(&search, &json!({"recipient": {"phone": "+15005550006"}})).await);
    let one = format!("{MESSAGES}/{}", made["id"].as_str().unwrap());
    let pattern = format!("{MESSAGES}/{{id}}");
    contract.check("get", &pattern, &world.get(&one).await);
    contract.check("get", &pattern, &world.get(&format!("{one}?include=content")).await);
    contract.check("get", &pattern, &world.get(&format!("{MESSAGES}/none")).await);
    contract.check("get", &format!("{pattern}/timeline"), &world.get(&format!("{one}/timeline")).await);
    let cancel = world.post(&format!("{one}/cancel"), &json!({})).await;
    contract.check("post", &format!("{pattern}/cancel"), &cancel);
    let redrive = format!("{MESSAGES}/redrive");
    contract.check("post", &redrive, &world.post(&redrive, &json!({"dry_run": true})).await);
    let history = "/api/v1/messaging/events/history";
    contract.check("get", history, &world.get(history).await);
    let inbound = "/api/v1/messaging/inbound";
    contract.check("get", inbound, &world.get(inbound).await);
}

#[actix_web::test]
async fn people_and_consent_answer_as_the_document_says() {
    const PEOPLE: &str = "/api/v1/messaging/recipients";
    const ONE: &str = "/api/v1/messaging/recipients/{id}";
    let (world, contract) = (World::new().await, Contract::new());
    let person = json!({"external_id": "P-1", "given_name": "Ana", "birth_date": "1984-02-29", "zone": "America/Chicago",
        "contact_points": [{"channel": "sms", "address": "+15005550006", "verified": true}]});
    let made = contract.check("post", PEOPLE, &world.post(PEOPLE, &person).await);
    contract.check("post", PEOPLE, &world.post(PEOPLE, &person).await);
    contract.check("post", PEOPLE, &world.post(PEOPLE, &json!({"zone": "Mars"})).await);
    contract.check("post", PEOPLE, &world.post(PEOPLE, &json!({"name": "x"})).await);
    let child = json!({"external_id": "P-2", "guardians": [{"external_id": "P-1", "ends_on": "2032-01-01"}]});
    let child = contract.check("post", PEOPLE, &world.post(PEOPLE, &child).await);
    contract.check("get", PEOPLE, &world.get(&format!("{PEOPLE}?limit=1&active=true")).await);
    contract.check("get", PEOPLE, &world.get(&format!("{PEOPLE}?active=maybe")).await);
    let search = format!("{PEOPLE}/search");
    contract.check("post", &search, &world.post(&search, &json!({"phone": "+15005550006"})).await);
    contract.check("post", &search, &world.post(&search, &json!({})).await);
    let import = format!("{PEOPLE}/import");
    contract.check("post", &import, &world.post(&import, &json!([person, {"zone": 5}])).await);
    let one = format!("{PEOPLE}/{}", made["id"].as_str().unwrap());
    contract.check("get", ONE, &world.get(&one).await);
    let patch = world.call(TestRequest::patch().uri(&one).set_json(json!({"state": "IL"}))).await;
    contract.check("patch", ONE, &patch);
    let consents = format!("{one}/consents");
    let consent = json!({"channel": "sms", "purposes": ["treatment"], "said": {"source": "form", "wording": "Yes."}});
    contract.check("post", &format!("{ONE}/consents"), &world.post(&consents, &consent).await);
    contract.check("post", &format!("{ONE}/consents"), &world.post(&consents, &json!({"channel": "email"})).await);
    let revoke = world.post(&format!("{consents}/revoke"), &json!({"said": {"recorded_by": "user-1"}})).await;
    contract.check("post", &format!("{ONE}/consents/revoke"), &revoke);
    contract.check("get", &format!("{ONE}/consents"), &world.get(&consents).await);
    let wishes = json!({"preferences": {"off": {"marketing": ["sms"]}, "quiet": {"from": "21:00", "until": "08:00"},
        "digest": {"topics": ["surveys"], "at": "17:00", "on": "friday"}}, "source": "portal"});
    let put = |body: Value| world.call(TestRequest::put().uri(&format!("{one}/preferences")).set_json(body));
    contract.check("put", &format!("{ONE}/preferences"), &put(wishes).await);
    contract.check("put", &format!("{ONE}/preferences"), &put(json!({"preferences": {}, "version": 9})).await);
    for rest in ["/preferences", "/preferences/history", "/terms"] {
        contract.check("get", &format!("{ONE}{rest}"), &world.get(&format!("{one}{rest}")).await);
    }
    let suppressions = "/api/v1/messaging/suppressions";
    let stop = json!({"channel": "sms", "address": "+15005550006", "reason": "opted_out"});
    contract.check("post", suppressions, &world.post(suppressions, &stop).await);
    let listed = contract.check("get", suppressions, &world.get(suppressions).await);
    let lift = format!("{suppressions}/lift");
    contract.check("post", &lift, &world.post(&lift, &json!({"id": listed["items"][0]["id"]})).await);
    contract.check("post", &lift, &world.post(&lift, &json!({"id": made["id"]})).await);
    let merge = world.post(&format!("{one}/merge"), &json!({"into": child["id"]})).await;
    contract.check("post", &format!("{ONE}/merge"), &merge);
    for _ in 0..2 {
        let unmerge = world.call(TestRequest::post().uri(&format!("{one}/unmerge"))).await;
        contract.check("post", &format!("{ONE}/unmerge"), &unmerge);
    }
    contract.check("delete", ONE, &world.call(TestRequest::delete().uri(&one)).await);
}

#[actix_web::test]
async fn the_gate_answers_as_the_document_says() {
    const GATE: &str = "/api/v1/messaging/gate";
    let (world, contract) = (World::new().await, Contract::new());
    let policies = format!("{GATE}/policies");
    contract.check("post", &policies, &world.post(&policies, &json!({"policy": {"caps": {"per_day": 2}}})).await);
    contract.check("post", &policies, &world.post(&policies, &json!({})).await);
    contract.check("get", &policies, &world.get(&policies).await);
    let (pattern, one) = (format!("{policies}/{{version}}"), format!("{policies}/1"));
    contract.check("get", &pattern, &world.get(&one).await);
    contract.check("get", &pattern, &world.get(&format!("{policies}/2")).await);
    for rest in ["activate", "dry-run"] {
        let pattern = format!("{pattern}/{rest}");
        contract.check("post", &pattern, &world.post(&format!("{one}/{rest}"), &json!({})).await);
        contract.check("post", &pattern, &world.post(&format!("{policies}/2/{rest}"), &json!({})).await);
    }
    for rest in ["policy", "message-types"] {
        let path = format!("{GATE}/{rest}");
        contract.check("get", &path, &world.get(&path).await);
    }
    let simulate = format!("{GATE}/simulate");
    contract.check("post", &simulate, &world.post(&simulate, &json!({"to": {"phone": "+15005550006"}})).await);
    contract.check("post", &simulate, &world.post(&simulate, &json!({"to": {"phone": "5"}})).await);
}

#[actix_web::test]
async fn configuration_answers_as_the_document_says() {
    const TENANT: &str = "/api/v1/admin/tenants/{tenant}";
    let (world, contract) = (World::new().await, Contract::new());
    let own = format!("/api/v1/admin/tenants/{}", world.tenant.tenant_id);
    let posts = [
        ("/api-keys", json!({"name": "front desk", "scopes": ["messages:read"], "expires_at": "2027-01-01T00:00:00Z"})),
        ("/provider-accounts", json!({"name": "line", "vendor": "twilio", "sandbox": true, "rate_per_second": 5})),
        ("/webhook-endpoints", json!({"url": "https://hooks.example.com/", "event_types": ["delivery.refused"]})),
    ];
    for (rest, body) in posts {
        let (path, uri) = (format!("{TENANT}{rest}"), format!("{own}{rest}"));
        contract.check("post", &path, &world.post(&uri, &body).await);
        contract.check("post", &path, &world.post(&uri, &json!({"none": 1})).await);
        contract.check("get", &path, &world.get(&uri).await);
    }
    for rest in ["", "/settings", "/audit"] {
        contract.check("get", &format!("{TENANT}{rest}"), &world.get(&format!("{own}{rest}")).await);
    }
    let put = world.call(TestRequest::put().uri(&format!("{own}/settings")).set_json(json!({"weight": 2}))).await;
    contract.check("put", &format!("{TENANT}/settings"), &put);
    contract.check("post", &format!("{TENANT}/pause"), &world.post(&format!("{own}/pause"), &json!({})).await);
    for path in ["/api/v1/admin/tenants", "/api/v1/admin/actors"] {
        contract.check("get", path, &world.admin(TestRequest::get().uri(path)).await);
        contract.check("get", path, &world.get(path).await);
        contract.check("get", path, &world.send(TestRequest::get().uri(path)).await);
    }
    for path in ["/health/live", "/health/ready"] {
        contract.check("get", path, &world.get(path).await);
    }
}

#[actix_web::test]
async fn templates_answer_as_the_document_says() {
    const EXACT: &str = "/api/message-templates";
    const V1: &str = "/api/v1/messaging/templates";
    let (world, contract) = (World::new().await, Contract::new());
    let template = json!({"name": "Visit", "body": "Hi {{patient.first_name}}", "sms": {"en": {"body": "Hi"}}});
    let wrong = json!({"name": "Visit", "body": "Hi {{nobody}}"});
    for path in [EXACT, V1] {
        let made = contract.check("post", path, &world.post(path, &template).await);
        contract.check("post", path, &world.post(path, &wrong).await);
        contract.check("post", path, &world.post(path, &json!({"none": 1})).await);
        contract.check("get", path, &world.get(&format!("{path}?limit=200")).await);
        let (pattern, one) = (format!("{path}/{{id}}"), format!("{path}/{}", made["id"].as_str().unwrap()));
        contract.check("get", &pattern, &world.get(&one).await);
        contract.check("get", &pattern, &world.get(&format!("{path}/none")).await);
        let put = world.call(TestRequest::put().uri(&one).set_json(json!({"body": "Hello"}))).await;
        contract.check("put", &pattern, &put);
        contract.check("get", &format!("{pattern}/render"), &world.get(&format!("{one}/render")).await);
        let no_variant = world.get(&format!("{one}/render?channel=email")).await;
        contract.check("get", &format!("{pattern}/render"), &no_variant);
    }
    let made = world.post(V1, &template).await.json();
    let (pattern, one) = (format!("{V1}/{{id}}"), format!("{V1}/{}", made["id"].as_str().unwrap()));
    for rest in ["versions", "history", "diff"] {
        contract.check("get", &format!("{pattern}/{rest}"), &world.get(&format!("{one}/{rest}")).await);
    }
    let posts = [
        ("render", json!({"channel": "sms"})),
        ("preview", json!({})),
        ("restore", json!({"version": 1})),
        ("copy", json!({})),
        ("test-send", json!({"to": {"phone": "+15005550006"}, "channel": "sms"})),
        ("publish", json!({"version": 1})),
        ("archive", json!({})),
        ("archive", json!({})),
    ];
    for (rest, body) in posts {
        contract.check("post", &format!("{pattern}/{rest}"), &world.post(&format!("{one}/{rest}"), &body).await);
    }
    let validate = format!("{V1}/validate");
    contract.check("post", &validate, &world.post(&validate, &wrong).await);
}

#[actix_web::test]
async fn what_leads_nowhere_answers_as_the_document_says() {
    let (world, contract) = (World::new().await, Contract::new());
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (method, path, status) in [
        ("get", "/p/{token}", 404),
        ("post", "/p/{token}", 404),
        ("get", "/u/{token}", 404),
        ("post", "/u/{token}", 404),
        ("get", "/l/{token}", 404),
        ("get", "/o/{token}", 200),
    ] {
        let request = TestRequest::with_uri(&path.replace("{token}", "none")).insert_header(form);
        let reply = world.send(request.method(method.to_uppercase().parse().unwrap())).await;
        assert_eq!(reply.status, status, "{method} {path}");
        let response = &contract.0["paths"][path][method]["responses"][status.to_string()];
        let essence = reply.header("content-type").unwrap().split(';').next().unwrap();
        assert!(response["content"][essence].is_object(), "{method} {path}: {essence} is not in the document");
    }
}

#[actix_web::test]
async fn hub_014_bulk_sends_answer_as_the_document_says() {
    const BULK: &str = "/api/v1/messaging/bulk-sends";
    let (world, contract) = (World::new().await, Contract::new());
    let new = json!({"name": "Closed on Friday", "content": {"subject": "Friday", "body": "We are closed on Friday."}});
    let made = contract.check("post", BULK, &world.post(BULK, &new).await);
    assert_eq!(made["channels"], json!(["sms", "email", "in_app"]), "a text for all channels is for all of them");
    for wrong in
        [json!({}), json!({"name": "", "template_id": made["id"]}), json!({"name": "", "content": {"body": ""}})]
    {
        contract.check("post", BULK, &world.post(BULK, &wrong).await);
    }
    let (one, pattern) = (format!("{BULK}/{}", made["id"].as_str().unwrap()), format!("{BULK}/{{id}}"));
    let (list, of_list) = (format!("{one}/recipients"), format!("{pattern}/recipients"));
    let people = json!({"recipients": [{"phone": "+15005550001"}, {"phone": "+1"}, {"email": "pat@example.com"}]});
    let keyed = |body: &Value| {
        world.call(TestRequest::post().uri(&list).insert_header(("Idempotency-Key", "list-1")).set_json(body))
    };
    let report = contract.check("post", &of_list, &keyed(&people).await);
    assert_eq!((report["stored"].as_u64(), report["bad_lines"][0]["line"].as_u64()), (Some(2), Some(2)));
    let again = keyed(&people).await;
    assert_eq!((again.header("idempotency-replayed"), again.json()), (Some("true"), report));
    let reused = keyed(&json!({"recipients": [{"phone": "+15005550003"}]})).await;
    assert_eq!(reused.problem(), (422, "idempotency_key_reused".to_owned()));
    contract.check("post", &of_list, &world.post(&list, &json!([])).await);
    let plain = TestRequest::post().uri(&list).insert_header(("content-type", "text/plain")).set_payload("x");
    contract.check("post", &of_list, &world.call(plain).await);
    contract.check("get", BULK, &world.get(BULK).await);
    contract.check("get", &pattern, &world.get(&one).await);
    let rows =
        contract.check("get", &format!("{pattern}/rows"), &world.get(&format!("{one}/rows?state=waiting")).await);
    assert_eq!(rows["items"].as_array().map(Vec::len), Some(2));
    contract.check("get", &format!("{pattern}/rows"), &world.get(&format!("{one}/rows?state=canary")).await);
    for (deed, status) in
        [("start", 409), ("pause", 409), ("resume", 409), ("count", 202), ("cancel", 202), ("count", 409)]
    {
        let reply = world.post(&format!("{one}/{deed}"), &json!({})).await;
        assert_eq!(reply.status, status, "{deed}: {}", reply.text());
        contract.check("post", &format!("{pattern}/{deed}"), &reply);
    }
    let (_, other_key) = world.other_tenant().await;
    let theirs = super::support::authorized(TestRequest::get().uri(&one), &other_key);
    assert_eq!(world.send(theirs).await.problem(), (404, "not_found".to_owned()));
}
