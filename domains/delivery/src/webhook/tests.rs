//! Signatures against published vectors, and the small rules around them.

use carepost_kernel::{Channel, EventId, FailureClass, MessageId, TenantId};

use super::*;
use crate::types::{DeliveryKey, DeliveryState, EventKind};

fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().expect("a time")
}

fn event(kind: EventKind) -> DeliveryEvent {
    let key =
        DeliveryKey { tenant_id: TenantId::new(noon()), message_id: MessageId::new(noon()), channel: Channel::Sms };
    DeliveryEvent::new(key, kind, 2, noon())
}

#[test]
fn signatures_match_the_published_and_our_own_vectors() {
    // The first two are those of the reference libraries' own tests (standard-webhooks/standard-webhooks, and the
    // example of its specification); the third was computed with Python's hmac module.
    let table = [
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            "whsec_plJ3nmyCDGBKInavdOK15jsl",
            "msg_loFOjxBNrRLzqYUf",
            1_731_705_121,
            r#"{"event_type":"ping","data":{"success":true}}"#,
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        ),
        (
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "01936000-0000-7000-8000-000000000001",
            1_790_000_000,
            r#"{"type":"delivery.receipt"}"#,
            "v1,DRjRT7e8Qitb4unEdI5P18dv/tIr068GDitXkTrgi98=",
        ),
    ];
    for (secret, id, timestamp_s, body, expected) in table {
        assert_eq!(sign(&Secret::from(secret), id, timestamp_s, body.as_bytes()).as_deref(), Ok(expected), "{id}");
    }
}

#[test]
fn a_secret_of_another_form_signs_nothing() {
    for secret in ["", "whsec_", "whsec_%%", "plain"] {
        assert_eq!(sign(&Secret::from(secret), "id", 0, b"{}"), Err(SecretForm), "{secret}");
    }
}

#[test]
fn del_9_the_body_holds_ids_states_and_codes() {
    let event = DeliveryEvent {
        state: Some(DeliveryState::Failed),
        failure_class: Some(FailureClass::Permanent),
        code: Some("twilio_30003".to_owned()),
        ..event(EventKind::AttemptFinished)
    };
    let body: serde_json::Value = serde_json::from_slice(&body(&event)).expect("JSON");
    let expected = serde_json::json!({
        "type": "delivery.attempt_finished",
        "timestamp": "2026-11-22T12:00:00Z",
        "data": {
            "id": event.event_id,
            "type": "delivery.attempt_finished",
            "message_id": event.key.message_id,
            "channel": "sms",
            "at": "2026-11-22T12:00:00Z",
            "attempt": 2,
            "status": "failed",
            "failure_class": "permanent",
            "code": "twilio_30003",
        },
    });
    assert_eq!(body, expected);
}

#[test]
fn an_endpoint_hears_what_it_wants() {
    let told = event(EventKind::ReceiptMerged);
    assert!(wants(&[], &told));
    assert!(wants(&["delivery.closed".to_owned(), "delivery.receipt_merged".to_owned()], &told));
    assert!(!wants(&["delivery.closed".to_owned()], &told));
}

#[test]
fn the_first_id_of_an_instant_sorts_before_its_events() {
    let later = noon() + SignedDuration::from_millis(1);
    let told = event(EventKind::Waiting);
    assert!(EventId::first_at(noon()) < told.event_id && told.event_id < EventId::first_at(later));
}

#[test]
fn waits_grow_to_an_hour_and_never_end() {
    let seconds = |failures| wait_after(failures, 0.999_999).as_secs_f64().round();
    assert_eq!([0, 1, 2, 3, 12, 13, 100_000].map(seconds), [1.0, 1.0, 2.0, 4.0, 2_048.0, 3_600.0, 3_600.0]);
    assert_eq!(wait_after(1, 0.0), Duration::from_millis(500));
}

#[test]
fn an_endpoint_fails_after_many_tries_over_five_days() {
    let day = SignedDuration::from_hours(24);
    for (failures, days, expected) in [(13, 5, true), (200, 9, true), (12, 9, false), (200, 4, false), (0, 0, false)] {
        assert_eq!(is_failing(failures, noon(), noon() + day * days), expected, "{failures} in {days} days");
    }
}

#[test]
fn answers_mean_what_the_scheme_says() {
    for (status, expected) in [
        (200, Answer::Taken),
        (204, Answer::Taken),
        (299, Answer::Taken),
        (301, Answer::Refused),
        (400, Answer::Refused),
        (410, Answer::Gone),
        (429, Answer::Refused),
        (503, Answer::Refused),
    ] {
        assert_eq!(answer(status), expected, "{status}");
    }
}
