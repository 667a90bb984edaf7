//! What leaves, as its reader will see it.

use std::sync::Arc;

use carepost_consent::policy::{GatePolicy, Identification};
use carepost_consent::tokens::read;
use carepost_consent::types::{ConsentState, Grant, PersonFacts, Preferences};
use carepost_kernel::{RecipientId, SmsContent, Topic};

use super::*;
use crate::testing::{delivery, tenant};
use crate::types::{About, Recipient};

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn policy(handling: PhiHandling) -> GatePolicy {
    let mut policy = GatePolicy::default();
    policy.practice.name = "Bright Braces".to_owned();
    policy.practice.postal_address = "1 Main Street, Springfield, IL 62701".to_owned();
    policy.practice.portal_url = "https://portal.example".to_owned();
    policy.phi.by_channel = [(Channel::Sms, handling), (Channel::Email, handling)].into();
    policy.identification = Identification { sms: SmsIdentification::Every, email_footer: true };
    policy
}

fn dressed(policy: GatePolicy, channel: Channel, payload: Payload, purpose: Purpose) -> Dressed {
    dressed_for(Vec::new(), policy, channel, payload, purpose)
}

fn dressed_for(
    people: Vec<PersonFacts>,
    policy: GatePolicy,
    channel: Channel,
    payload: Payload,
    purpose: Purpose,
) -> Dressed {
    let rulebook = Rulebook::new(3, policy.compile().unwrap()).unwrap();
    let mut delivery = delivery(now());
    delivery.key.channel = channel;
    delivery.purpose = purpose;
    delivery.payload = Arc::new(Phi::new(payload));
    let key = AddressKey { channel, address_hash: delivery.recipient_hash };
    let contact = ContactFacts { key, people, suppressions: Vec::new(), sends: Vec::new() };
    let tenant = tenant();
    let public_url = Url::parse("https://carepost.example").unwrap();
    let on = Dressing { rulebook: &rulebook, tenant: &tenant, contact: &contact, public_url: &public_url, now: now() };
    dress(&delivery, on).unwrap().unwrap()
}

fn sms(text: &str) -> Payload {
    let to =
        Recipient { phone: Some("+15005550006".to_owned()), in_app: Some("p-1".to_owned()), ..Recipient::default() };
    Payload { to, sms: Some(SmsContent { text: text.to_owned(), ..SmsContent::default() }), ..Payload::default() }
}

const ABOUT_HEALTH: &str = "Your biopsy showed a melanoma, please call us.";

fn text_of(dressed: &Dressed) -> &str {
    match &dressed.content {
        Content::Sms(sms) => &sms.text,
        _ => panic!("not a text message"),
    }
}

#[test]
fn con_014_a_text_begins_with_the_practice() {
    let dressed = dressed(policy(PhiHandling::Off), Channel::Sms, sms("See you at 9:30."), Purpose::Transactional);
    assert_eq!(text_of(&dressed), "Bright Braces: See you at 9:30.");
    assert_eq!((dressed.judged.is_identified, dressed.judged.text_chars), (Some(true), Some(31)));
}

#[test]
fn con_013_advertising_by_text_says_how_to_end_it() {
    let text = |words: &str, purpose| {
        text_of(&dressed(policy(PhiHandling::Off), Channel::Sms, sms(words), purpose)).to_owned()
    };
    assert_eq!(
        text("20 % off this week.", Purpose::Marketing),
        "Bright Braces: 20 % off this week. Reply STOP to opt out."
    );
    let says_so = "Bright Braces: 20 % off. STOP ends this.";
    assert_eq!(text(says_so, Purpose::Marketing), says_so);
    assert_eq!(text("See you at 9:30.", Purpose::Treatment), "Bright Braces: See you at 9:30.");
    // What ships as advertising is advertising, whatever it is called.
    let mut disguised = sms("20 % off this week.");
    disguised.about.message_type = Some("birthday".to_owned());
    disguised.about.language = Some("es".to_owned());
    let dressed = dressed(policy(PhiHandling::Off), Channel::Sms, disguised, Purpose::Treatment);
    assert!(text_of(&dressed).ends_with("Responda STOP para cancelar."), "{}", text_of(&dressed));
}

#[test]
fn con_016_what_speaks_of_health_is_blocked_or_replaced_by_a_notice() {
    let off = dressed(policy(PhiHandling::Off), Channel::Sms, sms(ABOUT_HEALTH), Purpose::Treatment);
    assert!(text_of(&off).contains("melanoma") && off.judged.phi == Verdict::Go);

    let blocked = dressed(policy(PhiHandling::Block), Channel::Sms, sms(ABOUT_HEALTH), Purpose::Treatment);
    assert!(matches!(blocked.judged.phi, Verdict::OtherChannel { .. }));

    let replaced = dressed(policy(PhiHandling::Replace), Channel::Sms, sms(ABOUT_HEALTH), Purpose::Treatment);
    assert_eq!(replaced.judged.phi, Verdict::Go);
    let notes = [off.judged.note(), blocked.judged.note(), replaced.judged.note()];
    assert_eq!(notes, [None, None, Some(("phi_guard", "replaced_by_link"))], "the timeline tells of it");
    let text = text_of(&replaced);
    assert!(!text.contains("melanoma") && !text.contains("biopsy"), "{text}");
    assert!(text.contains("Bright Braces") && text.contains("https://portal.example"), "{text}");
    let secure = replaced.secure.expect("the message itself waits in the inbox here");
    assert_eq!((secure.recipient.expose().as_str(), secure.content.expose().body.as_str()), ("p-1", ABOUT_HEALTH));

    // Nobody could read it there.
    let mut nowhere = sms(ABOUT_HEALTH);
    nowhere.to.in_app = None;
    let blocked = dressed(policy(PhiHandling::Replace), Channel::Sms, nowhere, Purpose::Treatment);
    assert!(blocked.secure.is_none() && matches!(blocked.judged.phi, Verdict::OtherChannel { .. }));
}

#[test]
fn con_016_who_was_told_and_wants_it_gets_the_text_itself() {
    let person = |state| PersonFacts {
        recipient_id: RecipientId::new(now()),
        also: Vec::new(),
        zone: None,
        state: None,
        language: "en".to_owned(),
        grants: vec![Grant { purpose: Some(Purpose::Treatment), state, since: now(), expires_at: None }],
        wards: Vec::new(),
        preferences: Preferences::default(),
    };
    let told = |state, purpose| {
        dressed_for(vec![person(state)], policy(PhiHandling::Replace), Channel::Sms, sms(ABOUT_HEALTH), purpose)
    };
    let wished = told(ConsentState::GrantedUnsecured, Purpose::Treatment);
    assert!(text_of(&wished).contains("melanoma") && wished.secure.is_none());
    assert_eq!(wished.judged.note(), Some(("phi_guard", "unsecured_by_wish")), "what leaves so can be listed");
    for guarded in [
        told(ConsentState::GrantedUnsecured, Purpose::Financial),
        told(ConsentState::GrantedInWriting, Purpose::Treatment),
    ] {
        assert!(!text_of(&guarded).contains("melanoma") && guarded.secure.is_some());
    }
}

#[test]
fn con_016_names_of_attachments_and_addresses_of_media_are_looked_at() {
    let named = |filename: &str| {
        let attachment = carepost_kernel::Attachment {
            filename: filename.to_owned(),
            content_type: "application/pdf".to_owned(),
            content_base64: "AA==".to_owned(),
        };
        let email = EmailContent {
            subject: "Your papers".to_owned(),
            text: Some("As you asked.".to_owned()),
            attachments: vec![attachment],
            ..EmailContent::default()
        };
        let to = Recipient {
            email: Some("pat@example.com".to_owned()),
            in_app: Some("p-1".to_owned()),
            ..Recipient::default()
        };
        Payload { to, email: Some(email), ..Payload::default() }
    };
    let pictured = |url: &str| {
        let mut payload = sms("See you at 9:30.");
        payload.sms.as_mut().unwrap().media_urls = vec![url.to_owned()];
        payload
    };
    for handling in [PhiHandling::Block, PhiHandling::Replace] {
        let phi = |channel, payload| {
            let dressed = dressed(policy(handling), channel, payload, Purpose::Treatment);
            // A message with attachments has no copy that could be read elsewhere: it stays.
            assert!(dressed.secure.is_none());
            dressed.judged.phi
        };
        for name in ["biopsy-result-123-45-6789.pdf", "root_canal.pdf", "HivTest%20result.PDF", "mrn_4411923.pdf"] {
            assert!(matches!(phi(Channel::Email, named(name)), Verdict::OtherChannel { .. }), "{name}");
        }
        for name in ["directions.pdf", "Welcome-Packet_2026.pdf", "map.v2.png"] {
            assert_eq!(phi(Channel::Email, named(name)), Verdict::Go, "{name}");
        }
        let url = "https://media.example/chlamydia-result.png";
        assert!(matches!(phi(Channel::Sms, pictured(url)), Verdict::OtherChannel { .. }));
        for url in ["https://media.example/m/9f1c2b7e-55aa-4c1d-8e2f-0a1b2c3d4e5f.jpg", "https://media.example/map.png"]
        {
            assert_eq!(phi(Channel::Sms, pictured(url)), Verdict::Go, "{url}");
        }
    }
}

#[test]
fn con_008_an_email_has_its_footer_and_its_way_out_for_one_click() {
    let email = EmailContent {
        subject: "Your visit".to_owned(),
        text: Some("See you at 9:30.".to_owned()),
        html: Some("<html><body><p>See you at 9:30.</p></body></html>".to_owned()),
        ..EmailContent::default()
    };
    let to = Recipient { email: Some("pat@example.com".to_owned()), ..Recipient::default() };
    let about = About { topic: Some(Topic::Appointments), ..About::default() };
    let payload = Payload { to, email: Some(email), about, ..Payload::default() };
    let ready = dressed(policy(PhiHandling::Off), Channel::Email, payload.clone(), Purpose::Transactional);
    let Content::Email(email) = ready.content else { panic!("not an email") };
    let url = email.unsubscribe_url.expect("one click");
    let token = url.rsplit('/').next().unwrap();
    let subject = read(&tenant(), LinkUse::Unsubscribe, token, now()).expect("a token of this tenant");
    assert_eq!(subject.topic, Some(Topic::Appointments));
    for part in [email.text.unwrap(), email.html.unwrap()] {
        assert!(part.contains("1 Main Street") && part.contains("https://carepost.example/p/"), "{part}");
    }

    let urgent = dressed(policy(PhiHandling::Off), Channel::Email, payload, Purpose::Emergency);
    let Content::Email(email) = urgent.content else { panic!("not an email") };
    assert_eq!((email.unsubscribe_url, email.text.as_deref()), (None, Some("See you at 9:30.")));
}
