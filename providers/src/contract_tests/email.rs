//! The suite's words for the email vendors, and what only they have.

use carepost_kernel::{Channel, Content, EmailContent, FailureClass, ReceiptStatus, SendOutcome};

use super::support::{Bench, CANARY, cleared, config, outbound, shared};
use super::{Suite, check};
use crate::contract::{Outbound, Vendor, WebhookError, WebhookRequest};
use crate::simulator::{CallOutcome, Fate, Fault, Profile};

const RECIPIENT: &str = "pat.canary@example.com";
const INBOUND: (&str, &str, &str) =
    ("pat@example.com", "care@clinic.example", "Can I come at ten? CANARY & more = 100%");
const EMAIL_VENDORS: [Vendor; 3] = [Vendor::Sendgrid, Vendor::Ses, Vendor::Smtp];

fn email(to: &str) -> Outbound {
    let content = EmailContent {
        subject: "Your visit CANARY".to_owned(),
        text: Some(CANARY.to_owned()),
        html: Some(format!("<p>{CANARY}</p>")),
        ..EmailContent::default()
    };
    outbound(Channel::Email, to, Content::Email(content))
}

fn message() -> Outbound {
    email(RECIPIENT)
}

fn without_header(webhook: &mut WebhookRequest, name: &str) {
    webhook.headers.retain(|(found, _)| found != name);
}

fn code(code: &str) -> Fault {
    Fault::VendorCode(code.to_owned())
}

#[tokio::test]
async fn sendgrid_keeps_the_contract() {
    check(&Suite {
        vendor: Vendor::Sendgrid,
        message,
        recipient: RECIPIENT,
        opted_out: None,
        bad_recipient: code("400"),
        spoil_credentials: |_, credentials| credentials["api_key"] = "SG.wrong".into(),
        strip_signature: Some(|webhook| without_header(webhook, "x-twilio-email-event-webhook-signature")),
        has_signed_time: true,
        // Inbound Parse is unsigned: see below.
        inbound: None,
    })
    .await;
}

#[tokio::test]
async fn ses_keeps_the_contract() {
    check(&Suite {
        vendor: Vendor::Ses,
        message,
        recipient: RECIPIENT,
        opted_out: None,
        bad_recipient: code("MessageRejected"),
        spoil_credentials: |_, credentials| credentials["secret_access_key"] = "wrong".into(),
        strip_signature: Some(|webhook| {
            let mut envelope: serde_json::Value = serde_json::from_slice(&webhook.body).unwrap();
            envelope.as_object_mut().unwrap().remove("Signature");
            webhook.body = envelope.to_string().into();
        }),
        has_signed_time: true,
        inbound: Some(INBOUND),
    })
    .await;
}

#[tokio::test]
async fn smtp_keeps_the_contract() {
    check(&Suite {
        vendor: Vendor::Smtp,
        message,
        recipient: RECIPIENT,
        opted_out: None,
        bad_recipient: code("550 5.1.1 pat.canary@example.com is unknown"),
        spoil_credentials: |_, credentials| credentials["password"] = "wrong".into(),
        strip_signature: Some(|webhook| without_header(webhook, crate::email::smtp::SIGNATURE_HEADER)),
        has_signed_time: true,
        inbound: Some(INBOUND),
    })
    .await;
}

/// What the receipts of one message say, in the order of their coming.
async fn receipts_of(vendor: Vendor, to: &str) -> Vec<(ReceiptStatus, Option<(FailureClass, String)>)> {
    let mut bench = Bench::new(vendor).await;
    let sent = cleared(email(to));
    let attempt = sent.get().attempt;
    let outcome = bench.provider.send(&sent).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{vendor:?}: {outcome:?}");
    bench.simulator.settled().await;
    let mut found = Vec::new();
    for webhook in bench.receiver.rest() {
        for receipt in bench.provider.receive(&webhook).await.unwrap().receipts {
            assert_eq!(receipt.attempt, Some(attempt), "{vendor:?}");
            found.push((receipt.status, receipt.failure.map(|failure| (failure.class, failure.code))));
        }
    }
    bench.simulator.stop().await;
    found
}

#[tokio::test]
async fn del_6_magic_recipients_end_as_they_are_named() {
    use FailureClass::{Permanent, Suppressed, Transient};
    use ReceiptStatus::{Bounced, Complained, Undelivered};
    for (vendor, to, status, class, code) in [
        (Vendor::Sendgrid, "bounce", Bounced, Permanent, "sendgrid_bounce_5_1_1"),
        (Vendor::Sendgrid, "blocked", Undelivered, Transient, "sendgrid_blocked_5_7_1"),
        (Vendor::Sendgrid, "suppressed", Undelivered, Suppressed, "sendgrid_dropped_bounced_address"),
        (Vendor::Sendgrid, "complaint", Complained, Suppressed, "sendgrid_spamreport"),
        (Vendor::Ses, "bounce", Bounced, Permanent, "ses_bounce_permanent_general"),
        (Vendor::Ses, "blocked", Undelivered, Permanent, "ses_bounce_transient_content_rejected"),
        (Vendor::Ses, "full", Undelivered, Transient, "ses_bounce_transient_mailbox_full"),
        (Vendor::Ses, "suppressed", Undelivered, Suppressed, "ses_bounce_permanent_on_account_suppression_list"),
        (Vendor::Ses, "complaint", Complained, Suppressed, "ses_complaint_abuse"),
        (Vendor::Smtp, "bounce", Bounced, Permanent, "smtp_failed_5_1_1"),
        (Vendor::Smtp, "blocked", Undelivered, Permanent, "smtp_failed_5_7_1"),
        (Vendor::Smtp, "complaint", Complained, Suppressed, "smtp_feedback_abuse"),
    ] {
        let found = receipts_of(vendor, &format!("{to}@simulator.example")).await;
        assert_eq!(found.last(), Some(&(status, Some((class, code.to_owned())))), "{vendor:?} {to}: {found:?}");
        let was_delivered = found.iter().any(|(status, _)| *status == ReceiptStatus::Delivered);
        assert_eq!(was_delivered, to == "complaint", "{vendor:?} {to}: {found:?}");
    }
}

#[tokio::test]
async fn del_5_magic_recipients_fail_as_they_are_named() {
    for vendor in EMAIL_VENDORS {
        let bench = Bench::new(vendor).await;
        for (to, class) in [
            ("reject", FailureClass::Permanent),
            ("greylist", FailureClass::Transient),
            ("drop", FailureClass::Unknown),
        ] {
            let outcome = bench.provider.send(&cleared(email(&format!("{to}@simulator.example")))).await;
            let SendOutcome::Failed(failure) = outcome else { panic!("{vendor:?} {to}: {outcome:?}") };
            assert_eq!(failure.class, class, "{vendor:?} {to}: {}", failure.code);
        }
        let calls = bench.simulator.calls(vendor);
        assert!(matches!(calls[2].outcome, CallOutcome::Dropped { .. }), "{vendor:?}");
        assert_eq!(bench.simulator.accepted(vendor), 1, "{vendor:?}: the dropped one");
        bench.simulator.stop().await;
    }
}

#[tokio::test]
async fn del_5_an_answer_that_is_not_the_vendors_is_unknown() {
    for vendor in EMAIL_VENDORS {
        let bench = Bench::new(vendor).await;
        bench.simulator.set_profile(vendor, Profile { script: [Fault::Garbage].into(), ..Profile::default() });
        let outcome = bench.provider.send(&cleared(message())).await;
        let SendOutcome::Failed(failure) = outcome else { panic!("{vendor:?}: {outcome:?}") };
        assert_eq!(failure.class, FailureClass::Unknown, "{vendor:?}: {}", failure.code);
        bench.simulator.stop().await;
    }
}

#[tokio::test]
async fn sendgrid_takes_inbound_mail_with_its_password_only() {
    let mut bench = Bench::new(Vendor::Sendgrid).await;
    let (from, to, text) = INBOUND;
    assert_eq!(bench.simulator.inbound(&bench.account, from, to, text).await.unwrap(), 204);
    let webhook = bench.receiver.next().await;
    let received = bench.provider.receive(&webhook).await.unwrap();
    let [message] = received.inbound.as_slice() else { panic!("{received:?}") };
    assert_eq!((message.from.expose().as_str(), message.to.as_str(), message.text.expose().as_str()), INBOUND);
    assert!(!format!("{received:?}").contains("CANARY"), "DEL-9");
    let again = bench.provider.receive(&webhook).await.unwrap();
    assert_eq!(again.inbound[0].provider_ref, message.provider_ref);
    let mut bare = webhook.clone();
    without_header(&mut bare, "authorization");
    assert_eq!(bench.provider.receive(&bare).await.err(), Some(WebhookError::Signature));
    bench.simulator.stop().await;
}

#[tokio::test]
async fn del_5_smtp_keeps_its_message_id_over_attempts() {
    let mut bench = Bench::new(Vendor::Smtp).await;
    let mut sent = message();
    let mut ids = Vec::new();
    for attempt_no in [1, 2] {
        sent.attempt.attempt_no = attempt_no;
        let cleared = cleared(sent);
        assert!(matches!(bench.provider.send(&cleared).await, SendOutcome::Accepted { .. }));
        sent = cleared.revoke();
        let notice = String::from_utf8(bench.receiver.next().await.body.to_vec()).unwrap();
        ids.push(notice.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned());
    }
    assert_eq!(ids[0], ids[1]);
    let numbers: Vec<i16> =
        bench.simulator.calls(Vendor::Smtp).iter().map(|call| call.attempt.unwrap().attempt_no).collect();
    assert_eq!(numbers, [1, 2]);
    bench.simulator.stop().await;
}

#[tokio::test]
async fn a_stored_account_works_at_another_simulator() {
    for vendor in EMAIL_VENDORS {
        let bench = Bench::new(vendor).await;
        let other = Bench::new(vendor).await;
        assert!(other.simulator.adopt(
            vendor,
            &bench.account.settings,
            &bench.account.credentials,
            &other.receiver.url
        ));
        let mut account = bench.account.clone();
        account.base_url = other.account.base_url.clone();
        if vendor == Vendor::Smtp {
            account.settings["port"] = other.account.settings["port"].clone();
        }
        let provider = crate::build(&config(&account, &other.receiver.url), &shared()).unwrap();
        let outcome = provider.send(&cleared(message())).await;
        assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{vendor:?}: {outcome:?}");
        let mut receiver = other.receiver;
        let received = provider.receive(&receiver.next().await).await;
        assert_eq!(received.unwrap().receipts.len(), 1, "{vendor:?}");
        bench.simulator.stop().await;
        other.simulator.stop().await;
    }
}

#[tokio::test]
async fn a_profile_decides_how_accepted_mail_ends() {
    let mut bench = Bench::new(Vendor::Ses).await;
    let mut profile = Profile::default();
    profile.receipts.fate = Fate::Undelivered { code: "Permanent/NoEmail".to_owned() };
    profile.receipts.duplicates = 1.0;
    bench.simulator.set_profile(Vendor::Ses, profile);
    assert!(matches!(bench.provider.send(&cleared(message())).await, SendOutcome::Accepted { .. }));
    bench.simulator.settled().await;
    let mut keys = Vec::new();
    for webhook in bench.receiver.rest() {
        keys.push(bench.provider.receive(&webhook).await.unwrap().receipts.remove(0).dedup_key);
    }
    assert_eq!(keys.len(), 4, "two events, each twice");
    bench.simulator.stop().await;
}
