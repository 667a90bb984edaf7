//! People and their consent by HTTP.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::{World, lock};

const PEOPLE: &str = "/api/v1/messaging/recipients";
const CSV: &str = include_str!("../../../fixtures/recipients/recipients.csv");
const LIST: &str = include_str!("../../../fixtures/recipients/recipients.json");

async fn add(world: &World, body: &Value) -> String {
    let reply = world.post(PEOPLE, body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    format!("{PEOPLE}/{}", reply.json()["id"].as_str().unwrap())
}

fn ana() -> Value {
    json!({"external_id": "P-1", "given_name": "Ana", "contact_points": [
        {"channel": "sms", "address": "+15005550006"}, {"channel": "email", "address": "ana@Example.com"}]})
}

#[actix_web::test]
async fn somebody_is_made_once_changed_shown_found_and_deactivated() {
    let world = World::new().await;
    let one = add(&world, &ana()).await;
    let again = world.post(PEOPLE, &ana()).await;
    assert_eq!((again.status, &again.json()["changed"]), (200, &json!(false)));
    let patch = json!({"zone": "America/Chicago", "given_name": ""});
    let shown = world.call(TestRequest::patch().uri(&one).set_json(patch)).await.json();
    assert_eq!((shown["zone"].as_str(), shown.get("given_name")), (Some("America/Chicago"), None));
    assert_eq!(shown["contact_points"][1]["address"], "ana@example.com");
    let found = world.post(&format!("{PEOPLE}/search"), &json!({"email": "ana@example.com"})).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let wrong = world.post(&format!("{PEOPLE}/search"), &json!({"phone": "5"})).await;
    assert_eq!((wrong.problem().0, wrong.pointers()), (422, vec!["/phone".to_owned()]));
    assert_eq!(world.call(TestRequest::delete().uri(&one)).await.json()["active"], false);
    let active = world.get(&format!("{PEOPLE}?active=true")).await.json();
    assert_eq!(active["items"], json!([]));
    let (_, key) = world.other_tenant().await;
    let foreign = world.send(super::support::authorized(TestRequest::get().uri(&one), &key)).await;
    assert_eq!(foreign.problem(), (404, "not_found".to_owned()));
}

#[actix_web::test]
async fn all_wrong_fields_come_back_at_once() {
    let world = World::new().await;
    let body = json!({"birth_date": "tomorrow", "state": "Texas", "contact_points": [
        {"channel": "sms", "address": "+15005550006"}, {"channel": "email", "address": "canary"}]});
    let reply = world.post(PEOPLE, &body).await;
    assert_eq!(
        (reply.problem().0, reply.pointers()),
        (422, vec!["/birth_date".to_owned(), "/state".to_owned(), "/contact_points/1/address".to_owned()])
    );
    assert!(!reply.text().contains("canary"));
}

#[actix_web::test]
async fn con_5_lists_come_as_csv_or_json_and_bad_lines_come_back_with_line_field_and_reason() {
    let world = World::new().await;
    let import = |kind: &'static str, body: &str| {
        let request = TestRequest::post().uri("/api/v1/messaging/recipients/import");
        world.call(request.insert_header(("content-type", kind)).set_payload(body.to_owned()))
    };
    let csv = import("text/csv; charset=utf-8", CSV).await;
    let view = csv.json();
    assert_eq!(
        (csv.status, &view["created"], view["rejected"].as_array().unwrap().len()),
        (200, &json!(5), 2),
        "{view}"
    );
    assert_eq!(
        (&view["rejected"][0]["line"], &view["rejected"][0]["errors"][1]["pointer"]),
        (&json!(5), &json!("/zone"))
    );
    assert!(!csv.text().contains("Nowhere"));
    let list = import("application/json", LIST).await.json();
    assert_eq!((&list["created"], &list["updated"], &list["unchanged"]), (&json!(0), &json!(1), &json!(2)), "{list}");
    assert_eq!(list["rejected"][0]["line"], 3);
    let shape = import("application/json", r#"[{"external_id": "P-9", "zone": 5}, 7]"#).await.json();
    assert_eq!((&shape["created"], shape["rejected"].as_array().unwrap().len()), (&json!(0), 2), "{shape}");
    assert_eq!(shape["rejected"][0]["errors"][0]["pointer"], "/zone");
    assert_eq!(import("text/plain", CSV).await.problem(), (415, "unsupported_media_type".to_owned()));
    assert_eq!(import("application/json", "{}").await.problem(), (400, "invalid_body".to_owned()));
    assert_eq!(import("text/csv", "name\nAna\n").await.problem(), (422, "validation_failed".to_owned()));
}

#[actix_web::test]
async fn con_003_consent_is_given_revoked_and_shown_with_who_when_and_how() {
    let world = World::new().await;
    let one = add(&world, &ana()).await;
    let consents = format!("{one}/consents");
    let said = json!({"source": "form", "wording": "Text me.", "wording_version": "1", "recorded_by": "user-7"});
    let given =
        world.post(&consents, &json!({"channel": "sms", "purposes": ["treatment", "financial"], "said": said})).await;
    assert_eq!((given.status, given.json()["ids"].as_array().unwrap().len()), (201, 2));
    let body = json!({"channel": "sms", "purposes": ["financial"], "said": {"source": "staff"}});
    assert_eq!(world.post(&format!("{consents}/revoke"), &body).await.status, 200);
    let shown = world.get(&consents).await.json();
    let present: Vec<_> =
        shown["present"].as_array().unwrap().iter().map(|one| (&one["purpose"], &one["state"])).collect();
    // Both were said in the same second: the revocation stands.
    assert_eq!(present, [(&json!("treatment"), &json!("granted")), (&json!("financial"), &json!("revoked"))]);
    let first = &shown["items"][2];
    assert_eq!(
        (&first["wording"], &first["recorded_by"], &first["source"]),
        (&json!("Text me."), &json!({"kind": "staff", "id": "user-7"}), &json!("form"))
    );
    assert_eq!(shown["items"][0]["recorded_by"]["kind"], "api_key");
    let page = world.get(&format!("{consents}?limit=2")).await.json();
    let rest = world.get(&format!("{consents}?cursor={}", page["next"].as_str().unwrap())).await.json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    let wrong = world.post(&consents, &json!({"channel": "sms", "in_writing": true})).await;
    assert_eq!((wrong.problem().0, wrong.pointers()), (422, vec!["/said/wording".to_owned()]));
}

#[actix_web::test]
async fn con_011_every_change_reaches_the_engine_before_its_answer() {
    let world = World::new().await;
    let one = add(&world, &ana()).await;
    let told = || -> usize { lock(&world.engine.consent_changes).drain(..).map(|(_, keys)| keys.len()).sum() };
    assert_eq!(told(), 3, "texts, calls and email");
    let revoke = world.post(&format!("{one}/consents/revoke"), &json!({"channel": "sms"})).await;
    assert_eq!((revoke.status, told()), (200, 1));
    let put =
        TestRequest::put().uri(&format!("{one}/preferences")).set_json(json!({"preferences": {"most_per_week": 2}}));
    assert_eq!((world.call(put).await.status, told()), (200, 3));
    let stop =
        json!({"channel": "email", "address": "someone@example.com", "reason": "complaint", "source": "provider"});
    assert_eq!(
        (world.post("/api/v1/messaging/suppressions", &stop).await.json(), told()),
        (json!({"changed": true}), 1)
    );
    let listed = world.get("/api/v1/messaging/suppressions?reason=complaint").await.json();
    assert_eq!(listed["items"][0]["address"], "someone@example.com");
    let lift = json!({"id": listed["items"][0]["id"]});
    assert_eq!((world.post("/api/v1/messaging/suppressions/lift", &lift).await.status, told()), (200, 1));
    assert_eq!(world.get("/api/v1/messaging/suppressions").await.json()["items"], json!([]));
    assert_eq!(world.get("/api/v1/messaging/suppressions?show=all").await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!((world.call(TestRequest::delete().uri(&one)).await.status, told()), (200, 3));
    let refused = world
        .post(&format!("{one}/consents"), &json!({"channel": "sms", "said": {"at": "2999-01-01T00:00:00Z"}}))
        .await;
    assert_eq!((refused.pointers(), told()), (vec!["/said/at".to_owned()], 0));
}

#[actix_web::test]
async fn con_002_preferences_are_read_written_and_kept() {
    let world = World::new().await;
    let one = add(&world, &ana()).await;
    let put = |body: Value| world.call(TestRequest::put().uri(&format!("{one}/preferences")).set_json(body));
    assert_eq!(world.get(&format!("{one}/preferences")).await.json()["version"], 0);
    let first =
        put(json!({"preferences": {"off": {"appointments": ["sms"]}}, "source": "portal", "version": 0})).await.json();
    assert_eq!((&first["version"], &first["preferences"]["off"]), (&json!(1), &json!({"appointments": ["sms"]})));
    assert_eq!(put(json!({"preferences": {}, "version": 0})).await.problem(), (409, "conflict".to_owned()));
    assert_eq!(put(json!({"preferences": {}, "source": "staff", "recorded_by": "user-7"})).await.status, 200);
    let history = world.get(&format!("{one}/preferences/history")).await.json();
    let told: Vec<_> =
        history["items"].as_array().unwrap().iter().map(|one| (&one["version"], &one["source"])).collect();
    assert_eq!(told, [(&json!(2), &json!("staff")), (&json!(1), &json!("portal"))]);
    let wrong = put(json!({"preferences": {"most_per_week": 0}})).await;
    assert_eq!(wrong.pointers(), ["/preferences/most_per_week"]);
    let shape = put(json!({"preferences": {"off": {"weather": ["sms"]}}})).await;
    assert_eq!(shape.problem().0, 400);
    let terms = json!({"terms_version": "2026-01"});
    let uri = format!("{one}/terms");
    assert_eq!((world.post(&uri, &terms).await.status, world.post(&uri, &terms).await.status), (201, 200));
    assert_eq!(world.get(&format!("{one}/terms")).await.json()["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn records_of_one_person_are_merged_and_parted() {
    let world = World::new().await;
    let goes = add(&world, &ana()).await;
    let stays = add(&world, &json!({"external_id": "P-2"})).await;
    let into = stays.rsplit('/').next().unwrap();
    let merge = async |into: &str| world.post(&format!("{goes}/merge"), &json!({"into": into})).await;
    assert_eq!(merge(into).await.status, 200);
    assert_eq!(merge(into).await.problem(), (409, "conflict".to_owned()));
    assert_eq!(world.get(&goes).await.json()["merged_into"], into);
    assert_eq!(world.get(&stays).await.json()["contact_points"].as_array().unwrap().len(), 2);
    assert_eq!(world.call(TestRequest::post().uri(&format!("{goes}/unmerge"))).await.status, 200);
    assert_eq!(world.get(&goes).await.json()["contact_points"].as_array().unwrap().len(), 2);
}
