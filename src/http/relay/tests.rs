//! What goes along with a request that is passed on, and which may be sent twice.

use actix_web::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::test::TestRequest;

use super::*;

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
