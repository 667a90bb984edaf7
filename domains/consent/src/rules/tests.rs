//! One line for each way through each rule.

mod guardians;
mod hours;
mod hours_properties;
mod wishes;

use proptest::prelude::*;

use carepost_kernel::{Channel, Priority, Purpose, RecipientId, Verdict, WaitReason};

use super::testing::{NOON, World, at, check, grant, other, person};
use super::*;
use crate::policy::{ConsentNeed, Exemption, GatePolicy, Registration, SmsIdentification, UnknownAddress, WhenReached};
use crate::types::{ConsentState, SuppressionReason};

const GO: Verdict = Verdict::Go;

fn caps_until(text: &str) -> Verdict {
    Verdict::Wait { until: at(text), reason: WaitReason::Caps }
}

#[test]
fn con_008_an_opt_out_holds_everything_and_is_named_first() {
    check(suppression, |_| {}, GO);
    let names = [
        (SuppressionReason::OptedOut, "opted_out"),
        (SuppressionReason::HardBounce, "hard_bounce"),
        (SuppressionReason::Complaint, "complaint"),
        (SuppressionReason::ProviderBlock, "provider_block"),
        (SuppressionReason::SoftBounce, "soft_bounce"),
        (SuppressionReason::Staff, "suppressed_by_staff"),
        (SuppressionReason::WrongNumber, "wrong_number"),
    ];
    for (reason, code) in names {
        for purpose in Purpose::ALL {
            check(
                suppression,
                |world| {
                    world.purpose = purpose;
                    world.suppress(reason, None);
                },
                other(code),
            );
        }
    }
    let both = |world: &mut World| {
        world.suppress(SuppressionReason::SoftBounce, None);
        world.suppress(SuppressionReason::OptedOut, None);
    };
    check(suppression, both, other("opted_out"));
    check(suppression, |world| world.suppress(SuppressionReason::SoftBounce, Some(at(NOON))), GO);
    let tomorrow = at("2026-11-19T17:00:00Z");
    check(suppression, |world| world.suppress(SuppressionReason::SoftBounce, Some(tomorrow)), other("soft_bounce"));
}

#[test]
fn con_009_con_012_consent_is_asked_by_purpose() {
    for purpose in [Purpose::Transactional, Purpose::Treatment, Purpose::Financial] {
        check(consent, |world| world.purpose = purpose, GO);
        check(consent, |world| (world.purpose, world.only().grants) = (purpose, vec![]), other("no_consent"));
    }
    check(consent, |world| world.purpose = Purpose::Marketing, other("no_marketing_consent"));
    let marketing = |state| {
        move |world: &mut World| {
            world.purpose = Purpose::Marketing;
            world.only().grants.push(grant(Some(Purpose::Marketing), state, "2026-02-01T00:00:00Z"));
        }
    };
    check(consent, marketing(ConsentState::GrantedInWriting), GO);
    check(consent, marketing(ConsentState::Granted), other("no_marketing_consent"));
    // Consent in writing to everything does not name marketing.
    let general = |world: &mut World| {
        world.purpose = Purpose::Marketing;
        world.only().grants = vec![grant(None, ConsentState::GrantedInWriting, "2026-02-01T00:00:00Z")];
    };
    check(consent, general, other("no_marketing_consent"));
    // What the table of types calls marketing stays marketing.
    let disguised = |world: &mut World| world.message_type = Some("birthday");
    check(consent, disguised, other("no_marketing_consent"));
    check(consent, |world| (world.channel, world.only().grants) = (Channel::InApp, vec![]), GO);
}

#[test]
fn con_016_who_was_told_and_wants_it_has_said_so_for_this_address_and_purpose() {
    const TREATMENT: Option<Purpose> = Some(Purpose::Treatment);
    let wished = |world: &World, purpose| wants_unsecured(&world.facts, world.recipient_id, purpose, world.now);
    let with = |grants: &[(Option<Purpose>, ConsentState, &str)]| {
        let mut world = World::new();
        world.only().grants = grants.iter().map(|(purpose, state, since)| grant(*purpose, *state, since)).collect();
        world
    };
    let (unsecured, january, march) = (ConsentState::GrantedUnsecured, "2026-01-02T00:00:00Z", "2026-03-01T00:00:00Z");
    for (grants, treatment, financial) in [
        (vec![], false, false),
        (vec![(None, ConsentState::GrantedInWriting, january)], false, false),
        (vec![(None, unsecured, january)], true, true),
        (vec![(TREATMENT, unsecured, january)], true, false),
        // The word for the purpose itself counts.
        (vec![(None, unsecured, january), (TREATMENT, ConsentState::Granted, march)], false, true),
        (vec![(None, unsecured, january), (TREATMENT, ConsentState::Revoked, march)], false, true),
        (vec![(TREATMENT, unsecured, march), (None, ConsentState::Revoked, january)], true, false),
        (vec![(TREATMENT, unsecured, january), (None, ConsentState::Revoked, march)], false, false),
    ] {
        let world = with(&grants);
        let told = (wished(&world, Purpose::Treatment), wished(&world, Purpose::Financial));
        assert_eq!(told, (treatment, financial), "{grants:?}");
    }
    let mut world = with(&[(None, unsecured, january)]);
    world.only().grants[0].expires_at = Some(world.now);
    assert!(!wished(&world, Purpose::Treatment), "it has run out");

    // Of two at one address only the one that it is for has wished so; of nobody in particular, nobody.
    let mut world = with(&[(None, unsecured, january)]);
    let other = person(world.now);
    world.facts.people.push(other.clone());
    assert!(!wished(&world, Purpose::Treatment));
    world.recipient_id = Some(world.facts.people[0].recipient_id);
    assert!(wished(&world, Purpose::Treatment));
    world.recipient_id = Some(other.recipient_id);
    assert!(!wished(&world, Purpose::Treatment));
    // It is consent in writing as well.
    let offers = |world: &mut World| {
        world.purpose = Purpose::Marketing;
        world.only().grants = vec![grant(Some(Purpose::Marketing), unsecured, january)];
    };
    check(consent, offers, GO);
}

#[test]
fn con_003_a_revocation_stands_until_a_later_grant() {
    let revoked = |since: &'static str, purpose| {
        move |world: &mut World| {
            world.only().grants.push(grant(purpose, ConsentState::Revoked, since));
        }
    };
    check(consent, revoked("2026-03-01T00:00:00Z", None), other("consent_revoked"));
    check(consent, revoked("2026-03-01T00:00:00Z", Some(Purpose::Transactional)), other("consent_revoked"));
    check(consent, revoked("2026-03-01T00:00:00Z", Some(Purpose::Financial)), GO);
    // Before the grant, and at the very instant of it.
    check(consent, revoked("2026-01-01T00:00:00Z", None), GO);
    check(consent, revoked("2026-01-02T00:00:00Z", None), other("consent_revoked"));
    // Emergencies do not pass it, nor does the inbox here.
    for (purpose, channel) in [(Purpose::Emergency, Channel::Sms), (Purpose::Treatment, Channel::InApp)] {
        let change = |world: &mut World| {
            revoked("2026-03-01T00:00:00Z", None)(world);
            (world.purpose, world.channel) = (purpose, channel);
        };
        check(consent, change, other("consent_revoked"));
    }
    // START opens care again; advertising needs to be asked for anew.
    let started = |purpose| {
        move |world: &mut World| {
            world.purpose = purpose;
            world.only().grants = vec![
                grant(Some(Purpose::Marketing), ConsentState::GrantedInWriting, "2026-01-01T00:00:00Z"),
                grant(None, ConsentState::Revoked, "2026-03-01T00:00:00Z"),
                grant(None, ConsentState::Granted, "2026-04-01T00:00:00Z"),
            ];
        }
    };
    check(consent, started(Purpose::Treatment), GO);
    check(consent, started(Purpose::Marketing), other("no_marketing_consent"));
}

#[test]
fn con_003_what_was_handed_in_for_a_former_record_is_for_the_person() {
    let merged = |grants| {
        move |world: &mut World| {
            let former = RecipientId::new(world.now);
            world.recipient_id = Some(former);
            world.only().also = vec![former];
            world.only().grants = grants;
        }
    };
    check(consent, merged(vec![grant(None, ConsentState::Granted, "2026-01-02T00:00:00Z")]), GO);
    check(consent, merged(vec![grant(None, ConsentState::Revoked, "2026-01-02T00:00:00Z")]), other("consent_revoked"));
    let of_nobody_here = |world: &mut World| world.recipient_id = Some(RecipientId::new(world.now));
    check(consent, of_nobody_here, other("no_consent"));
}

#[test]
fn con_009_consent_ends_when_it_expires() {
    let expires = |text: &'static str| move |world: &mut World| world.only().grants[0].expires_at = Some(at(text));
    check(consent, expires("2026-11-18T17:00:01Z"), GO);
    check(consent, expires(NOON), other("consent_expired"));
}

#[test]
fn c58_a_family_shares_a_phone() {
    let family = |change: fn(&mut World)| {
        move |world: &mut World| {
            let mut child = person(world.now);
            child.grants.clear();
            world.facts.people.push(child);
            world.recipient_id = Some(world.facts.people[0].recipient_id);
            change(world);
        }
    };
    check(consent, family(|_| {}), GO);
    // Only the grants of the one that it is for count; where it is for nobody, any.
    let for_child = |world: &mut World| world.recipient_id = Some(world.facts.people[1].recipient_id);
    check(consent, family(for_child), other("no_consent"));
    check(consent, family(|world| world.recipient_id = None), GO);
    // Whoever takes it back takes it back for all, until somebody grants anew.
    let revoked = |world: &mut World| {
        world.facts.people[1].grants.push(grant(None, ConsentState::Revoked, "2026-05-01T00:00:00Z"));
    };
    check(consent, family(revoked), other("consent_revoked"));
    let granted_anew = |world: &mut World| {
        world.facts.people[1].grants.push(grant(None, ConsentState::Revoked, "2026-05-01T00:00:00Z"));
        world.facts.people[0].grants.push(grant(None, ConsentState::Granted, "2026-06-01T00:00:00Z"));
    };
    check(consent, family(granted_anew), GO);
    // Somebody who is not reached at this address any more.
    let gone = |world: &mut World| world.recipient_id = Some(RecipientId::new(at("2026-10-01T00:00:00Z")));
    check(consent, family(gone), other("no_consent"));
    check(
        consent,
        |world| {
            gone(world);
            world.facts.people.clear();
        },
        other("no_consent"),
    );
}

#[test]
fn con_009_an_unknown_address_is_the_callers_word_but_for_marketing() {
    let unknown = |purpose| {
        move |world: &mut World| {
            world.purpose = purpose;
            world.facts.people.clear();
        }
    };
    for purpose in [Purpose::Emergency, Purpose::Transactional, Purpose::Treatment, Purpose::Financial] {
        check(consent, unknown(purpose), GO);
    }
    check(consent, unknown(Purpose::Marketing), other("no_marketing_consent"));
    for (purpose, expected) in [(Purpose::Transactional, other("no_consent")), (Purpose::Emergency, GO)] {
        let refused = |world: &mut World| {
            unknown(purpose)(world);
            let all = Purpose::ALL.into_iter().map(|purpose| (purpose, UnknownAddress::Refuse));
            world.policy.unknown_address = all.collect();
        };
        check(consent, refused, expected);
    }
}

#[test]
fn con_009_the_policy_says_how_much_consent_is_needed() {
    let needs = |need| {
        move |world: &mut World| {
            world.only().grants.clear();
            let by_channel = [(Channel::Sms, need)].into();
            world.policy.consent = [(Purpose::Transactional, by_channel)].into();
        }
    };
    check(consent, needs(ConsentNeed::None), GO);
    check(consent, needs(ConsentNeed::Implied), GO);
    check(consent, needs(ConsentNeed::Express), other("no_consent"));
    check(consent, needs(ConsentNeed::Written), other("no_consent"));
}

fn exempt(world: &mut World) {
    world.policy.exemption = Exemption { is_used: true, ..Exemption::default() };
    world.message_type = Some("appointment_reminder");
    world.only().grants.clear();
}

#[test]
fn con_015_the_health_care_exemption_has_its_own_limits() {
    let goes = |change: fn(&mut World)| {
        let mut world = World::new();
        exempt(&mut world);
        change(&mut world);
        world.ask(goes_by_exemption)
    };
    assert!(goes(|_| {}));
    assert!(!goes(|world| world.policy.exemption.is_used = false));
    assert!(!goes(|world| world.message_type = Some("payment_due")), "no bills");
    assert!(!goes(|world| world.message_type = None));
    assert!(!goes(|world| world.channel = Channel::Email), "phones only");
    assert!(!goes(|world| world.facts.people.clear()), "only to the number that was given");
    assert!(!goes(|world| world.only().grants = person(world.now).grants), "there is consent");
    let revoked = |world: &mut World| {
        world.only().grants = vec![grant(None, ConsentState::Revoked, "2026-05-01T00:00:00Z")];
    };
    assert!(!goes(revoked), "an opt-out holds");
    check(consent, exempt, GO);
    check(
        consent,
        |world| {
            exempt(world);
            revoked(world);
        },
        other("consent_revoked"),
    );
    check(
        caps,
        |world| {
            exempt(world);
            world.sent(&[25], Purpose::Transactional, true);
        },
        GO,
    );
    let today = |world: &mut World| {
        exempt(world);
        world.sent(&[23], Purpose::Transactional, true);
    };
    check(caps, today, caps_until("2026-11-18T18:00:00Z"));
    let thrice = |world: &mut World| {
        exempt(world);
        world.sent(&[150, 100, 50], Purpose::Treatment, true);
    };
    check(caps, thrice, caps_until("2026-11-19T11:00:00Z"));
    let by_consent = |world: &mut World| {
        exempt(world);
        world.sent(&[23], Purpose::Transactional, false);
    };
    check(caps, by_consent, GO);

    check(
        length,
        |world| {
            exempt(world);
            world.text_chars = Some(160);
        },
        GO,
    );
    check(
        length,
        |world| {
            exempt(world);
            world.text_chars = Some(161);
        },
        other("too_long_for_exemption"),
    );
    check(length, |world| world.text_chars = Some(900), GO);
}

#[test]
fn con_005_a_fourth_message_a_day_waits_or_is_refused() {
    let sent = |hours: &'static [i64]| {
        move |world: &mut World| {
            world.policy.caps.per_day = Some(3);
            world.sent(hours, Purpose::Transactional, false);
        }
    };
    check(caps, sent(&[20, 10]), GO);
    check(caps, sent(&[24, 20, 10]), GO);
    check(caps, sent(&[23, 20, 10]), caps_until("2026-11-18T18:00:00Z"));
    check(caps, sent(&[23, 20, 10, 1]), caps_until("2026-11-18T21:00:00Z"));
    let refused = |world: &mut World| {
        sent(&[23, 20, 10])(world);
        world.policy.caps.when_reached = WhenReached::Refuse;
    };
    check(caps, refused, Verdict::Refuse { code: "cap_per_day" });
    let weekly = |world: &mut World| {
        sent(&[23, 20, 10])(world);
        world.policy.caps.per_week = Some(2);
    };
    check(caps, weekly, caps_until("2026-11-24T21:00:00Z"));
    // Its own earlier attempt does not count, nor an emergency.
    let own = |world: &mut World| {
        sent(&[23, 20, 10])(world);
        world.facts.sends[0].message_id = world.message_id;
    };
    check(caps, own, GO);
    let emergency = |world: &mut World| (sent(&[23, 20])(world), world.sent(&[1], Purpose::Emergency, false)).0;
    check(caps, emergency, GO);
    // C33: what happens within hours goes, and so does danger.
    let running_late = |world: &mut World| {
        sent(&[23, 20, 10])(world);
        world.message_type = Some("running_late");
    };
    check(caps, running_late, GO);
    check(
        caps,
        |world| {
            sent(&[23, 20, 10])(world);
            world.purpose = Purpose::Emergency;
        },
        GO,
    );
}

#[test]
fn con_004_the_third_marketing_message_of_a_week_is_held() {
    let wished = |most, purpose: Purpose| {
        move |world: &mut World| {
            world.purpose = purpose;
            world.only().preferences.most_per_week = Some(most);
            world.sent(&[100, 50], Purpose::Marketing, false);
        }
    };
    check(caps, wished(3, Purpose::Marketing), GO);
    check(caps, wished(2, Purpose::Marketing), caps_until("2026-11-21T13:00:00Z"));
    check(caps, wished(2, Purpose::Transactional), caps_until("2026-11-21T13:00:00Z"));
    check(caps, wished(2, Purpose::Treatment), GO);
    check(
        caps,
        |world| {
            wished(2, Purpose::Financial)(world);
            world.priority = Priority::Urgent;
        },
        GO,
    );
    check(caps, wished(0, Purpose::Financial), other("cap_own_wish"));
    let by_practice = |world: &mut World| {
        world.purpose = Purpose::Marketing;
        world.policy.caps.marketing_per_week = Some(1);
        world.sent(&[100], Purpose::Marketing, false);
    };
    check(caps, by_practice, caps_until("2026-11-21T13:00:00Z"));
    check(
        caps,
        |world| {
            by_practice(world);
            world.purpose = Purpose::Financial;
        },
        GO,
    );
}

#[test]
fn con_014_a_text_names_the_practice() {
    let named = |when, is_identified| {
        move |world: &mut World| {
            world.policy.practice.name = "Larch Lane Dental".to_owned();
            world.policy.identification.sms = when;
            world.is_identified = is_identified;
        }
    };
    let refused = Verdict::Refuse { code: "sender_not_identified" };
    check(identification, named(SmsIdentification::Off, Some(false)), GO);
    check(identification, named(SmsIdentification::First, Some(true)), GO);
    check(identification, named(SmsIdentification::First, None), GO);
    check(identification, named(SmsIdentification::First, Some(false)), refused.clone());
    let second = |world: &mut World| {
        named(SmsIdentification::First, Some(false))(world);
        world.sent(&[30], Purpose::Transactional, false);
    };
    check(identification, second, GO);
    let each = |world: &mut World| {
        second(world);
        world.policy.identification.sms = SmsIdentification::Every;
    };
    check(identification, each, refused.clone());
    check(
        identification,
        |world| {
            each(world);
            world.purpose = Purpose::Emergency;
        },
        GO,
    );

    let mut policy = GatePolicy::default();
    policy.practice.name = "Clínica Ñandú".to_owned();
    for text in ["Clínica Ñandú: hola", "  CLÍNICA ÑANDÚ: hola", "Hi Ana, this is clínica ñandú."] {
        assert!(names_practice(&policy, text), "{text}");
        assert_eq!(with_practice_name(&policy, text), text);
    }
    for text in ["hola", "", "Clínica", &format!("{}Clínica Ñandú", "a".repeat(41))] {
        assert!(!names_practice(&policy, text), "{text}");
        assert_eq!(with_practice_name(&policy, text), format!("Clínica Ñandú: {text}"));
    }
}

#[test]
fn con_014_advertising_by_email_shows_a_postal_address_whatever_is_set() {
    let email = |purpose, postal_address: &'static str| {
        move |world: &mut World| {
            (world.channel, world.purpose) = (Channel::Email, purpose);
            world.policy.practice.postal_address = postal_address.to_owned();
            assert!(!world.policy.identification.email_footer);
        }
    };
    let refused = Verdict::Refuse { code: "sender_not_identified" };
    check(identification, email(Purpose::Marketing, " "), refused.clone());
    check(identification, email(Purpose::Marketing, "12 Larch Lane, Springfield, IL 62701"), GO);
    check(identification, email(Purpose::Transactional, ""), GO);
    let by_type = |world: &mut World| {
        email(Purpose::Transactional, "")(world);
        world.message_type = Some("birthday");
    };
    check(identification, by_type, refused);
}

#[test]
fn con_014_an_unregistered_sender_leaves_to_another_channel() {
    let missing = |world: &mut World| world.policy.registration.sms = Registration::Missing;
    check(registration, missing, other("sender_not_registered"));
    check(
        registration,
        |world| {
            missing(world);
            world.channel = Channel::Email;
        },
        GO,
    );
    check(
        registration,
        |world| {
            missing(world);
            world.purpose = Purpose::Emergency;
        },
        GO,
    );
    check(registration, |world| world.policy.registration.sms = Registration::Registered, GO);
}

#[test]
fn con_015_codes_are_named_once_and_as_they_are_written() {
    let names: std::collections::BTreeSet<&str> = GateCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), GateCode::ALL.len());
    for code in GateCode::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
}

proptest! {
    /// CON-005: a wait for caps ends where there is room, and never before.
    #[test]
    fn con_005_a_wait_for_caps_ends_where_there_is_room(
        hours in proptest::collection::vec(0_i64..200, 0..20),
        per_day in 1_u16..5,
        per_week in 1_u16..10,
    ) {
        let mut world = World::new();
        (world.policy.caps.per_day, world.policy.caps.per_week) = (Some(per_day), Some(per_week));
        world.sent(&hours, Purpose::Financial, false);
        let policy = world.policy.clone().compile().unwrap();
        if let Verdict::Wait { until, reason } = world.ask_with(&policy, caps) {
            prop_assert_eq!(reason, WaitReason::Caps);
            prop_assert!(until > world.now);
            prop_assert!(until <= world.now + jiff::SignedDuration::from_hours(7 * 24));
            let before = World { now: until - jiff::SignedDuration::from_nanos(1), ..world.clone() };
            let (held, goes) = (before.ask_with(&policy, caps), World { now: until, ..world }.ask_with(&policy, caps));
            let same_wait = Verdict::Wait { until, reason };
            prop_assert_eq!(held, same_wait);
            prop_assert_eq!(goes, GO);
        }
    }
}
