//! The gate by HTTP: versions of its policy, what it would say, and what another policy would have done.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::{World, authorized, lock};

const GATE: &str = "/api/v1/messaging/gate";

async fn create(world: &World, body: Value) -> u64 {
    let reply = world.post(&format!("{GATE}/policies"), &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let version = reply.json()["version"].as_u64().unwrap();
    assert_eq!(reply.header("location").unwrap(), format!("{GATE}/policies/{version}"));
    version
}

async fn activate(world: &World, version: u64, body: Value) -> Value {
    let reply = world.post(&format!("{GATE}/policies/{version}/activate"), &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

async fn simulate(world: &World, body: Value) -> Value {
    let reply = world.post(&format!("{GATE}/simulate"), &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn rule<'a>(view: &'a Value, channel: usize, name: &str) -> &'a Value {
    let rules = view["channels"][channel]["rules"].as_array().unwrap();
    rules.iter().find(|rule| rule["rule"] == name).unwrap()
}

/// So that both channels have a sender.
async fn accounts(world: &World) {
    let path = format!("/api/v1/admin/tenants/{}/provider-accounts", world.tenant.tenant_id);
    for (name, vendor) in [("line", "twilio"), ("mail", "sendgrid")] {
        let body = json!({"name": name, "vendor": vendor, "sandbox": true});
        assert_eq!(world.post(&path, &body).await.status, 201, "{vendor}");
    }
}

#[actix_web::test]
async fn con_015_policies_are_versions_that_are_made_shown_activated_and_restored() {
    let world = World::new().await;
    let built_in = world.get(&format!("{GATE}/policy")).await.json();
    assert_eq!((built_in["version"].as_u64(), built_in["state"].as_str()), (Some(0), Some("active")));
    let one = create(&world, json!({"policy": {"caps": {"per_day": 3}}})).await;
    let two = create(&world, json!({"policy": {}})).await;
    assert_eq!((one, two), (1, 2));
    assert_eq!(world.get(&format!("{GATE}/policy")).await.json()["version"], 0, "drafts change nothing");
    assert_eq!(activate(&world, one, json!({})).await["state"], "active");
    assert_eq!(*lock(&world.engine.policy_changes), [world.tenant.tenant_id]);
    assert_eq!(world.get(&format!("{GATE}/policy")).await.json()["policy"]["caps"]["per_day"], 3);
    activate(&world, two, json!({})).await;
    let again = world.post(&format!("{GATE}/policies/{one}/activate"), &json!({})).await;
    assert_eq!(again.problem(), (409, "conflict".to_owned()));
    let three = create(&world, json!({"from_version": one})).await;
    let shown = world.get(&format!("{GATE}/policies/{three}")).await.json();
    assert_eq!((shown["state"].as_str(), &shown["policy"]["caps"]["per_day"]), (Some("draft"), &json!(3)));
    assert!(shown["created_by"].as_str().unwrap().starts_with("api_key:"));
    let later = activate(&world, three, json!({"activates_at": "2026-11-23T00:00:00Z"})).await;
    assert_eq!(
        (later["state"].as_str(), later["activates_at"].as_str()),
        (Some("draft"), Some("2026-11-23T00:00:00Z"))
    );
    assert_eq!(lock(&world.engine.policy_changes).len(), 2, "a plan is no news");
    let list = world.get(&format!("{GATE}/policies?limit=2")).await.json();
    let versions: Vec<u64> =
        list["items"].as_array().unwrap().iter().map(|one| one["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, [3, 2]);
    let next = list["next"].as_str().unwrap();
    assert_eq!(world.get(&format!("{GATE}/policies?cursor={next}")).await.json()["items"][0]["version"], 1);

    // Every step is in the trail.
    let trail = world.get(&format!("/api/v1/admin/tenants/{}/audit?limit=50", world.tenant.tenant_id)).await.json();
    let of_policy =
        |action: &str| trail["items"].as_array().unwrap().iter().filter(|one| one["action"] == action).count();
    assert_eq!((of_policy("gate_policy.create"), of_policy("gate_policy.activate")), (3, 3));
}

#[actix_web::test]
async fn a_policy_with_faults_is_refused_with_all_of_them() {
    let world = World::new().await;
    let table = [
        (json!({}), 422, vec![""]),
        (json!({"policy": {}, "from_version": 1}), 422, vec![""]),
        (json!({"policy": []}), 400, vec!["/policy"]),
        (json!({"policy": {"colour": "canary"}}), 400, vec!["/policy"]),
        (
            json!({"policy": {"caps": {"per_day": 0}, "practice": {"zones": ["Canary/Island"]}}}),
            422,
            vec!["/policy/practice/zones/0", "/policy/caps/per_day"],
        ),
        (
            json!({"preset": {"kind": "medical", "practice": {}}}),
            422,
            vec!["/preset/practice/portal_url", "/preset/practice/postal_address", "/preset/practice/zones"],
        ),
        (json!({"preset": {"kind": "veterinary", "practice": {}}}), 400, vec!["/preset/kind"]),
    ];
    for (body, status, pointers) in table {
        let reply = world.post(&format!("{GATE}/policies"), &body).await;
        assert_eq!(reply.problem().0, status, "{body}");
        let told = reply.pointers();
        assert!(told.iter().zip(&pointers).all(|(told, wanted)| told.starts_with(wanted)), "{body}: {told:?}");
        assert!(told.len() >= pointers.len(), "{body}: {told:?}");
        assert!(!reply.text().to_lowercase().contains("canary"), "{}", reply.text());
    }
    for (version, status) in [("7", 404), ("x", 404)] {
        for rest in ["activate", "dry-run"] {
            let reply = world.post(&format!("{GATE}/policies/{version}/{rest}"), &json!({})).await;
            assert_eq!(reply.status, status, "{version} {rest}");
        }
    }
    assert_eq!(world.post(&format!("{GATE}/policies"), &json!({"from_version": 7})).await.status, 404);
    assert_eq!(world.get(&format!("{GATE}/policies")).await.json(), json!({"items": []}));
}

#[actix_web::test]
async fn hub_003_the_simulation_names_each_rule_and_the_channel_that_it_would_take() {
    let world = World::new().await;
    accounts(&world).await;
    let to = json!({"phone": "+15005550006", "email": "pat@example.com"});
    let view = simulate(&world, json!({"to": to, "content": {"subject": "Visit", "body": "Tomorrow."}})).await;
    assert_eq!(
        (view["verdict"].as_str(), view["channel"].as_str(), &view["policy_version"]),
        (Some("go"), Some("sms"), &json!(0))
    );
    assert_eq!(view["channels"][0]["rules"].as_array().unwrap().len(), 15);
    assert!(view["channels"][0]["rules"].as_array().unwrap().iter().all(|rule| rule["verdict"] == "go"));

    // An opt-out closes the channel, and the next one is taken.
    let stop = json!({"channel": "sms", "address": "+15005550006", "reason": "staff"});
    let stopped = world.post("/api/v1/messaging/suppressions", &stop).await;
    assert!(stopped.status < 300, "{}", stopped.text());
    let view = simulate(&world, json!({"to": to})).await;
    assert_eq!((view["verdict"].as_str(), view["channel"].as_str()), (Some("go"), Some("email")));
    assert_eq!(rule(&view, 0, "suppression")["verdict"], "other_channel");
    let view = simulate(&world, json!({"to": to, "channels": ["sms"]})).await;
    assert_eq!((view["verdict"].as_str(), view["code"].as_str()), (Some("refuse"), Some("suppressed_by_staff")));

    // Advertising to somebody whom nobody here knows.
    let advertising = json!({"to": to, "channels": ["email"], "purpose": "marketing"});
    let view = simulate(&world, advertising).await;
    assert_eq!(view["code"], "sender_not_identified", "CAN-SPAM: not without a postal address");
    assert_eq!(rule(&view, 0, "consent")["code"], "no_marketing_consent");
    // By night, on the clock of the practice; `at` says when.
    let hours = json!({"policy": {"practice": {"zones": ["America/Chicago"]}}});
    let version = create(&world, hours).await;
    activate(&world, version, json!({})).await;
    let ask = json!({"to": {"phone": "+15005550007"}, "at": "2026-11-23T05:00:00Z"});
    let view = simulate(&world, ask).await;
    assert_eq!((view["verdict"].as_str(), view["code"].as_str()), (Some("wait"), Some("quiet_hours")));
    assert_eq!((view["until"].as_str(), &view["policy_version"]), (Some("2026-11-23T14:00:00Z"), &json!(version)));
    assert_eq!(rule(&view, 0, "quiet_hours")["until"], "2026-11-23T14:00:00Z");
    // Nothing was stored.
    assert_eq!(world.get("/api/v1/messaging/messages").await.json(), json!({"items": []}));
}

#[actix_web::test]
async fn the_simulation_asks_for_people_and_checks_what_it_is_asked() {
    let world = World::new().await;
    accounts(&world).await;
    let ana = json!({"external_id": "P-1", "contact_points": [
        {"channel": "email", "address": "ana@example.com"}, {"channel": "sms", "address": "+15005550006"}]});
    let ana = world.post("/api/v1/messaging/recipients", &ana).await.json()["id"].clone();
    let view = simulate(&world, json!({"recipient_id": ana})).await;
    let named: Vec<_> = view["channels"].as_array().unwrap().iter().map(|one| one["channel"].clone()).collect();
    assert_eq!(named, ["sms", "email", "in_app"], "as a message to her would be planned");
    let view = simulate(&world, json!({"recipient_id": ana, "channels": ["sms", "email"]})).await;
    assert_eq!((view["verdict"].as_str(), view["code"].as_str()), (Some("refuse"), Some("no_consent")), "con_009");
    let given = json!({"channel": "email", "purposes": ["transactional"]});
    let path = format!("/api/v1/messaging/recipients/{}/consents", ana.as_str().unwrap());
    let told = world.post(&path, &given).await;
    assert!(told.status < 300, "{}", told.text());
    let view = simulate(&world, json!({"recipient_id": ana, "channels": ["sms", "email"]})).await;
    assert_eq!((view["verdict"].as_str(), view["channel"].as_str()), (Some("go"), Some("email")));

    let table = [
        (json!({}), 422, "/to"),
        (json!({"recipient_id": world.tenant.tenant_id}), 422, "/recipient_id"),
        (json!({"to": {"phone": "+15005550006"}, "channels": ["in_app"]}), 422, "/to/in_app"),
        (json!({"to": {"phone": "5"}}), 422, "/to/phone"),
        (json!({"to": {"phone": "+15005550006"}, "type": "canary"}), 422, "/type"),
        (json!({"to": {"phone": "+15005550006"}, "at": "2020-01-01T00:00:00Z"}), 422, "/at"),
        (json!({"to": {"phone": "+15005550006"}, "when": "now"}), 400, "/when"),
    ];
    for (body, status, pointer) in table {
        let reply = world.post(&format!("{GATE}/simulate"), &body).await;
        assert_eq!((reply.problem().0, reply.pointers()), (status, vec![pointer.to_owned()]), "{body}");
        assert!(!reply.text().contains("canary"));
    }
}

#[actix_web::test]
async fn a_channel_that_is_paused_or_has_no_sender_waits_for_somebody() {
    let world = World::new().await;
    let ask = json!({"to": {"phone": "+15005550006"}});
    let view = simulate(&world, ask.clone()).await;
    assert_eq!((view["verdict"].as_str(), view["code"].as_str()), (Some("wait"), Some("provider_config")));
    accounts(&world).await;
    assert_eq!(simulate(&world, ask.clone()).await["verdict"], "go");
    let settings = format!("/api/v1/admin/tenants/{}/settings", world.tenant.tenant_id);
    let paused = TestRequest::put().uri(&settings).set_json(json!({"paused_channels": ["sms"]}));
    assert_eq!(world.call(paused).await.status, 200);
    let view = simulate(&world, ask).await;
    assert_eq!((view["code"].as_str(), rule(&view, 0, "pause")["verdict"].as_str()), (Some("paused"), Some("wait")));
}

#[actix_web::test]
async fn con_015_a_dry_run_counts_what_a_draft_would_change_and_changes_nothing() {
    let world = World::new().await;
    for number in 0..300 {
        let body =
            json!({"to": {"phone": format!("+1500555{:04}", 2000 + number % 10)}, "content": {"body": "canary"}});
        assert_eq!(world.post("/api/v1/messaging/messages", &body).await.status, 202);
    }
    let capped = json!({"policy": {"caps": {"per_day": 20, "when_reached": "refuse"}}});
    let version = create(&world, capped).await;
    let path = format!("{GATE}/policies/{version}/dry-run");
    let run = || world.call(TestRequest::post().uri(&path));
    let reply = run().await;
    let view = reply.json();
    assert_eq!(reply.status, 200, "{view}");
    // Ten people with thirty messages each, of which twenty are allowed.
    assert_eq!((&view["asked"], &view["same"], &view["newly_refused"]), (&json!(300), &json!(200), &json!(100)));
    assert_eq!((&view["is_whole"], &view["unread"], &view["against_version"]), (&json!(true), &json!(0), &json!(0)));
    let by_rule =
        json!([{"rule": "caps", "channel": "sms", "code": "cap_per_day", "change": "newly_refused", "count": 100}]);
    assert_eq!((&view["by_rule"], view["examples"].as_array().unwrap().len()), (&by_rule, 20));
    assert!(!reply.text().contains("canary"));
    // One at a time.
    let _turn = world.state.dry_runs.try_acquire().unwrap();
    let busy = run().await;
    assert_eq!((busy.problem(), busy.json()["limit"].as_str()), ((503, "unavailable".to_owned()), Some("dry_runs")));
    assert_eq!(world.get(&format!("{GATE}/policies/{version}")).await.json()["state"], "draft");
    let messages = world.get("/api/v1/messaging/messages?limit=200&status=queued").await.json();
    assert_eq!(messages["items"].as_array().unwrap().len(), 200, "they lie where they lay");
}

#[actix_web::test]
async fn a_preset_holds_from_the_making_of_a_tenant_on() {
    let world = World::new().await;
    let create = |body: Value| world.admin(TestRequest::post().uri("/api/v1/admin/tenants").set_json(body));
    let practice = json!({"postal_address": "1 Example Street, Springfield, IL 62701", "phone": "+12025550143",
        "zones": ["America/Chicago"], "portal_url": "https://portal.example"});
    let mut body = json!({"slug": "lakeside", "display_name": "Lakeside"});
    body["preset"] = json!({"kind": "orthodontics", "practice": {}});
    let refused = create(body.clone()).await;
    assert_eq!(refused.problem().0, 422);
    assert!(refused.pointers().contains(&"/preset/practice/postal_address".to_owned()), "{:?}", refused.pointers());
    body["preset"]["practice"] = practice;
    let made = create(body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let path = format!("/api/v1/admin/tenants/{}/api-keys", made.json()["id"].as_str().unwrap());
    let key = json!({"name": "gate", "scopes": ["gate:read"]});
    let key = world.admin(TestRequest::post().uri(&path).set_json(key)).await.json()["secret"].clone();
    let get = authorized(TestRequest::get().uri("/api/v1/messaging/gate/policy"), key.as_str().unwrap());
    let policy = world.send(get).await.json();
    assert_eq!((policy["version"].as_u64(), policy["state"].as_str()), (Some(1), Some("active")));
    assert_eq!(policy["policy"]["practice"]["name"], "Lakeside");
    assert_eq!(policy["policy"]["reminders"]["hours_before"], json!([48]), "c08");
    let types = authorized(TestRequest::get().uri("/api/v1/messaging/gate/message-types"), key.as_str().unwrap());
    let types = world.send(types).await.json();
    assert_eq!(types["policy_version"], 1);
    assert!(types["items"].as_array().unwrap().len() > 40);
    // Others keep the built-in one.
    assert_eq!(world.get(&format!("{GATE}/policy")).await.json()["version"], 0);
}
