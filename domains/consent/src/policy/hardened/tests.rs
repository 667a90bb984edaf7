//! A policy that fails brings a stricter one.

use jiff::Timestamp;
use jiff::civil::{Time, time};
use serde_json::json;

use carepost_kernel::{MessageId, Priority, RecipientId};

use super::*;
use crate::policy::{Identification, SmsIdentification, TypeOverride};
use crate::rules::GateQuestion;
use crate::types::{AddressKey, ConsentState, ContactFacts, Grant, PersonFacts, Preferences};

/// Whether a message leaves for somebody who has consented in writing to this purpose.
fn leaves(policy: &CompiledPolicy, purpose: Purpose, channel: Channel) -> bool {
    let now: Timestamp = "2026-11-18T18:00:00Z".parse().unwrap();
    let recipient_id = RecipientId::new(now);
    let since = Timestamp::UNIX_EPOCH;
    let grant = Grant { purpose: Some(purpose), state: ConsentState::GrantedInWriting, since, expires_at: None };
    let person = PersonFacts {
        recipient_id,
        also: Vec::new(),
        zone: jiff::tz::TimeZone::get("America/New_York").ok(),
        state: None,
        language: "en".to_owned(),
        grants: vec![grant],
        preferences: Preferences::default(),
        wards: Vec::new(),
    };
    let key = AddressKey { channel, address_hash: [7; 16] };
    let facts = ContactFacts { key, people: vec![person], suppressions: Vec::new(), sends: Vec::new() };
    let question = GateQuestion {
        now,
        ready_at: now,
        message_id: MessageId::new(now),
        channel,
        purpose,
        topic: None,
        message_type: None,
        priority: Priority::Normal,
        recipient_id: Some(recipient_id),
        facts: &facts,
        policy,
        text_chars: Some(100),
        is_identified: Some(true),
    };
    question.answers().all_go()
}

fn stored(policy: &GatePolicy) -> Value {
    serde_json::to_value(policy).unwrap()
}

#[test]
fn a_policy_without_faults_stays_as_it_is() {
    let policy = GatePolicy { caps: Caps { per_day: Some(7), ..Caps::default() }, ..GatePolicy::default() };
    let (compiled, faults) = CompiledPolicy::of_stored(&stored(&policy));
    assert_eq!((compiled.source(), faults.len()), (&policy, 0));
}

#[test]
fn con_006_sites_in_a_zone_that_is_gone_may_lie_anywhere() {
    let practice = Practice { zones: vec!["America/Atlantis".to_owned()], ..Practice::default() };
    let policy = GatePolicy { practice, caps: Caps { per_day: Some(7), ..Caps::default() }, ..GatePolicy::default() };
    let (compiled, faults) = CompiledPolicy::of_stored(&stored(&policy));
    assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), ["/practice/zones/0"]);
    assert_eq!(compiled.source().caps, policy.caps, "what is sound stays");
    let zones = &compiled.source().practice.zones;
    assert_eq!(compiled.zones().len(), zones.len());
    for zone in ["America/New_York", "America/Los_Angeles", "Pacific/Honolulu"] {
        assert!(zones.iter().any(|name| name == zone), "{zone}: {zones:?}");
    }
}

#[test]
fn del_8_what_cannot_be_read_brings_the_strictest_rules() {
    let built_in = GatePolicy::default();
    assert!(CompiledPolicy::strictest().source().caps.per_day.is_some());
    for body in [json!({}), json!({"caps": {"per_day": 0}}), json!({"gates": "open"}), json!("open"), json!(null)] {
        let (compiled, faults) = CompiledPolicy::of_stored(&body);
        if body == json!({}) {
            assert_eq!((compiled.source(), faults.len()), (&built_in, 0));
            continue;
        }
        assert_eq!(faults.len(), 1, "{body}");
        let strict = compiled.source();
        for purpose in Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Emergency) {
            assert_eq!(strict.unknown_address(purpose), UnknownAddress::Refuse, "{body}");
            for channel in Channel::ALL {
                assert!(strict.consent_need(purpose, channel) >= built_in.consent_need(purpose, channel), "{body}");
            }
        }
        assert_eq!(strict.unknown_address(Purpose::Emergency), UnknownAddress::CallerAttests, "emergencies go");
        assert_eq!(strict.phi.by_channel.get(&Channel::Sms), Some(&PhiHandling::Block));
        assert!(strict.caps.per_day.is_some() && !strict.exemption.is_used);
    }
}

#[test]
fn del_8_what_cannot_be_read_lets_emergencies_go_and_nothing_else() {
    let (unread, faults) = CompiledPolicy::of_stored(&json!({"registration": {"fax": "missing"}}));
    assert_eq!(faults.len(), 1);
    for policy in [unread, CompiledPolicy::strictest()] {
        for channel in Channel::ALL {
            for purpose in Purpose::ALL {
                let is_emergency = purpose == Purpose::Emergency;
                assert_eq!(leaves(&policy, purpose, channel), is_emergency, "{purpose:?} {channel:?}");
            }
        }
    }
    assert!(leaves(&CompiledPolicy::built_in(), Purpose::Treatment, Channel::Sms), "which it would else");
}

fn hours(from: Time, until: Time) -> Option<DayHours> {
    Some(DayHours { from, until })
}

/// A policy with wishes that are stricter than the default, and with faults that have a stricter form.
fn asked_for_much() -> GatePolicy {
    let written = [(Channel::Email, ConsentNeed::Written), (Channel::Voice, ConsentNeed::None)];
    let practice = Practice {
        name: "Larch Lane Dental".to_owned(),
        zones: vec!["America/Atlantis".to_owned()],
        ..Practice::default()
    };
    GatePolicy {
        practice,
        consent: [(Purpose::Financial, written.into())].into(),
        contact_hours: ContactHours {
            sms: hours(time(10, 0, 0, 0), time(22, 0, 0, 0)),
            in_app: hours(time(9, 0, 0, 0), time(10, 0, 0, 0)),
            ..ContactHours::default()
        },
        caps: Caps { per_day: Some(5_000), per_week: Some(2), when_reached: WhenReached::Refuse, ..Caps::default() },
        exemption: Exemption { is_used: true, per_day: 9, ..Exemption::default() },
        phi: PhiRules { extra_terms: vec!["larch".to_owned()], ..PhiRules::default() },
        identification: Identification { sms: SmsIdentification::Every, email_footer: false },
        registration: Registrations { sms: Registration::Missing, email: Registration::NotNeeded },
        types: [("gone".to_owned(), TypeOverride::default())].into(),
        ..GatePolicy::default()
    }
}

#[test]
fn del_8_a_policy_with_faults_is_tightened_and_never_loosened() {
    let policy = asked_for_much();
    let (compiled, faults) = CompiledPolicy::of_stored(&stored(&policy));
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/practice/zones/0", "/caps/per_day", "/exemption/per_day", "/types/gone"]);
    let strict = compiled.source();
    assert_eq!((&strict.practice.name, strict.practice.zones.len() > 5), (&policy.practice.name, true));
    for purpose in Purpose::ALL {
        for channel in Channel::ALL {
            assert!(strict.consent_need(purpose, channel) >= policy.consent_need(purpose, channel), "{purpose:?}");
        }
    }
    assert_eq!(strict.consent_need(Purpose::Financial, Channel::Email), ConsentNeed::Written, "as it was asked for");
    assert_eq!(strict.consent_need(Purpose::Financial, Channel::Voice), ConsentNeed::Express);
    assert_eq!(strict.unknown_address(Purpose::Treatment), UnknownAddress::Refuse);
    assert_eq!(strict.contact_hours.sms, hours(time(10, 0, 0, 0), time(21, 0, 0, 0)));
    assert_eq!(strict.contact_hours.in_app, policy.contact_hours.in_app);
    let caps =
        Caps { per_day: Some(1), per_week: Some(2), marketing_per_week: Some(1), when_reached: WhenReached::Refuse };
    assert_eq!((strict.caps, strict.exemption.is_used), (caps, false));
    assert_eq!((&strict.phi.extra_terms, strict.registration), (&policy.phi.extra_terms, policy.registration));
    assert_eq!(strict.identification, policy.identification);
    assert!(leaves(&compiled, Purpose::Treatment, Channel::Email), "what is sound still leaves");
}

#[test]
fn del_8_what_has_no_stricter_form_lets_only_emergencies_go() {
    // Their hours have nothing in common with those of the day, or an hour in which to begin but none in which to end.
    for sms in [hours(time(22, 0, 0, 0), time(23, 0, 0, 0)), hours(time(12, 0, 0, 0), time(9, 0, 0, 0))] {
        let policy = GatePolicy { contact_hours: ContactHours { sms, ..ContactHours::default() }, ..asked_for_much() };
        let (compiled, _) = CompiledPolicy::of_stored(&stored(&policy));
        assert!(!leaves(&compiled, Purpose::Treatment, Channel::InApp));
        assert!(leaves(&compiled, Purpose::Emergency, Channel::Sms));
    }
}
