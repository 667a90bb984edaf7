//! A batch to people whom the tenant keeps here, said by templates: each item stands for itself.

use serde_json::json;
use uuid::Uuid;

use crate::support::{Answer, Clinic, World, phone, sms};

const PEOPLE: &str = "/api/v1/messaging/recipients";

async fn person(clinic: &Clinic, number: usize) -> String {
    let point = json!({ "channel": "sms", "address": phone(number) });
    let body = json!({ "external_id": format!("p-{number}"), "given_name": "Canary", "contact_points": [point] });
    clinic.api.post(PEOPLE, &body).await.expect(201).id()
}

async fn template(clinic: &Clinic, name: &str, is_published: bool) -> String {
    let text = format!("{{{{practice.name}}}}: canary {name}");
    let body = json!({ "name": name, "category": "Administrative", "purpose": "transactional",
                       "topic": "appointments", "sms": { "en": { "body": text } } });
    let id = clinic.api.post("/api/v1/messaging/templates", &body).await.expect(201).id();
    if is_published {
        let publish = format!("/api/v1/messaging/templates/{id}/publish");
        clinic.api.post(&publish, &json!({ "version": 1 })).await.expect(200);
    }
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_003_a_batch_names_people_and_templates_and_each_item_stands_for_itself() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "batch-people", json!({})).await;
    let (kept, merged, gone) = (person(&clinic, 1).await, person(&clinic, 2).await, person(&clinic, 3).await);
    clinic.api.post(&format!("{PEOPLE}/{merged}/merge"), &json!({ "into": kept })).await.expect(200);
    let deleted = Answer::of(clinic.api.request("DELETE", &format!("{PEOPLE}/{gone}"))).await.unwrap();
    assert!(deleted.status < 300, "{}", deleted.text);
    let (closed, draft) = (template(&clinic, "closed", true).await, template(&clinic, "draft", false).await);
    let open = template(&clinic, "open", true).await;
    let nobody = Uuid::nil().to_string();
    let to = |person: &str, template: &str| json!({ "recipient_id": person, "template": { "id": template }, "channels": ["sms"] });
    let content = json!({ "sms": { "text": "canary words" } });
    let items = [
        to(&kept, &closed),
        sms(&phone(5)),
        to(&merged, &open),
        to(&gone, &closed),
        to(&nobody, &closed),
        to(&kept, &nobody),
        to(&kept, &draft),
        json!({ "recipient_id": kept, "content": content, "channels": ["sms"] }),
        json!({ "to": { "phone": phone(6) }, "template": { "id": open }, "unheard_of": 1 }),
        json!({ "to": { "phone": phone(6) }, "template": { "id": closed } }),
        json!({ "to": { "phone": phone(7) }, "template": { "id": closed }, "content": content }),
    ];
    let answer = clinic.api.post("/api/v1/messaging/messages/batch", &json!({ "messages": items })).await.expect(202);
    let results = answer.body["results"].as_array().unwrap();
    let said: Vec<(bool, &str)> = results
        .iter()
        .map(|result| (result["id"].is_string(), result["error"]["code"].as_str().unwrap_or_default()))
        .collect();
    let (taken, faulty) = ((true, ""), (false, "validation_failed"));
    let expected = [
        taken,
        taken,
        taken,
        faulty,
        faulty,
        faulty,
        (false, "conflict"),
        taken,
        (false, "invalid_body"),
        taken,
        faulty,
    ];
    assert_eq!(said, expected, "{results:#?}");
    let pointer = |i: usize| &results[i]["error"]["errors"][0]["pointer"];
    assert_eq!(pointer(3), "/messages/3/recipient_id");
    assert_eq!(pointer(4), "/messages/4/recipient_id");
    assert_eq!(pointer(5), "/messages/5/template/id");
    assert_eq!(pointer(10), "/messages/10/template");
    let ids: Vec<String> = results.iter().filter_map(|result| result["id"].as_str().map(str::to_owned)).collect();
    let mut said = Vec::new();
    for id in &ids {
        let path = format!("/api/v1/messaging/messages/{id}?include=content");
        let message = clinic.api.get(&path).await.expect(200).body;
        let text = message["content"]["sms"]["text"].as_str().unwrap().to_owned();
        said.push((message["to"]["phone"].as_str().unwrap().to_owned(), text));
    }
    let has = |i: usize, number: usize, words: &str| said[i].0 == phone(number) && said[i].1.contains(words);
    let merged_into = has(2, 1, "canary open");
    assert!(has(0, 1, "canary closed") && merged_into && has(3, 1, "canary words"), "{said:?}");
    assert!(has(1, 5, "your visit") && has(4, 6, "canary closed"), "{said:?}");
}
