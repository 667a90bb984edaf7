//! Keys, scopes, methods, sizes, types, headers: what is the same for every path.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use actix_web::App;
use actix_web::dev::ServerHandle;
use actix_web::test::{TestRequest, call_service, init_service};
use carepost_kernel::Secret;
use carepost_tenancy::{NewTenant, PlacementChoice, Scope, TenantSettings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use super::support::{ADMIN_TOKEN, World, authorized};
use crate::http::{configure, openapi, operations};

const MESSAGES: &str = "/api/v1/messaging/messages";

/// A path with ids of nobody in it.
fn filled(pattern: &str) -> String {
    let id = Uuid::nil().to_string();
    pattern
        .replace("{id}", &id)
        .replace("{tenant}", &id)
        .replace("{vendor}", "twilio")
        .replace("{version}", "1")
        .replace("{token}", "none")
}

fn request(method: &str, pattern: &str) -> TestRequest {
    TestRequest::with_uri(&filled(pattern)).method(method.parse().unwrap()).set_json(json!({}))
}

#[actix_web::test]
async fn every_operation_wants_a_key() {
    let world = World::new().await;
    let open = ["/health/", "/webhooks/", "/l/", "/o/", "/p/", "/u/"];
    let is_open = |path: &str| open.iter().any(|start| path.starts_with(start));
    for (method, path) in operations().into_iter().filter(|(_, path)| !is_open(path)) {
        let reply = world.send(request(method, path)).await;
        assert_eq!(reply.problem(), (401, "unauthenticated".to_owned()), "{method} {path}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{method} {path}");
        let reply = world.send(authorized(request(method, path), "cp_wrong")).await;
        assert_eq!(reply.status, 401, "{method} {path}");
    }
    let reply = world.send(TestRequest::get().uri(&format!("{MESSAGES}?api_key={}", world.key))).await;
    assert_eq!(reply.status, 401, "a key in the address is no key");
}

#[actix_web::test]
async fn every_operation_of_a_tenant_wants_its_scope() {
    let world = World::new().await;
    let scopes_of = |path: &str, method: &str| -> &[Scope] {
        match path {
            _ if path.starts_with("/api/v1/admin/tenants/") => &[Scope::AdminTenant],
            _ if path.contains("/bulk-sends") => &[Scope::BulkSend],
            _ if path.ends_with("/test-send") => &[Scope::TemplatesManage, Scope::MessagesWrite],
            _ if path.contains("templates") => {
                let reads = ["/validate", "/render", "/preview"].iter().any(|end| path.ends_with(end));
                if method == "GET" || reads { &[Scope::TemplatesRead] } else { &[Scope::TemplatesManage] }
            }
            _ if path.contains("/gate/") => {
                let reads = method == "GET" || path.ends_with("/simulate");
                if reads { &[Scope::GateRead] } else { &[Scope::GateManage] }
            }
            _ if path.contains("/events") => &[Scope::EventsRead],
            _ if path.contains("/in-app/") => &[Scope::MessagesRead, Scope::MessagesContent],
            _ if path.ends_with("/inbound") => &[Scope::MessagesContent],
            _ if path.contains("/suppressions") || path.contains("/recipients") => match (path, method) {
                (_, "GET") => &[Scope::RecipientsRead],
                (path, _) if path.ends_with("/search") => &[Scope::RecipientsRead],
                (path, _)
                    if ["/consents", "/preferences", "/terms", "/suppressions"]
                        .iter()
                        .any(|one| path.contains(one)) =>
                {
                    &[Scope::ConsentWrite]
                }
                _ => &[Scope::RecipientsWrite],
            },
            _ if method == "GET" || path.ends_with("/search") => &[Scope::MessagesRead],
            _ => &[Scope::MessagesWrite],
        }
    };
    for (method, path) in operations() {
        let tenants = ["/api/v1/messaging/", "/api/v1/admin/tenants/", "/api/message-templates"];
        let is_tenants = tenants.iter().any(|start| path.starts_with(start));
        for missing in scopes_of(path, method).iter().filter(|_| is_tenants) {
            let rest: Vec<Scope> = Scope::ALL.iter().copied().filter(|scope| scope != missing).collect();
            let reply = world.send(authorized(request(method, path), &world.key_with(&rest).await)).await;
            assert_eq!(reply.problem(), (403, "forbidden".to_owned()), "{method} {path}");
            assert!(reply.text().contains(missing.as_str()), "{method} {path}");
        }
    }
    for path in ["/api/v1/admin/tenants", "/api/v1/admin/actors"] {
        assert_eq!(world.get(path).await.problem(), (403, "forbidden".to_owned()), "{path}");
    }
}

/// The sets of scopes, each of which the document says is enough for an operation; none: its keys are not the tenants'.
fn documented_scopes(document: &Value, (method, path): (&str, &str)) -> Vec<BTreeSet<Scope>> {
    let ways = document["paths"][path][method.to_lowercase()]["security"].as_array().cloned().unwrap_or_default();
    let scopes = |way: &Value| -> Option<BTreeSet<Scope>> {
        let names = way.get("api_key")?.as_array().unwrap();
        Some(names.iter().map(|name| name.as_str().unwrap().parse().unwrap()).collect())
    };
    ways.iter().filter_map(scopes).collect()
}

#[actix_web::test]
async fn every_operation_is_open_to_exactly_the_scopes_of_the_document() {
    let world = World::new().await;
    let document: Value = serde_json::from_slice(&openapi::render()).unwrap();
    let all: BTreeSet<Scope> = Scope::ALL.iter().copied().collect();
    let mut sets: BTreeSet<BTreeSet<Scope>> = BTreeSet::new();
    let is_open =
        |operation: (&str, &str)| document["paths"][operation.1][operation.0.to_lowercase()].get("security").is_none();
    let asked: Vec<_> = operations().into_iter().filter(|operation| !is_open(*operation)).collect();
    // Each scope alone, what the document says is enough, and all but one of that.
    sets.extend(all.iter().map(|one| BTreeSet::from([*one])));
    sets.extend(asked.iter().flat_map(|operation| documented_scopes(&document, *operation)));
    sets.extend(all.iter().map(|one| all.iter().copied().filter(|scope| scope != one).collect()));
    // One server for all: these are a thousand requests.
    let app = init_service(App::new().configure(configure(world.state.clone()))).await;
    let mut wrong = Vec::new();
    for scopes in sets {
        let key = world.key_with(&scopes.iter().copied().collect::<Vec<_>>()).await;
        for (method, path) in &asked {
            let ways = documented_scopes(&document, (method, path));
            let may = ways.iter().any(|way| way.is_subset(&scopes));
            if may && scopes.len() + 1 == all.len() {
                continue;
            }
            let uri = path.replace("{tenant}", &world.tenant.tenant_id.to_string());
            let request = authorized(request(method, &uri), &key).to_request();
            // It may be a stream, which ends with its answer here.
            let status = call_service(&app, request).await.status().as_u16();
            assert!(status != 401 && status < 500, "{method} {path}: {status}");
            if (status != 403) != may {
                wrong.push(format!("{method} {path}: {status} with {scopes:?}, the document has {ways:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[actix_web::test]
async fn another_tenants_ids_and_unknown_ones_look_the_same() {
    let world = World::new().await;
    let (other, _) = world.other_tenant().await;
    let paths = [
        format!("/api/v1/admin/tenants/{}", other.tenant_id),
        format!("/api/v1/admin/tenants/{}/settings", other.tenant_id),
        format!("/api/v1/admin/tenants/{}/api-keys", other.tenant_id),
        format!("/api/v1/admin/tenants/{}", Uuid::nil()),
        "/api/v1/admin/tenants/none".to_owned(),
        "/api/v1/messaging/gate/policies/1".to_owned(),
        "/api/v1/messaging/gate/policies/none".to_owned(),
        format!("{MESSAGES}/{}", Uuid::nil()),
        format!("{MESSAGES}/none"),
        format!("{MESSAGES}/{}/timeline", Uuid::nil()),
        format!("/api/v1/messaging/bulk-sends/{}", Uuid::nil()),
        format!("/api/v1/messaging/bulk-sends/{}/rows", Uuid::nil()),
        format!("/api/v1/messaging/recipients/{}", Uuid::nil()),
        format!("/api/v1/messaging/recipients/{}/consents", Uuid::nil()),
        format!("/api/v1/messaging/recipients/{}/preferences", Uuid::nil()),
        format!("/api/v1/messaging/recipients/{}/preferences/history", Uuid::nil()),
        format!("/api/v1/messaging/recipients/{}/terms", Uuid::nil()),
    ];
    for path in paths {
        assert_eq!(world.get(&path).await.problem(), (404, "not_found".to_owned()), "{path}");
    }
    let unknown = format!("/api/v1/admin/tenants/{}/audit", Uuid::nil());
    assert_eq!(world.admin(TestRequest::get().uri(&unknown)).await.status, 404);
}

#[actix_web::test]
async fn other_methods_are_405_and_other_paths_404() {
    let world = World::new().await;
    for (method, path, allow) in [
        ("DELETE", MESSAGES.to_owned(), "GET, POST"),
        ("GET", format!("{MESSAGES}/batch"), "POST"),
        ("PUT", "/health/live".to_owned(), "GET"),
        ("MADEUP", "/webhooks/twilio/none".to_owned(), "GET, POST"),
        ("POST", "/o/none".to_owned(), "GET, HEAD"),
    ] {
        let reply = world.call(request(method, &path)).await;
        assert_eq!(reply.problem(), (405, "method_not_allowed".to_owned()), "{method} {path}");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
    for path in ["/", "/api/v1/messaging", "/api/v1/messaging/messages/", "/webhooks/twilio", "/docs/errors/none"] {
        assert_eq!(world.get(path).await.problem(), (404, "route_not_found".to_owned()), "{path}");
    }
}

#[actix_web::test]
async fn bodies_of_another_type_or_over_the_limit_are_refused_unread() {
    let world = World::new().await;
    let post = || TestRequest::post().uri(MESSAGES);
    let plain = [
        post().set_payload("{}"),
        post().insert_header(("content-type", "text/plain")).set_payload("{}"),
        post().insert_header(("content-type", "application/x-www-form-urlencoded")).set_payload("to=x"),
        post().set_json(json!({})).insert_header(("content-encoding", "gzip")),
    ];
    for request in plain {
        assert_eq!(world.call(request).await.problem(), (415, "unsupported_media_type".to_owned()));
    }
    let large = "x".repeat(world.state.limits.message_body_bytes);
    let reply = world.post(MESSAGES, &json!({"content": {"body": large}})).await;
    assert_eq!(reply.problem(), (413, "body_too_large".to_owned()));
    let charset = post().insert_header(("content-type", "Application/JSON; charset=utf-8")).set_payload("{");
    assert_eq!(world.call(charset).await.problem(), (400, "malformed_json".to_owned()));
}

#[actix_web::test]
async fn del_12_large_bodies_share_their_room_and_give_it_back() {
    let world = World::new().await;
    // More than the first step of a body, and more than what others leave.
    let batch = json!({"messages": [{"content": {"body": "x".repeat(100 << 10)}}]});
    let path = "/api/v1/messaging/messages/batch";
    let room = world.state.large_bodies.available_permits();
    let others = world.state.large_bodies.clone().try_acquire_many_owned(u32::try_from(room).unwrap()).unwrap();
    let refused = world.post(path, &batch).await;
    assert_eq!(
        (refused.problem(), refused.json()["limit"].as_str()),
        ((503, "unavailable".to_owned()), Some("large_bodies"))
    );
    assert!(refused.header("retry-after").is_some());
    assert_eq!(world.post(MESSAGES, &json!({})).await.status, 422, "small ones need none");
    drop(others);
    assert_eq!(world.post(path, &batch).await.status, 202);
    assert_eq!(world.state.large_bodies.available_permits(), room);
}

#[actix_web::test]
async fn del_12_more_than_can_be_taken_in_is_refused_before_it_is_read() {
    let world = World::new().await;
    let mut under_way = world.state.intake.place(world.tenant.tenant_id, 0).unwrap();
    under_way.take_body(world.state.limits.intake_bytes).unwrap();
    for path in [MESSAGES, "/api/v1/messaging/messages/batch"] {
        // Not even a body that is none.
        let refused = world.post(path, &json!("nonsense")).await;
        assert_eq!(
            (refused.problem(), refused.json()["limit"].as_str()),
            ((429, "throttled".to_owned()), Some("intake"))
        );
        assert!(refused.header("retry-after").is_some());
    }
    assert_eq!(world.get(MESSAGES).await.status, 200, "what brings no messages needs no room");
    drop(under_way);
    assert_eq!(world.post(MESSAGES, &json!({})).await.status, 422);
}

/// The world's server on a socket, until it is stopped.
fn serve(world: &World) -> (SocketAddr, ServerHandle) {
    let state = world.state.clone();
    let server = actix_web::HttpServer::new(move || App::new().configure(configure(state.clone())));
    let server = server.workers(1).bind("127.0.0.1:0").unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, handle)
}

/// The next answer on a connection.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&seen);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                return text.into_owned();
            }
        }
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "the connection was closed");
    }
}

#[actix_web::test]
async fn del_12_a_caller_who_is_refused_keeps_its_connection() {
    let world = World::new().await;
    let mut under_way = world.state.intake.place(world.tenant.tenant_id, 0).unwrap();
    under_way.take_body(world.state.limits.intake_bytes).unwrap();
    let (address, handle) = serve(&world);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = vec![b'x'; 200_000];
    let head = format!(
        "POST {MESSAGES} HTTP/1.1\r\nHost: care.example.com\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        world.key,
        body.len()
    );
    for _ in 0..3 {
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    }
    handle.stop(false).await;
}

#[actix_web::test]
async fn a_caller_who_is_still_sending_sees_the_answer() {
    let world = World::new().await;
    let (address, handle) = serve(&world);
    let client = reqwest::Client::new();
    let large = vec![b'x'; world.state.limits.message_body_bytes * 3 / 2];
    for _ in 0..20 {
        let post = client.post(format!("http://{address}{MESSAGES}")).header("content-type", "application/json");
        let reply = post.bearer_auth(&world.key).body(large.clone()).send().await.unwrap();
        assert_eq!(reply.status(), 413);
    }
    for _ in 0..20 {
        let post = client.post(format!("http://{address}{MESSAGES}")).header("content-type", "application/json");
        assert_eq!(post.body(large.clone()).send().await.unwrap().status(), 401);
    }
    handle.stop(false).await;
}

#[actix_web::test]
async fn wrong_parameters_are_told_all_at_once() {
    let world = World::new().await;
    let reply = world.get(&format!("{MESSAGES}?limit=0&cursor=x&status=sent,canary&colour=red&limit=5")).await;
    assert_eq!(reply.problem(), (400, "invalid_request".to_owned()));
    let problem = reply.json();
    let named: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|fault| fault["parameter"].as_str()).collect();
    assert_eq!(named, [None, Some("limit"), Some("cursor"), Some("limit"), Some("status")]);
    assert!(!reply.text().contains("canary") && !reply.text().contains("colour"), "{}", reply.text());
    let reply = world.get(&format!("{MESSAGES}?limit=200&status=sent,failed&channel=sms&purpose=treatment")).await;
    assert_eq!((reply.status, reply.json()), (200, json!({"items": []})));
}

#[actix_web::test]
async fn every_answer_is_guarded_and_carries_its_id() {
    let world = World::new().await;
    for path in ["/health/live", "/api/v1/openapi.json", MESSAGES, "/none", "/docs/", "/docs/errors/internal"] {
        let reply = world.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
        assert!(reply.header("strict-transport-security").is_some(), "{path}");
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(policy.contains("script-src"), path.starts_with("/docs"), "{path}");
        let cached = reply.header("cache-control").unwrap();
        assert_eq!(cached == "no-store", !path.starts_with("/docs"), "{path}: {cached}");
        assert!(reply.header("x-request-id").unwrap().parse::<Uuid>().is_ok(), "{path}");
    }
    let id = "0192a6f0-0000-7000-8000-00000000abcd";
    let reply = world.call(TestRequest::get().uri("/none").insert_header(("x-request-id", id))).await;
    assert_eq!((reply.header("x-request-id"), reply.json()["instance"].as_str()), (Some(id), Some(id)));
    let reply = world.call(TestRequest::get().uri("/none").insert_header(("x-request-id", "pat canary"))).await;
    assert_ne!(reply.header("x-request-id"), Some("pat canary"));
}

#[actix_web::test]
async fn health_and_documents_need_no_key() {
    let world = World::new().await;
    let open = |path: &'static str| world.send(TestRequest::get().uri(path));
    assert_eq!(open("/health/live").await.json(), json!({"status": "ok"}));
    let ready = open("/health/ready").await;
    assert_eq!((ready.status, ready.json()["placements_ready"].as_u64()), (200, Some(1)));
    assert_eq!(open("/api/v1/openapi.json").await.json()["info"]["title"], "carepost");
    assert_eq!(open("/docs").await.header("location"), Some("/docs/"));
    assert!(open("/docs/").await.text().contains("swagger-ui"));
    assert!(open("/docs/swagger-initializer.js").await.text().contains("/api/v1/openapi.json"));
    assert!(open("/docs/errors/throttled").await.text().starts_with("# throttled"));
}

#[actix_web::test]
async fn without_an_open_placement_the_process_is_not_ready() {
    let mut world = World::new().await;
    world.state.placements = carepost_actors::Placements::default();
    let ready = world.send(TestRequest::get().uri("/health/ready")).await;
    assert_eq!((ready.status, ready.json()["status"].as_str()), (503, Some("unavailable")));
    let reply = world.get(MESSAGES).await;
    assert_eq!(reply.problem(), (503, "unavailable".to_owned()));
    assert!(reply.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
}

#[actix_web::test]
async fn a_tenants_own_database_that_is_away_leaves_the_others_served() {
    let world = World::new().await;
    let url = Secret::new("postgres://nobody@127.0.0.1:9/nothing".to_owned());
    let new = NewTenant {
        slug: "own-house".to_owned(),
        display_name: "Clinic own house".to_owned(),
        placement: PlacementChoice::OwnDatabase { url },
        settings: TenantSettings::default(),
    };
    // Recorded, and never opened in this process.
    let by = carepost_audit::Actor::Cli("tester".to_owned());
    let made = world.state.directory.create_tenant(&by, new, |_| async { Ok(()) }).await.unwrap();
    let ready = world.send(TestRequest::get().uri("/health/ready")).await;
    let body = ready.json();
    assert_eq!((ready.status, body["status"].as_str()), (200, Some("degraded")));
    assert_eq!((body["placements_ready"].as_u64(), body["placements_total"].as_u64()), (Some(1), Some(2)));
    assert_eq!(body["degraded"], json!([format!("placement:{}", made.placement_id)]));
}

#[actix_web::test]
async fn without_a_token_the_platform_is_closed() {
    let mut world = World::new().await;
    let actors = || authorized(TestRequest::get().uri("/api/v1/admin/actors"), ADMIN_TOKEN);
    let reply = world.send(actors()).await;
    assert_eq!((reply.status, reply.json()["items"][0]["path"].as_str()), (200, Some("root")));
    world.state.admin_token_hash = None;
    assert_eq!(world.send(actors()).await.problem(), (401, "unauthenticated".to_owned()));
}
