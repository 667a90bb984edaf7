//! Templates by HTTP: the exact paths and fields of the design, and everything else under v1.

use std::collections::BTreeSet;

use actix_web::test::TestRequest;
use carepost_tenancy::Scope;
use serde_json::{Value, json};

use super::support::{Reply, World, authorized};

const EXACT: &str = "/api/message-templates";
const V1: &str = "/api/v1/messaging/templates";

fn simple() -> Value {
    json!({
        "name": "Visit tomorrow",
        "subject": "Your visit",
        "body": "Hi {{patient.first_name}}, we expect you in {{room}}.",
        "variables": ["room"],
        "category": "Clinical",
        "is_shared": true
    })
}

fn id(reply: &Reply) -> String {
    reply.json()["id"].as_str().unwrap_or_else(|| panic!("{}", reply.text())).to_owned()
}

async fn put(world: &World, path: &str, body: Value) -> Reply {
    world.call(TestRequest::put().uri(path).set_json(body)).await
}

/// All templates of a list, page by page.
async fn all(world: &World, key: &str, query: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{V1}?limit=20{query}{cursor}");
        let page = world.send(authorized(TestRequest::get().uri(&path), key)).await.json();
        found.extend(page["items"].as_array().unwrap_or_else(|| panic!("{page}")).iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[actix_web::test]
async fn tpl_003_tpl_004_tpl_005_the_design_has_exactly_its_fields() {
    let world = World::new().await;
    let made = world.post(EXACT, &simple()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let fields = [
        "id",
        "practice_id",
        "name",
        "subject",
        "body",
        "variables",
        "category",
        "created_by",
        "is_shared",
        "created_at",
        "updated_at",
    ];
    let fields: BTreeSet<&str> = fields.into_iter().collect();
    let keys = |view: &Value| view.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let check = |view: &Value| {
        assert_eq!(keys(view).iter().map(String::as_str).collect::<BTreeSet<_>>(), fields);
    };
    let view = made.json();
    check(&view);
    assert_eq!(view["practice_id"], world.tenant.tenant_id.to_string());
    let sent = (&view["name"], &view["subject"], &view["variables"], &view["category"]);
    assert_eq!(sent, (&json!("Visit tomorrow"), &json!("Your visit"), &json!(["room"]), &json!("Clinical")));
    let one = format!("{EXACT}/{}", id(&made));
    assert_eq!(made.header("location"), Some(one.as_str()));
    assert_eq!(world.get(&one).await.json(), view);
    let list = world.get(&format!("{EXACT}?limit=200")).await.json();
    let items = list["items"].as_array().unwrap();
    items.iter().for_each(check);
    assert!(items.contains(&view) && items.len() > 40, "own and library: {}", items.len());
}

#[actix_web::test]
async fn tpl_005_tpl_009_an_undeclared_variable_is_refused_with_its_place() {
    let world = World::new().await;
    let mut body = simple();
    body["body"] = json!("Hello,\nyour room is {{unknwon}}.");
    for path in [EXACT, V1] {
        let reply = world.post(path, &body).await;
        assert_eq!(reply.problem(), (422, "validation_failed".to_owned()));
        let fault = &reply.json()["errors"][0];
        let place = (&fault["pointer"], &fault["line"], &fault["column"]);
        assert_eq!(place, (&json!("/body"), &json!(2), &json!(16)), "{fault}");
        assert!(fault["detail"].as_str().unwrap().contains("unknwon"), "{fault}");
    }
    let email =
        json!({"name": "x", "email": {"en": {"subject": "s", "html": "<p>\n{{shout patient.first_name}}</p>"}}});
    let reply = world.post(V1, &email).await;
    let fault = &reply.json()["errors"][0];
    assert_eq!((reply.status, &fault["pointer"], &fault["line"]), (422, &json!("/email/en/html"), &json!(2)));
    let none = world.post(V1, &json!({"name": "x"})).await;
    assert_eq!(none.problem(), (422, "validation_failed".to_owned()));
    let both = world.post(V1, &json!({"name": "x", "body": "a", "in_app": {}})).await;
    assert_eq!(both.pointers(), ["/body"]);
    let world = &world;
    let check = |body: Value| async move { world.post(&format!("{V1}/validate"), &body).await.json() };
    let wrong = check(json!({"body": "{{#each a}}"})).await;
    assert_eq!((&wrong["is_valid"], &wrong["faults"][0]["pointer"]), (&json!(false), &json!("/body")));
    let unsent = check(json!({"purpose": "marketing", "sms": {"en": {"body": "{{practice.name}}: hello"}}})).await;
    assert_eq!((&unsent["is_valid"], &unsent["is_publishable"]), (&json!(true), &json!(false)));
    assert_eq!(unsent["publish_faults"][0]["pointer"], "/sms/en");
}

#[actix_web::test]
async fn tpl_006_tpl_010_versions_stay_renderable_and_come_back() {
    let world = World::new().await;
    let made = world.post(V1, &simple()).await;
    let one = format!("{V1}/{}", id(&made));
    let changed = put(&world, &one, json!({"body": "Come to {{room}} now."})).await;
    assert_eq!((changed.status, &changed.json()["version"]), (200, &json!(2)));
    let renamed = put(&world, &one, json!({"name": "Visit today"})).await.json();
    assert_eq!((&renamed["name"], &renamed["latest_version"]), (&json!("Visit today"), &json!(2)));
    let render = |version: i32| format!("{one}/render?room=B&patient.first_name=Ana&version={version}");
    for (version, body) in [(1, "Hi Ana, we expect you in B."), (2, "Come to B now.")] {
        assert_eq!(world.get(&render(version)).await.json()["body"], body);
    }
    assert_eq!(world.get(&render(3)).await.problem(), (404, "not_found".to_owned()));
    let diff = world.get(&format!("{one}/diff?from=1&to=2")).await.json();
    assert_eq!(diff["parts"].as_array().unwrap().len(), 1);
    assert!(diff["parts"][0]["diff"].as_str().unwrap().contains("+Come to {{room}} now."), "{diff}");
    let restored = world.post(&format!("{one}/restore"), &json!({"version": 1})).await.json();
    assert_eq!((&restored["version"], &restored["body"]), (&json!(3), &simple()["body"]));
    assert_eq!(world.post(&format!("{one}/restore"), &json!({"version": 9})).await.status, 404);
    let published = world.post(&format!("{one}/publish"), &json!({"version": 2})).await.json();
    assert_eq!((&published["state"], &published["published_version"]), (&json!("published"), &json!(2)));
    assert_eq!(world.get(&one).await.json()["version"], 2, "what is sent is what is shown");
    let versions = world.get(&format!("{one}/versions")).await.json();
    let shown = |key: &str| -> Vec<Value> {
        versions["items"].as_array().unwrap().iter().map(|version| version[key].clone()).collect()
    };
    assert_eq!(shown("version"), [3, 2, 1].map(Value::from));
    assert_eq!(shown("state"), ["draft", "published", "draft"].map(Value::from));
    assert_eq!(shown("restored_from")[0], 1);
    assert!(shown("created_by").iter().all(Value::is_string) && shown("created_at").iter().all(Value::is_string));
    let history = world.get(&format!("{one}/history")).await.json();
    let actions: Vec<&str> =
        history["items"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["published", "restored", "saved", "saved", "created"]);
    let archived = world.post(&format!("{one}/archive"), &json!({})).await.json();
    assert_eq!(archived["state"], "archived");
    assert_eq!(world.post(&format!("{one}/archive"), &json!({})).await.problem(), (409, "conflict".to_owned()));
    assert!(all(&world, &world.key, "").await.iter().all(|template| template["id"] != archived["id"]));
    let found = all(&world, &world.key, "&state=archived").await;
    assert_eq!((found.len(), &found[0]["id"]), (1, &archived["id"]));
}

#[actix_web::test]
async fn tpl_006_tpl_010_who_restores_or_archives_over_another_editor_is_told() {
    let world = World::new().await;
    let one = format!("{V1}/{}", id(&world.post(V1, &simple()).await));
    for body in ["Second.", "Third."] {
        assert_eq!(put(&world, &one, json!({"body": body})).await.status, 200);
    }
    let (restore, archive) = (format!("{one}/restore"), format!("{one}/archive"));
    let unnamed = world.post(&restore, &json!({})).await;
    assert_eq!((unnamed.status, unnamed.pointers()), (422, vec!["/version".to_owned()]));
    for (path, body) in [
        (&restore, json!({"version": 1, "expected_version": 2})),
        (&restore, json!({"expected_version": 2})),
        (&archive, json!({"expected_version": 2})),
    ] {
        let reply = world.post(path, &body).await;
        assert_eq!(reply.problem(), (409, "conflict".to_owned()), "{path}: {}", reply.text());
    }
    let now = world.get(&one).await.json();
    assert_eq!((&now["latest_version"], &now["state"]), (&json!(3), &json!("draft")), "nothing was changed");
    let former = world.post(&restore, &json!({"expected_version": 3})).await.json();
    assert_eq!((&former["version"], &former["body"]), (&json!(4), &json!("Second.")));
    assert_eq!(world.post(&archive, &json!({"expected_version": 4})).await.json()["state"], "archived");
    // Without a body, as before.
    let other = format!("{V1}/{}/archive", id(&world.post(V1, &simple()).await));
    let archived = world.call(TestRequest::post().uri(&other)).await;
    assert_eq!((archived.status, &archived.json()["state"]), (200, &json!("archived")));
}

#[actix_web::test]
async fn tpl_006_who_saves_or_publishes_over_another_editor_is_told() {
    let world = World::new().await;
    let made = world.post(EXACT, &simple()).await;
    for (number, path) in [(2, V1), (3, EXACT)] {
        let one = format!("{path}/{}", id(&made));
        let mine = put(&world, &one, json!({"body": "Hello.", "expected_version": number - 1})).await;
        assert_eq!(mine.status, 200, "{}", mine.text());
        let late = put(&world, &one, json!({"body": "Good day.", "expected_version": number - 1})).await;
        assert_eq!(late.problem(), (409, "conflict".to_owned()));
        assert!(late.text().contains(&format!("the latest version is {number} by now")), "{}", late.text());
    }
    let publish = format!("{V1}/{}/publish", id(&made));
    let late = world.post(&publish, &json!({"expected_version": 2})).await;
    assert_eq!(late.problem(), (409, "conflict".to_owned()));
    let first = world.post(&publish, &json!({"version": 2, "expected_published_version": 0})).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let second = world.post(&publish, &json!({"version": 3, "expected_published_version": 0})).await;
    assert_eq!(second.problem(), (409, "conflict".to_owned()));
    assert!(second.text().contains("the published version is 2 by now"), "{}", second.text());
}

#[actix_web::test]
async fn tpl_007_values_are_put_in_and_a_missing_one_is_named() {
    let world = World::new().await;
    let mut body = simple();
    body["email"] =
        json!({"en": {"subject": "For {{patient.first_name}}", "html": "<p>{{room}}<script>x()</script></p>"}});
    body["in_app"] = json!({"en": {"title": "Visit", "body": "{{room}}"}});
    body.as_object_mut().unwrap().retain(|key, _| key != "body" && key != "subject");
    let made = world.post(V1, &body).await;
    let exact = format!("{EXACT}/{}/render", id(&made));
    let text = world.get(&format!("{exact}?room=%3Cb%3E%20%26")).await.json();
    assert_eq!(
        (&text["channel"], &text["body"], &text["subject"]),
        (&json!("in_app"), &json!("<b> &"), &json!("Visit"))
    );
    let email = world.get(&format!("{exact}?channel=email&room=%3Cb%3E&patient.first_name=Ana")).await.json();
    assert_eq!((&email["subject"], &email["body"]), (&json!("For Ana"), &json!("<b>")));
    let html = email["html"].as_str().unwrap();
    assert!(html.contains("<p>&lt;b&gt;</p>") && !html.contains("script"), "{html}");
    let missing = world.get(&format!("{exact}?channel=email&room=x")).await;
    assert_eq!(missing.problem(), (422, "validation_failed".to_owned()));
    assert_eq!(missing.pointers(), ["/variables/patient.first_name"]);
    assert!(!missing.text().contains("room=x"));
    let wrong = [("?channel=fax", 400), ("?version=0", 400), ("?room=a&room=b", 400), ("?room=x&zone=Mars/Base", 422)];
    for (query, status) in wrong {
        assert_eq!(world.get(&format!("{exact}{query}")).await.status, status, "{query}");
    }
    assert_eq!(world.get(&format!("{exact}?channel=sms&room=x")).await.pointers(), ["/channel"]);
    let v1 = format!("{V1}/{}", id(&made));
    let posted = world.post(&format!("{v1}/render"), &json!({"variables": {"room": "B"}})).await.json();
    assert_eq!(posted["body"], "B");
    let preview = world.post(&format!("{v1}/preview"), &json!({"channel": "email", "language": "es"})).await.json();
    assert_eq!((&preview["language"], &preview["body"]), (&json!("en"), &json!("Sample")), "falls back to the default");
}

#[actix_web::test]
async fn tpl_011_tpl_012_a_practice_changes_the_library_for_itself_alone() {
    let world = World::new().await;
    let (_, other) = world.other_tenant().await;
    let reminder = |templates: Vec<Value>| {
        let found: Vec<Value> = templates.into_iter().filter(|one| one["type"] == "appointment_reminder").collect();
        assert_eq!(found.len(), 1);
        found[0].clone()
    };
    let before = all(&world, &world.key, "").await;
    assert_eq!(before.len(), carepost_templates::library::library().templates().len());
    let shipped = reminder(before);
    assert_eq!((&shipped["state"], &shipped["version"]), (&json!("published"), &json!(1)));
    let one = format!("{V1}/{}", shipped["id"].as_str().unwrap());
    let text = "{{practice.name}}: see you soon.";
    let changed = put(&world, &one, json!({"name": "Our reminder", "sms": {"en": {"body": text}}})).await.json();
    assert_eq!((&changed["id"], &changed["version"]), (&shipped["id"], &json!(2)), "{changed}");
    world.post(&format!("{one}/publish"), &json!({})).await;
    let ours = reminder(all(&world, &world.key, "&type=appointment_reminder").await);
    assert_eq!((&ours["name"], &ours["content"]["sms"]["en"]["body"]), (&json!("Our reminder"), &json!(text)));
    let theirs = reminder(all(&world, &other, "&type=appointment_reminder").await);
    for field in ["id", "name", "version", "content"] {
        assert_eq!(theirs[field], shipped[field], "theirs is the original");
    }
    let restored = world.post(&format!("{one}/restore"), &json!({"version": 1})).await.json();
    assert_eq!(restored["content"], shipped["content"]);
    let copy = world.post(&format!("{one}/copy"), &json!({"name": "Another"})).await;
    assert_eq!((copy.status, &copy.json()["state"]), (201, &json!("draft")));
    let hidden = format!("{V1}/{}", id(&copy));
    let theirs = world.send(authorized(TestRequest::get().uri(&hidden), &other)).await;
    assert_eq!(theirs.problem(), (404, "not_found".to_owned()));
}

#[actix_web::test]
async fn tpl_016_tpl_018_lists_are_narrowed_by_category_and_shortcut() {
    let world = World::new().await;
    let canned = |name: &str, shortcut: &str| json!({"name": name, "body": "Our hours are 8 to 5.", "category": "Front desk", "shortcut": shortcut});
    let made = world.post(V1, &canned("Hours", "hours")).await;
    assert_eq!(world.post(V1, &canned("Holidays", "holidays")).await.status, 201);
    assert_eq!(world.post(V1, &canned("Hours", "hours")).await.problem(), (409, "conflict".to_owned()));
    assert_eq!(world.post(V1, &canned("x", "Not So")).await.pointers(), ["/shortcut"]);
    for (query, count) in
        [("&category=Front%20desk", 2), ("&shortcut=ho", 2), ("&shortcut=/hou", 1), ("&shortcut=*", 2)]
    {
        assert_eq!(all(&world, &world.key, query).await.len(), count, "{query}");
    }
    let billing = all(&world, &world.key, "&category=Billing").await;
    assert!(billing.len() > 3 && billing.iter().all(|template| template["category"] == "Billing"));
    assert_eq!(all(&world, &world.key, "&state=draft").await.len(), 2);
    let freed = put(&world, &format!("{V1}/{}", id(&made)), json!({"shortcut": ""})).await.json();
    assert!(freed.get("shortcut").is_none());
    for query in ["?state=lost", "?category=", "?none=1"] {
        assert_eq!(world.get(&format!("{V1}{query}")).await.status, 400, "{query}");
    }
}

#[actix_web::test]
async fn tpl_020_who_may_not_manage_templates_reads_only_what_is_shared() {
    let world = World::new().await;
    let mut own = simple();
    own["is_shared"] = json!(false);
    let hidden = format!("{V1}/{}", id(&world.post(V1, &own).await));
    let reader = world.key_with(&[Scope::TemplatesRead]).await;
    let refused = world.send(authorized(TestRequest::post().uri(EXACT).set_json(simple()), &reader)).await;
    assert_eq!(refused.problem(), (403, "forbidden".to_owned()));
    assert_eq!(world.send(authorized(TestRequest::get().uri(&hidden), &reader)).await.status, 404);
    assert!(all(&world, &reader, "").await.iter().all(|template| template["is_shared"] == true));
    let manager = world.key_with(&[Scope::TemplatesRead, Scope::TemplatesManage]).await;
    assert_eq!(world.send(authorized(TestRequest::get().uri(&hidden), &manager)).await.status, 200);
}

#[actix_web::test]
async fn con_013_con_014_what_the_law_wants_is_asked_at_publishing() {
    let world = World::new().await;
    let html =
        |body: &str| json!({"name": "Offer", "purpose": "marketing", "email": {"en": {"subject": "s", "html": body}}});
    let publish = |made: Reply| {
        let path = format!("{V1}/{}/publish", id(&made));
        let world = &world;
        async move { world.post(&path, &json!({})).await }
    };
    let reply = publish(world.post(V1, &html("<p>Buy</p>")).await).await;
    assert_eq!((reply.status, reply.pointers()), (422, vec!["/email/en".to_owned(), "/email/en".to_owned()]));
    let lawful = "<p>Buy</p>{{> layout_footer}}<a href=\"{{optout_url}}\">Stop</a>";
    assert_eq!(publish(world.post(V1, &html(lawful)).await).await.status, 200);
    let sms = |body: &str| json!({"name": "Offer", "purpose": "marketing", "sms": {"en": {"body": body}}});
    assert_eq!(publish(world.post(V1, &sms("{{practice.name}}: buy")).await).await.status, 422);
    assert_eq!(publish(world.post(V1, &sms("{{practice.name}}: buy. Reply STOP to opt out")).await).await.status, 200);
}

#[actix_web::test]
async fn a_test_goes_the_way_of_every_message() {
    let world = World::new().await;
    let reminder = carepost_templates::library::library().by_key("appointment_reminder").unwrap().template_id;
    let path = format!("{V1}/{reminder}/test-send");
    let sent = world.post(&path, &json!({"to": {"phone": "+15005550006"}, "channel": "sms", "language": "es"})).await;
    assert_eq!(sent.status, 202, "{}", sent.text());
    let view = sent.json();
    assert_eq!(view["rendered"]["segments"]["count"], 1);
    let message = format!("/api/v1/messaging/messages/{}?include=content", view["message_id"].as_str().unwrap());
    let stored = world.get(&message).await.json();
    let text = stored.to_string();
    assert!(text.contains(view["rendered"]["body"].as_str().unwrap()), "{text}");
    assert!(text.contains("template_version") && text.contains(&reminder.to_string()), "TPL-002: {text}");
    let none = world.post(&path, &json!({"to": {}, "channel": "sms"})).await;
    assert_eq!(none.status, 422);
}

#[actix_web::test]
async fn a_megabyte_of_text_is_refused() {
    let world = World::new().await;
    for (bytes, status) in [(1 << 20, 413), (100 << 10, 422)] {
        let reply = world.post(EXACT, &json!({"name": "x", "body": "x".repeat(bytes)})).await;
        assert_eq!(reply.status, status);
    }
}
