//! What goes along with a request that is passed on, and which may be sent twice.

use actix_web::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::test::TestRequest;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carepost_consent::tokens::{LinkUse, Subject};
use carepost_tenancy::LinkTag;

use super::*;
use crate::http::tests::support::{World, noon};

#[test]
fn what_belongs_to_one_connection_stays_behind() {
    let request = TestRequest::post()
        .insert_header((CONNECTION, "keep-alive, X-Hop"))
        .insert_header(("x-hop", "1"))
        .insert_header(("te", "trailers"))
        .insert_header(("host", "care.example"))
        .insert_header(("authorization", "Bearer key"))
        .append_header(("x-many", "1"))
        .append_header(("x-many", "2"))
        .to_http_request();
    let along = passed_on(request.headers());
    let mut names: Vec<&str> = along.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["authorization", "x-many", "x-many"]);
}

#[test]
fn del_2_only_what_comes_to_the_same_is_sent_twice() {
    let check = |path: &str, key: Option<&str>, connection: &str, expected: bool| {
        let mut request = TestRequest::post().uri(path).insert_header((CONNECTION, connection));
        if let Some(key) = key {
            request = request.insert_header(("idempotency-key", key));
        }
        let request = request.to_http_request();
        assert_eq!(may_be_repeated(&request, &passed_on(request.headers())), expected, "{path} {key:?}");
    };
    check(CREATE_MESSAGE, Some("visit-1"), "keep-alive", true);
    check(CREATE_MESSAGE, None, "keep-alive", false);
    // A key that does not go along does not make the second one harmless.
    check(CREATE_MESSAGE, Some("visit-1"), "idempotency-key", false);
    check(CREATE_BATCH, Some("visit-1"), "keep-alive", false);
    check(REDRIVE, Some("visit-1"), "keep-alive", false);
    check("/webhooks/twilio/token", None, "keep-alive", true);
    check("/api/v1/messaging/messages/0/cancel", None, "keep-alive", true);
}

#[test]
fn bodies_of_a_known_and_modest_size_are_held() {
    let held = |request: TestRequest| can_be_held(&request.to_http_request());
    assert!(held(TestRequest::get()));
    assert!(held(TestRequest::post().insert_header((CONTENT_LENGTH, "1048576"))));
    assert!(!held(TestRequest::post().insert_header((CONTENT_LENGTH, "1048577"))));
    assert!(!held(TestRequest::post().insert_header((TRANSFER_ENCODING, "chunked"))));
}

#[test]
fn the_path_goes_along_as_it_came() {
    let request = TestRequest::get().uri("/webhooks/vonage/token?text=a%20b&to=1").to_http_request();
    let url = target("http://10.0.0.2:8080/", &request).unwrap();
    assert_eq!(url.as_str(), "http://10.0.0.2:8080/webhooks/vonage/token?text=a%20b&to=1");
    assert_eq!(target("not an address", &request), None);
}

#[actix_web::test]
async fn con_011_what_recipients_do_goes_to_the_process_of_their_tenant() {
    let world = World::new().await;
    let (handle, tenant_id) = (world.handle().await, world.tenant.tenant_id);
    let token = tokens::issue(&handle, LinkUse::Unsubscribe, &Subject::default(), noon()).unwrap();
    let tag = LinkTag::of(tenant_id);
    let short = URL_SAFE_NO_PAD.encode([tag.as_bytes().as_slice(), &[7; 10]].concat());
    for (path, token, expected) in [
        ("/u/{token}", token.as_str(), Some(tenant_id)),
        ("/p/{token}", token.as_str(), Some(tenant_id)),
        ("/l/{token}", short.as_str(), Some(tenant_id)),
        ("/l/{token}", "AAAAAAAAAAAAAAAAAAAAAA", None),
        ("/o/{token}", short.as_str(), Some(tenant_id)),
        ("/o/{token}", "AAAAAAAAAAAAAAAAAAAAAA", None),
        ("/u/{token}", "x", None),
        ("/webhooks/twilio/{token}", token.as_str(), None),
    ] {
        let uri = path.replace("{token}", token);
        let request = TestRequest::post().uri(&uri).param("token", token.to_owned()).to_http_request();
        assert_eq!(tenant_of(&request, &world.state).await, expected, "{path}");
    }
}
