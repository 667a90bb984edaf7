//! Tests of reports: each way to find the attempt, each action, and arbitrary bytes.

use carepost_kernel::Channel;
use proptest::prelude::*;

use super::*;

fn attempt(attempt_no: i16) -> AttemptRef {
    AttemptRef {
        message_id: "01900000-0000-7000-8000-0000000000ab".parse().unwrap(),
        channel: Channel::Email,
        attempt_no,
    }
}

fn report(kind: &str, to: &str, status_type: &str, status: &str, returned: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example\r\nTo: {to}\r\nDate: Fri, 15 Jan 2027 08:00:00 +0000\r\n\
         Subject: Undelivered\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type={kind}; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nSorry, pat@example.com.\r\n\
         --b\r\nContent-Type: message/{status_type}\r\n\r\n{status}\r\n\
         --b\r\n{returned}\r\n--b--\r\n"
    )
}

fn dsn(to: &str, status: &str, returned: &str) -> String {
    report("delivery-status", to, "delivery-status", status, returned)
}

fn status(action: &str, code: &str) -> String {
    format!(
        "Reporting-MTA: dns; mx.example\r\nArrival-Date: Fri, 15 Jan 2027 07:59:00 +0000\r\n\r\n\
         Final-Recipient: rfc822;\r\n pat@example.com\r\nAction: {action}\r\nStatus: {code}\r\n\
         Diagnostic-Code: smtp; 550 {code} pat@example.com unknown\r\n"
    )
}

#[test]
fn each_action_has_its_status() {
    use FailureClass::{Permanent, Transient};
    use ReceiptStatus::{Bounced, Deferred, Delivered, Sent, Undelivered};
    let to = verp::address("bounces", "clinic.example", attempt(2));
    for (action, code, expected, failure) in [
        ("failed", "5.1.1", Bounced, Some((Permanent, "smtp_failed_5_1_1"))),
        ("Failed", "5.2.1", Bounced, Some((Permanent, "smtp_failed_5_2_1"))),
        ("failed", "5.2.2", Undelivered, Some((Transient, "smtp_failed_5_2_2"))),
        ("failed", "5.7.1", Undelivered, Some((Permanent, "smtp_failed_5_7_1"))),
        ("failed", "4.4.7", Undelivered, Some((Transient, "smtp_failed_4_4_7"))),
        ("failed", "nonsense", Bounced, Some((Permanent, "smtp_failed"))),
        ("delayed", "4.4.1", Deferred, Some((Transient, "smtp_delayed_4_4_1"))),
        ("delivered", "2.0.0", Delivered, None),
        ("relayed", "2.0.0", Sent, None),
        ("expanded", "2.0.0", Sent, None),
    ] {
        let events = read(dsn(&to, &status(action, code), "").as_bytes()).unwrap();
        let [event] = events.as_slice() else { panic!("{action}: {} events", events.len()) };
        let found = event.failure.as_ref().map(|failure| (failure.class, failure.code.as_str()));
        assert_eq!((event.status, found), (expected, failure), "{action} {code}");
        assert_eq!((event.attempt, event.provider_ref.clone()), (Some(attempt(2)), attempt(2).into()));
        assert_eq!(event.occurred_at.unwrap().as_second(), 1_800_000_000);
    }
}

#[test]
fn each_way_finds_the_attempt() {
    let plain = "bounces@clinic.example";
    let with_id = format!("Original-Envelope-Id: {}\r\n{}", attempt(3), status("failed", "5.1.1"));
    let id = mime::message_id(attempt(1), "clinic.example");
    let by_ref =
        format!("Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{id}>\r\n{REF_HEADER}: {}\r\n", attempt(4));
    let by_id = format!("Content-Type: message/rfc822\r\n\r\nMessage-ID: <{id}>\r\nSubject: x\r\n\r\nbody\r\n");
    for (raw, attempt_no) in [
        (dsn(plain, &with_id, ""), 3),
        (dsn(plain, &status("failed", "5.1.1"), &by_ref), 4),
        (dsn(plain, &status("failed", "5.1.1"), &by_id), 1),
    ] {
        let events = read(raw.as_bytes()).unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].attempt, Some(attempt(attempt_no)));
    }
    assert_eq!(read(dsn(plain, &status("failed", "5.1.1"), "").as_bytes()), Some(Vec::new()), "nothing of ours");
}

#[test]
fn a_complaint_is_told_from_its_opposite() {
    let feedback = |kind: &str| {
        let sender = verp::address("bounces", "clinic.example", attempt(1));
        let fields =
            format!("Feedback-Type: {kind}\r\nVersion: 1\r\nUser-Agent: x\r\nOriginal-Mail-From: <{sender}>\r\n");
        read(report("feedback-report", "fbl@clinic.example", "feedback-report", &fields, "").as_bytes()).unwrap()
    };
    let events = feedback("abuse");
    assert_eq!(events[0].status, ReceiptStatus::Complained);
    assert_eq!(events[0].failure.as_ref().unwrap().code, "smtp_feedback_abuse");
    assert_eq!(feedback("opt-out")[0].status, ReceiptStatus::Unsubscribed);
    assert!(feedback("not-spam").is_empty());
}

#[test]
fn another_email_is_no_report() {
    assert_eq!(read(b"From: pat@example.com\r\nSubject: Re: Hi\r\n\r\nYes"), None);
    assert_eq!(read(b""), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(raw in any::<Vec<u8>>(), fields in any::<String>(), to in any::<String>()) {
        let _ = read(&raw);
        let _ = read(dsn(&to, &fields, &fields).as_bytes());
        let _ = blocks(&raw);
    }
}
