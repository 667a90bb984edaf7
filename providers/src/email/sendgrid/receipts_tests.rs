//! Tests of the Event Webhook's parser.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn check(event: Value, expected: Option<(ReceiptStatus, Option<(FailureClass, &str)>)>) {
    let mut whole = json!({ "sg_message_id": "abc.filter.0", "timestamp": 1_800_000_000, "email": "pat@example.com" });
    whole.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
    let parsed = parse(json!([whole]).to_string().as_bytes()).unwrap();
    let found = parsed.first().map(|receipt| {
        assert_eq!(receipt.provider_ref, "abc");
        assert_eq!(receipt.occurred_at, Timestamp::from_second(1_800_000_000).ok());
        let failure = receipt.failure.as_ref().map(|failure| (failure.class, failure.code.as_str()));
        (receipt.status, failure)
    });
    assert_eq!(found, expected, "{whole}");
}

#[test]
fn each_event_has_its_status() {
    use FailureClass::{ConfigFault, Permanent, Suppressed, Transient};
    use ReceiptStatus::{
        Accepted, Bounced, Clicked, Complained, Deferred, Delivered, Opened, Resubscribed, Undelivered, Unsubscribed,
    };
    check(json!({ "event": "processed" }), Some((Accepted, None)));
    check(json!({ "event": "deferred", "response": "451" }), Some((Deferred, Some((Transient, "sendgrid_deferred")))));
    check(json!({ "event": "delivered", "response": "250 OK" }), Some((Delivered, None)));
    check(
        json!({ "event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 pat@example.com unknown" }),
        Some((Bounced, Some((Permanent, "sendgrid_bounce_5_1_1")))),
    );
    check(
        json!({ "event": "bounce", "type": "blocked", "status": "5.7.1" }),
        Some((Undelivered, Some((Transient, "sendgrid_blocked_5_7_1")))),
    );
    for (reason, class, code) in [
        ("Bounced Address", Suppressed, "sendgrid_dropped_bounced_address"),
        ("Unsubscribed Address", Suppressed, "sendgrid_dropped_unsubscribed_address"),
        ("Spam Reporting Address", Suppressed, "sendgrid_dropped_spam_reporting_address"),
        ("Invalid", Suppressed, "sendgrid_dropped_invalid"),
        ("Invalid SMTPAPI header", Permanent, "sendgrid_dropped_invalid_smtpapi_header"),
        ("Spam Content (if Spam Checker app is enabled)", Permanent, "sendgrid_dropped_spam_content"),
        ("Recipient List over Package Quota", ConfigFault, "sendgrid_dropped_recipient_list_over_package_quota"),
        ("pat@example.com canary", Permanent, "sendgrid_dropped"),
    ] {
        check(json!({ "event": "dropped", "reason": reason }), Some((Undelivered, Some((class, code)))));
    }
    check(json!({ "event": "open", "sg_machine_open": true }), Some((Opened, None)));
    check(json!({ "event": "click", "url": "https://clinic.example" }), Some((Clicked, None)));
    check(json!({ "event": "spamreport" }), Some((Complained, Some((Suppressed, "sendgrid_spamreport")))));
    check(json!({ "event": "unsubscribe" }), Some((Unsubscribed, Some((Suppressed, "sendgrid_unsubscribe")))));
    check(
        json!({ "event": "group_unsubscribe", "asm_group_id": 1 }),
        Some((Unsubscribed, Some((Suppressed, "sendgrid_group_unsubscribe")))),
    );
    check(json!({ "event": "group_resubscribe" }), Some((Resubscribed, None)));
    check(json!({ "event": "account_status_change" }), None);
}

#[test]
fn del_6_a_second_try_of_the_same_event_has_the_same_key() {
    let key = |event_id: &str| {
        let event = json!([{ "event": "open", "sg_message_id": "abc.x", "timestamp": 5, "sg_event_id": event_id }]);
        parse(event.to_string().as_bytes()).unwrap().remove(0).dedup_key
    };
    assert_eq!(key("one"), key("two"));
}

#[test]
fn one_bad_event_does_not_cost_the_batch() {
    let batch = json!([
        7,
        { "event": "delivered" },
        { "event": "delivered", "timestamp": "x", "sg_message_id": "a.b" },
        { "event": "delivered", "timestamp": 1, "sg_message_id": "c.d", "category": ["x"] },
    ]);
    let refs: Vec<String> = parse(batch.to_string().as_bytes())
        .unwrap()
        .into_iter()
        .map(|receipt| receipt.provider_ref.to_string())
        .collect();
    assert_eq!(refs, ["c"]);
    assert_eq!(parse(b"{}"), Err(WebhookError::Malformed("not an array of events")));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in any::<Vec<u8>>(), text in any::<String>()) {
        let _ = parse(&body);
        let _ = parse(json!([{ "event": "dropped", "reason": text, "sg_message_id": text, "status": text }]).to_string().as_bytes());
    }
}
