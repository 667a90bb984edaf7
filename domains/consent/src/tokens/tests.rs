//! A token opens for its tenant, its use and its time, and for nothing else.

use std::sync::Arc;

use proptest::prelude::*;

use carepost_kernel::{Clock, DataKey, PlacementId};
use carepost_tenancy::{Directory, MasterKeys, Tenant, TenantSettings, TenantStatus};

use super::*;

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn tenant(key: u8) -> Arc<TenantHandle> {
    let master_keys = MasterKeys::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let tenant = Tenant {
        tenant_id: TenantId::new(now()),
        slug: "riverside".to_owned(),
        display_name: "An Invented Practice".to_owned(),
        placement_id: PlacementId::new(now()),
        status: TenantStatus::Active,
        settings: TenantSettings::default(),
        version: 1,
        created_at: now(),
        updated_at: now(),
    };
    let directory = Directory::given(master_keys, Clock::starting_at(now()));
    directory.give(tenant, Arc::new(DataKey::new(1, &[key; 32])), Vec::new()).unwrap()
}

fn subject() -> Subject {
    Subject {
        recipient_id: Some(RecipientId::new(now())),
        address: Some(AddressKey { channel: Channel::Email, address_hash: [7; 16] }),
        topic: Some(Topic::Marketing),
        message_id: Some(MessageId::new(now())),
    }
}

#[test]
fn con_017_a_token_names_whom_it_was_made_for() {
    let tenant = tenant(1);
    for link_use in LinkUse::ALL {
        for subject in [subject(), Subject::default(), Subject { recipient_id: None, topic: None, ..subject() }] {
            let token = issue(&tenant, link_use, &subject, now()).unwrap();
            assert_eq!(token.len(), TOKEN_LEN);
            assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            assert_eq!(tenant_of(&token), Some(tenant.tenant.tenant_id));
            assert_eq!(read(&tenant, link_use, &token, now()), Some(subject));
        }
    }
}

#[test]
fn con_017_a_token_made_on_a_page_outlives_neither_its_message_nor_the_one_that_opened_the_page() {
    let tenant = tenant(1);
    let day = |days: i64| now() + SignedDuration::from_hours(days * 24);
    let subject = subject();
    let unsubscribe = issue(&tenant, LinkUse::Unsubscribe, &subject, now()).unwrap();
    for seen in [0, 30, 89] {
        let opened = open(&tenant, LinkUse::Unsubscribe, &unsubscribe, day(seen)).unwrap();
        assert_eq!(opened.expires_at, day(400));
        let made = issue_beside(&tenant, LinkUse::Preferences, &opened, day(seen)).unwrap().unwrap();
        let made = open(&tenant, LinkUse::Preferences, &made, day(seen)).unwrap();
        assert_eq!((made.subject, made.expires_at), (subject, day(90)), "however often the page is seen");
    }
    let opened = open(&tenant, LinkUse::Unsubscribe, &unsubscribe, day(90)).unwrap();
    assert_eq!(issue_beside(&tenant, LinkUse::Preferences, &opened, day(90)).unwrap(), None);
    // The other way round, it ends with the one that opened the page.
    let preferences = issue(&tenant, LinkUse::Preferences, &subject, now()).unwrap();
    let opened = open(&tenant, LinkUse::Preferences, &preferences, day(1)).unwrap();
    let made = issue_beside(&tenant, LinkUse::Unsubscribe, &opened, day(1)).unwrap().unwrap();
    assert_eq!(open(&tenant, LinkUse::Unsubscribe, &made, day(1)).unwrap().expires_at, day(90));
}

#[test]
fn con_017_an_expired_token_opens_nothing() {
    let tenant = tenant(1);
    for (link_use, days) in [(LinkUse::Preferences, 90), (LinkUse::Unsubscribe, 400)] {
        let token = issue(&tenant, link_use, &subject(), now()).unwrap();
        let end = now() + SignedDuration::from_hours(days * 24);
        assert_eq!(
            read(&tenant, link_use, &token, end - SignedDuration::from_secs(1)),
            Some(subject_of(&tenant, &token))
        );
        assert_eq!(read(&tenant, link_use, &token, end), None, "{link_use:?}");
    }
    assert!(LinkUse::Unsubscribe.lifetime() >= SignedDuration::from_hours(60 * 24), "CAN-SPAM asks for 30 days");
}

fn subject_of(tenant: &TenantHandle, token: &str) -> Subject {
    LinkUse::ALL.into_iter().find_map(|link_use| read(tenant, link_use, token, now())).unwrap()
}

#[test]
fn con_017_a_token_of_the_other_page_or_of_another_tenant_opens_nothing() {
    let (ours, theirs) = (tenant(1), tenant(2));
    let token = issue(&ours, LinkUse::Preferences, &subject(), now()).unwrap();
    assert_eq!(read(&ours, LinkUse::Unsubscribe, &token, now()), None);
    assert_eq!(read(&theirs, LinkUse::Preferences, &token, now()), None);
    // With the other tenant's name in front of it, even where both had the same key.
    let mut binary = URL_SAFE_NO_PAD.decode(&token).unwrap();
    let twin = tenant(1);
    binary[..16].copy_from_slice(twin.tenant.tenant_id.as_uuid().as_bytes());
    assert_eq!(read(&twin, LinkUse::Preferences, &URL_SAFE_NO_PAD.encode(binary), now()), None);
}

#[test]
fn con_017_another_sealed_value_of_the_tenant_is_no_token() {
    let tenant = tenant(1);
    let tenant_id = tenant.tenant.tenant_id;
    let plain = encode(LinkUse::Preferences, &subject(), Timestamp::MAX);
    let sealed = tenant.seal(tenant_id.as_uuid().as_bytes(), &plain).unwrap();
    let token = URL_SAFE_NO_PAD.encode([tenant_id.as_uuid().as_bytes().as_slice(), &sealed].concat());
    assert_eq!((token.len(), read(&tenant, LinkUse::Preferences, &token, now())), (TOKEN_LEN, None));
}

#[test]
fn del_9_nothing_of_the_subject_shows_in_the_token() {
    let (tenant, subject) = (tenant(1), subject());
    let token = issue(&tenant, LinkUse::Preferences, &subject, now()).unwrap();
    let binary = URL_SAFE_NO_PAD.decode(&token).unwrap();
    let recipient = subject.recipient_id.unwrap().as_uuid();
    let contains = |part: &[u8]| binary.windows(part.len()).any(|window| window == part);
    assert!(!contains(recipient.as_bytes()) && !contains(&[7; 16]));
    assert_ne!(token, issue(&tenant, LinkUse::Preferences, &subject, now()).unwrap(), "no two are alike");
}

#[test]
fn links_stand_below_the_public_address() {
    for base in ["https://care.example.com", "https://care.example.com/", "https://example.com/care/"] {
        let url: Url = base.parse().unwrap();
        let base = base.trim_end_matches('/');
        assert_eq!(preferences_url(&url, "t"), format!("{base}/p/t"));
        assert_eq!(unsubscribe_url(&url, "t"), format!("{base}/u/t"));
        assert_eq!(one_click_url(&url, "t"), Some(format!("{base}/u/t")));
    }
    assert_eq!(one_click_url(&"http://127.0.0.1:8080/".parse().unwrap(), "t"), None);
}

proptest! {
    #[test]
    fn con_017_a_changed_token_opens_nothing(place in 0..TOKEN_LEN, letter in "[A-Za-z0-9_-]", cut in 0..TOKEN_LEN) {
        let tenant = tenant(1);
        let token = issue(&tenant, LinkUse::Preferences, &subject(), now()).unwrap();
        let mut changed = token.clone();
        changed.replace_range(place..=place, &letter);
        if changed != token {
            prop_assert_eq!(read(&tenant, LinkUse::Preferences, &changed, now()), None);
        }
        prop_assert_eq!(read(&tenant, LinkUse::Preferences, &token[..cut], now()), None);
        let longer = format!("{token}{letter}");
        prop_assert_eq!(read(&tenant, LinkUse::Preferences, &longer, now()), None);
    }

    #[test]
    fn con_017_no_text_makes_it_panic(text in "\\PC*") {
        prop_assert_eq!(read(&tenant(1), LinkUse::Preferences, &text, now()), None);
        let _ = tenant_of(&text);
    }
}
