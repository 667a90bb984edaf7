//! Valid requests become sealed messages; faults name their fields and never their values.

use super::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

fn request() -> EnqueueRequest {
    EnqueueRequest {
        to: Recipient { phone: Some("+15005550006".to_owned()), ..Recipient::default() },
        body: Some("Hello".to_owned()),
        ..EnqueueRequest::default()
    }
}

fn prepared(change: impl FnOnce(&mut EnqueueRequest)) -> Result<NewMessage, Vec<FieldFault>> {
    prepared_for(TenantSettings { allow_open_tracking: true, ..TenantSettings::default() }, change)
}

fn prepared_for(
    settings: TenantSettings,
    change: impl FnOnce(&mut EnqueueRequest),
) -> Result<NewMessage, Vec<FieldFault>> {
    let mut request = request();
    change(&mut request);
    let data_key = DataKey::new(1, &[3; 32]);
    let tenant_id = TenantId::new(now());
    let context = PrepareContext {
        tenant_id,
        api_key_id: None,
        settings: &settings,
        data_key: &data_key,
        hash_key: &data_key,
        now: now(),
    };
    prepare(request, Some(KeyedBody { key: "key", body: b"body" }), context).map_err(|error| match error {
        PrepareError::Invalid(faults) => faults,
        PrepareError::Seal(error) => panic!("{error}"),
    })
}

fn check(change: impl FnOnce(&mut EnqueueRequest), pointers: &[&str]) {
    let faults = prepared(change).expect_err("faulty");
    assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), pointers);
}

#[test]
fn a_phone_and_a_body_are_enough() {
    let message = prepared(|_| {}).expect("valid");
    assert_eq!(message.channels, [Channel::Sms]);
    assert_eq!(message.deliveries[0].segments, Some(1));
    assert_eq!(message.expires_at, now() + SignedDuration::from_hours(72));
    let sealed = message.payload_sealed;
    assert!(!sealed.windows(5).any(|bytes| bytes == b"Hello"), "DEL-9: sealed");
}

#[test]
fn the_sealed_payload_opens_to_what_was_asked() {
    let message = prepared(|_| {}).expect("valid");
    let owner = DeliveryKey::seal_owner(message.tenant_id, message.message_id);
    let plain = DataKey::new(1, &[3; 32]).open(&owner, &message.payload_sealed).expect("opens");
    let payload: Payload = serde_json::from_slice(&plain).expect("JSON");
    assert!(payload == *message.payload.expose());
}

#[test]
fn a_fallback_plan_starts_with_one_delivery_and_all_with_all() {
    let both = |request: &mut EnqueueRequest| {
        request.to.email = Some("maria@Example.COM".to_owned());
        request.subject = Some("Visit".to_owned());
    };
    let message = prepared(both).expect("valid");
    assert_eq!((message.channels.len(), message.deliveries.len()), (2, 1));
    assert_eq!(message.payload.expose().to.email.as_deref(), Some("maria@example.com"));
    let message = prepared(|request| {
        both(request);
        request.strategy = Strategy::All;
    })
    .expect("valid");
    assert_eq!(message.deliveries.len(), 2);
}

#[test]
fn each_fault_names_its_field() {
    check(|request| request.to = Recipient::default(), &["/to"]);
    for phone in [
        "5005550006",
        "+1500555",
        "+0123456789",
        "+1 500 555 0006",
        "+999123456789",
        "+10005550006",
        "+150055500066",
        "nonsense",
    ] {
        check(|request| request.to.phone = Some(phone.to_owned()), &["/to/phone"]);
    }
    for email in ["", "maria", "maria@", "@example.com", "maria@example", "a b@example.com", "a@example.com\r\nX: y"] {
        check(|request| request.to.email = Some(email.to_owned()), &["/to/email"]);
    }
    check(|request| request.to.in_app = Some("a b".to_owned()), &["/to/in_app"]);
    check(|request| request.body = None, &["/content"]);
    check(|request| request.body = Some(String::new()), &["/content/sms/text"]);
    check(|request| request.body = Some("a".repeat(1_601)), &["/content/sms/text"]);
    check(|request| request.channels = vec![Channel::Voice], &["/channels/0"]);
    check(|request| request.channels = vec![Channel::Sms, Channel::Sms], &["/channels/1"]);
    check(|request| request.channels = vec![Channel::Email], &["/to/email", "/content/email/subject"]);
    check(|request| request.expires_at = Some(now()), &["/expires_at"]);
    check(|request| request.send_at = Some(now() + SignedDuration::from_hours(24 * 366)), &["/send_at"]);
    check(|request| drop(request.metadata.insert(String::new(), String::new())), &["/metadata"]);
    check(
        |request| {
            let media_urls = vec!["http://example.com/a.png".to_owned()];
            request.sms = Some(SmsContent { text: String::new(), media_urls });
        },
        &["/content/sms/media_urls/0"],
    );
}

#[test]
fn an_attachment_is_checked_before_anything_is_stored() {
    let attachment = |content_type: &str, content: &str| carepost_kernel::Attachment {
        filename: "plan.pdf".to_owned(),
        content_type: content_type.to_owned(),
        content_base64: content.to_owned(),
    };
    let email = |attachments| {
        let text = Some("See the file".to_owned());
        Some(EmailContent { subject: "Plan".to_owned(), text, attachments, ..EmailContent::default() })
    };
    check(
        |request| request.email = email(vec![attachment("nonsense", "%%")]),
        &["/content/email/attachments/0/content_type", "/content/email/attachments/0/content_base64"],
    );
}

#[test]
fn keys_are_visible_ascii_of_bounded_length() {
    assert!(is_idempotency_key("a") && is_idempotency_key(&"a".repeat(255)));
    assert!(!is_idempotency_key("") && !is_idempotency_key(&"a".repeat(256)) && !is_idempotency_key("a b"));
}

#[test]
fn hub_022_links_are_made_where_they_are_asked_for_and_allowed() {
    let track = || Some("https://care.example.com/".parse().expect("a URL"));
    let tracked = |purpose, text: &str| {
        prepared(|request| {
            request.track_links = track();
            request.purpose = Some(purpose);
            request.body = Some(text.to_owned());
        })
    };
    let message = tracked(Purpose::Financial, "Pay: https://pay.example.com/bill/1").expect("valid");
    let text = &message.payload.expose().sms.as_ref().expect("a text").text;
    assert!(text.starts_with("Pay: https://care.example.com/l/"));
    assert_eq!((message.links.len(), message.links[0].channel), (1, Channel::Sms));
    assert_eq!(message.links[0].recipient_hash, message.deliveries[0].recipient_hash);
    let untouched = prepared(|request| request.body = Some("https://pay.example.com/".to_owned())).expect("valid");
    assert!(untouched.links.is_empty());
    // A text that a longer address would not fit into is refused before it is stored.
    let full = format!("{} http://a.io", "a".repeat(1_588));
    let faults = tracked(Purpose::Marketing, &full).expect_err("too long");
    assert_eq!(faults[0].pointer, "/content/sms/text");
    for purpose in [Purpose::Emergency, Purpose::Treatment] {
        let faults = tracked(purpose, "https://a.example.com/").expect_err("never tracked");
        assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), ["/track_links"]);
    }
}

#[test]
fn hub_022_a_pixel_is_made_where_it_is_asked_for_and_allowed() {
    let public_url = || Some("https://care.example.com/".parse().expect("a URL"));
    let email = |html: &str| EmailContent {
        subject: "Visit".to_owned(),
        html: Some(html.to_owned()),
        ..EmailContent::default()
    };
    let html = "<body><a href=\"https://forms.example.com/f\">Form</a></body>";
    let sent = |purpose, links: bool, opens: bool| {
        prepared(|request| {
            request.to.email = Some("pat@example.com".to_owned());
            request.email = Some(email(html));
            request.purpose = Some(purpose);
            request.track_links = public_url().filter(|_| links);
            request.track_opens = public_url().filter(|_| opens);
        })
    };
    let html_of = |message: &NewMessage| message.payload.expose().email.as_ref().and_then(|email| email.html.clone());
    let message = sent(Purpose::Marketing, false, false).expect("valid");
    assert_eq!((message.links.len(), html_of(&message).as_deref()), (0, Some(html)), "off by default");
    let message = sent(Purpose::Marketing, false, true).expect("valid");
    assert_eq!((message.links.len(), &message.links[0].target_sealed), (1, &None));
    let written = html_of(&message).expect("there");
    assert!(written.contains("https://forms.example.com/f") && written.contains("https://care.example.com/o/"));
    let both = sent(Purpose::Marketing, true, true).expect("valid");
    let targets: Vec<bool> = both.links.iter().map(|link| link.target_sealed.is_some()).collect();
    assert_eq!(targets, [true, false]);
    for purpose in [Purpose::Emergency, Purpose::Treatment] {
        let faults = sent(purpose, true, true).expect_err("never tracked");
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/track_links", "/track_opens"]);
    }
    let not_allowed = prepared_for(TenantSettings::default(), |request| {
        request.purpose = Some(Purpose::Marketing);
        request.track_links = public_url();
        request.track_opens = public_url();
    });
    let faults = not_allowed.expect_err("the tenant has not allowed it");
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/track_opens"], "links are another matter");
}
