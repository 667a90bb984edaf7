//! Tests of SES's events against its own sample records.

use proptest::prelude::*;
use serde_json::json;

use super::*;

macro_rules! record {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../fixtures/vectors/ses/",
            $name,
            "_record.json"
        )))
        .unwrap()
    };
}

type Expected = (ReceiptStatus, Option<(FailureClass, &'static str)>);

fn check(record: Value, expected: Option<Expected>) {
    let receipts = read(record.clone()).unwrap();
    let found = receipts.first().map(|receipt| {
        assert!(receipt.provider_ref.as_str().starts_with("EXAMPLE"), "{}", receipt.provider_ref);
        assert!(receipt.occurred_at.is_some());
        assert_eq!(read(record.clone()).unwrap()[0].dedup_key, receipt.dedup_key);
        (receipt.status, receipt.failure.clone())
    });
    let expected = expected.map(|(status, failure)| (status, failure.map(|(class, code)| Failure::new(class, code))));
    assert_eq!(found, expected, "{record}");
}

#[test]
fn each_sample_has_its_status() {
    use FailureClass::{Permanent, Suppressed, Transient};
    use ReceiptStatus::{
        Accepted, Bounced, Clicked, Complained, Deferred, Delivered, Opened, Undelivered, Unsubscribed,
    };
    check(record!("send"), Some((Accepted, None)));
    check(record!("delivery"), Some((Delivered, None)));
    check(record!("open"), Some((Opened, None)));
    check(record!("click"), Some((Clicked, None)));
    check(record!("bounce"), Some((Bounced, Some((Permanent, "ses_bounce_permanent_general")))));
    check(record!("complaint"), Some((Complained, Some((Suppressed, "ses_complaint_abuse")))));
    check(record!("reject"), Some((Undelivered, Some((Permanent, "ses_reject")))));
    check(record!("rendering_failure"), Some((Undelivered, Some((Permanent, "ses_rendering_failure")))));
    check(record!("deliverydelay"), Some((Deferred, Some((Transient, "ses_delay_transient_communication_failure")))));
    check(record!("subscription"), Some((Unsubscribed, Some((Suppressed, "ses_subscription")))));
}

#[test]
fn each_kind_of_bounce_and_complaint_has_its_class() {
    use FailureClass::{Permanent, Suppressed, Transient};
    use ReceiptStatus::{Bounced, Complained, Resubscribed, Undelivered};
    for (bounce_type, sub_type, status, class, code) in [
        ("Permanent", "NoEmail", Bounced, Permanent, "ses_bounce_permanent_no_email"),
        ("Permanent", "Suppressed", Undelivered, Suppressed, "ses_bounce_permanent_suppressed"),
        (
            "Permanent",
            "OnAccountSuppressionList",
            Undelivered,
            Suppressed,
            "ses_bounce_permanent_on_account_suppression_list",
        ),
        ("Undetermined", "Undetermined", Undelivered, Transient, "ses_bounce_undetermined_undetermined"),
        ("Transient", "General", Undelivered, Transient, "ses_bounce_transient_general"),
        ("Transient", "MailboxFull", Undelivered, Transient, "ses_bounce_transient_mailbox_full"),
        ("Transient", "MessageTooLarge", Undelivered, Permanent, "ses_bounce_transient_message_too_large"),
        ("Transient", "ContentRejected", Undelivered, Permanent, "ses_bounce_transient_content_rejected"),
        ("Transient", "AttachmentRejected", Undelivered, Permanent, "ses_bounce_transient_attachment_rejected"),
    ] {
        let mut record = record!("bounce");
        record["bounce"]["bounceType"] = bounce_type.into();
        record["bounce"]["bounceSubType"] = sub_type.into();
        check(record, Some((status, Some((class, code)))));
    }
    let complaint = |feedback: Value, sub_type: Value| {
        let mut record = record!("complaint");
        record["complaint"]["complaintFeedbackType"] = feedback;
        record["complaint"]["complaintSubType"] = sub_type;
        record
    };
    check(complaint(json!("not-spam"), Value::Null), None);
    check(complaint(Value::Null, Value::Null), Some((Complained, Some((Suppressed, "ses_complaint_unspecified")))));
    check(
        complaint(Value::Null, json!("OnAccountSuppressionList")),
        Some((Undelivered, Some((Suppressed, "ses_complaint_on_account_suppression_list")))),
    );
    let mut back = record!("subscription");
    back["subscription"]["newTopicPreferences"] = json!({ "unsubscribeAll": false, "topicSubscriptionStatus": [] });
    check(back, Some((Resubscribed, None)));
}

#[test]
fn an_identitys_notification_and_a_tag_are_read() {
    let mut record = record!("delivery");
    record["notificationType"] = record["eventType"].take();
    record.as_object_mut().unwrap().remove("eventType");
    record["mail"]["tags"][REF_FIELD] = json!(["01900000-0000-7000-8000-0000000000ab.email.2"]);
    let receipt = read(record).unwrap().remove(0);
    assert_eq!(receipt.attempt.unwrap().attempt_no, 2);
    assert!(read(json!({ "eventType": "Delivery" })).is_err());
    let new_kind = json!({ "eventType": "Invented", "mail": { "messageId": "EXAMPLE" } });
    assert_eq!(read(new_kind), Ok(Vec::new()));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        for name in ["Bounce", "Complaint", "DeliveryDelay", "Subscription", &text] {
            let _ = read(json!({
                "eventType": name,
                "mail": { "messageId": text, "timestamp": text, "tags": { "carepost_ref": [text] } },
                "bounce": { "bounceType": text, "bounceSubType": text },
                "complaint": { "complaintFeedbackType": text },
                "deliveryDelay": { "delayType": text },
                "subscription": {},
            }));
        }
    }
}
