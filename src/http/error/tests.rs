//! Codes, statuses, pages.

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::body::to_bytes;
use carepost_actors::{EngineError, Limit};
use carepost_providers::WebhookError;
use serde_json::Value;

use super::*;

async fn answer(error: &ApiError) -> (u16, Option<String>, Value) {
    let response = error.respond(Some(Uuid::nil()));
    assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
    let retry_after = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body()).await.unwrap();
    (status, retry_after, serde_json::from_slice(&body).unwrap())
}

#[test]
fn each_code_has_a_page_that_says_what_it_means_and_what_to_do() {
    for code in Code::ALL {
        let text = page(code.as_str()).unwrap_or_else(|| panic!("{} has no page", code.as_str()));
        assert!(text.starts_with(&format!("# {}\n\nStatus {}.", code.as_str(), code.status().as_u16())), "{text}");
        assert!(text.contains("## What it means\n") && text.contains("## What to do\n"), "{text}");
    }
}

#[test]
fn there_is_no_page_without_a_code() {
    let codes: BTreeSet<String> = Code::ALL.iter().map(|code| format!("{}.md", code.as_str())).collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors");
    let files = std::fs::read_dir(folder).unwrap();
    let files: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, codes);
}

#[actix_web::test]
async fn every_kind_has_its_status() {
    let table = [
        (ErrorKind::Invalid, 422, "validation_failed"),
        (ErrorKind::Unauthenticated, 401, "unauthenticated"),
        (ErrorKind::Forbidden, 403, "forbidden"),
        (ErrorKind::NotFound, 404, "not_found"),
        (ErrorKind::Conflict, 409, "conflict"),
        (ErrorKind::KeyReused, 422, "idempotency_key_reused"),
        (ErrorKind::TooLarge, 413, "body_too_large"),
        (ErrorKind::Throttled, 429, "throttled"),
        (ErrorKind::Unavailable, 503, "unavailable"),
        (ErrorKind::Internal, 500, "internal"),
    ];
    for (kind, expected, code) in table {
        let (status, retry_after, problem) = answer(&ApiError::new(code_of(kind), "why")).await;
        assert_eq!((status, problem["code"].as_str()), (expected, Some(code)));
        assert_eq!(problem["type"], format!("/docs/errors/{code}"));
        assert_eq!(problem["status"], expected);
        assert_eq!(problem["instance"], Uuid::nil().to_string());
        assert_eq!(retry_after.is_some(), [429, 503].contains(&status), "{code}");
    }
}

#[actix_web::test]
async fn del_12_a_limit_is_named_and_the_wait_is_a_whole_number_of_seconds() {
    for (wait_ms, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (59_500, 60)] {
        let error = EngineError::Throttled { limit: Limit::TenantRate, retry_after: Duration::from_millis(wait_ms) };
        let (status, retry_after, problem) = answer(&error.into()).await;
        assert_eq!((status, problem["limit"].as_str()), (429, Some("tenant_rate")));
        assert_eq!(retry_after, Some(seconds.to_string()));
        assert_eq!(problem["retry_after_seconds"], seconds);
    }
    let error = EngineError::Overloaded { limit: Limit::IngestQueue, retry_after: Duration::from_secs(1) };
    let (status, retry_after, problem) = answer(&error.into()).await;
    assert_eq!((status, problem["limit"].as_str()), (503, Some("ingest_queue")));
    assert_eq!(retry_after.as_deref(), Some("1"));
    let error = EngineError::Unavailable { reason: "the database is away", retry_after: Duration::from_secs(3) };
    let (status, retry_after, problem) = answer(&error.into()).await;
    assert_eq!((status, retry_after.as_deref(), &problem["detail"]), (503, Some("3"), &"the database is away".into()));
}

#[actix_web::test]
async fn a_missing_key_is_asked_for_and_other_methods_are_listed() {
    let response = ApiError::new(Code::Unauthenticated, "no key").respond(None);
    assert_eq!(response.headers().get(WWW_AUTHENTICATE).unwrap(), "Bearer");
    let response = ApiError::method_not_allowed("GET, POST".to_owned()).respond(None);
    assert_eq!(response.status().as_u16(), 405);
    assert_eq!(response.headers().get(ALLOW).unwrap(), "GET, POST");
}

#[actix_web::test]
async fn webhook_errors_have_statuses_that_vendors_understand() {
    let table = [
        (WebhookError::Signature, 403),
        (WebhookError::Stale, 403),
        (WebhookError::Malformed("is not a form"), 400),
        (WebhookError::Unavailable, 503),
    ];
    for (error, expected) in table {
        assert_eq!(answer(&error.into()).await.0, expected, "{error}");
    }
}

#[test]
fn pointers_move_below_a_prefix() {
    let error = ApiError::field(Code::ValidationFailed, "/to/phone", "is wrong").below("/messages/3");
    assert_eq!(error.view(None).errors[0].pointer.as_deref(), Some("/messages/3/to/phone"));
}
