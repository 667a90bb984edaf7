//! What guardians may hear of their wards (decision C59).

use carepost_kernel::Topic;

use super::*;
use crate::policy::ConsentNeed;
use crate::types::{GuardianScope, WardFact};

const OUT: &str = "guardian_out_of_scope";
const SCOPES: [GuardianScope; 3] = [GuardianScope::Full, GuardianScope::Appointments, GuardianScope::Financial];

/// A message about somebody whom the only reader of an inbox here answers for. The inbox asks for no consent, so that
/// nothing else holds it.
fn linked(scope: GuardianScope, ends_on: Option<&str>) -> impl FnOnce(&mut World) {
    move |world: &mut World| {
        let ward_id = RecipientId::new(world.now);
        (world.channel, world.recipient_id) = (Channel::InApp, Some(ward_id));
        let ends_on = ends_on.map(|day| day.parse().unwrap());
        world.only().wards.push(WardFact { ward_id, also: Vec::new(), scope, ends_on });
    }
}

#[test]
fn con_c59_a_guardian_hears_what_the_scope_covers() {
    let all = || {
        Purpose::ALL
            .into_iter()
            .flat_map(|purpose| Topic::ALL.into_iter().map(Some).chain([None]).map(move |topic| (purpose, topic)))
    };
    for scope in SCOPES {
        for (purpose, topic) in all() {
            let is_covered = match scope {
                GuardianScope::Full => true,
                _ if purpose == Purpose::Emergency => true,
                GuardianScope::Appointments => {
                    topic == Some(Topic::Appointments) && matches!(purpose, Purpose::Transactional | Purpose::Treatment)
                }
                GuardianScope::Financial => {
                    // Bills are about bills, also where nobody says so.
                    let topic = topic.or((purpose == Purpose::Financial).then_some(Topic::Financial));
                    topic == Some(Topic::Financial) && matches!(purpose, Purpose::Transactional | Purpose::Financial)
                }
            };
            let change = |world: &mut World| {
                linked(scope, None)(world);
                (world.purpose, world.topic) = (purpose, topic);
                world.policy.consent.insert(purpose, [(Channel::InApp, ConsentNeed::None)].into());
            };
            let mut world = World::new();
            change(&mut world);
            let is_held = world.ask(consent) == other(OUT);
            assert_eq!(is_held, !is_covered, "{scope:?} {purpose:?} {topic:?}");
        }
    }
}

#[test]
fn con_c59_a_link_that_has_ended_says_nothing_more() {
    // It is noon on November 18 in New York, where the guardian lives.
    for (ends_on, expected) in [("2026-11-19", GO), ("2026-11-18", GO), ("2026-11-17", other(OUT))] {
        check(consent, linked(GuardianScope::Full, Some(ends_on)), expected);
    }
    // Not even of danger.
    let danger = |world: &mut World| {
        linked(GuardianScope::Full, Some("2026-11-17"))(world);
        world.purpose = Purpose::Emergency;
    };
    check(consent, danger, other(OUT));
    // The last day ends at midnight of the guardian; where nobody knows the zone, with the earliest of the country.
    let midnight = |zone: Option<&'static str>| {
        move |world: &mut World| {
            linked(GuardianScope::Full, Some("2026-11-18"))(world);
            world.now = at("2026-11-19T05:00:00Z");
            world.only().zone = zone.map(super::super::testing::zone);
        }
    };
    check(consent, midnight(Some("America/Chicago")), GO);
    check(consent, midnight(Some("America/New_York")), other(OUT));
    check(consent, midnight(None), other(OUT));
    // One link that is alive is enough, whoever of a family has it.
    let both = |world: &mut World| {
        linked(GuardianScope::Full, Some("2026-11-17"))(world);
        let mut parent = person(world.now);
        parent.wards = vec![WardFact { ends_on: None, ..world.only().wards[0].clone() }];
        world.facts.people.push(parent);
    };
    check(consent, both, GO);
}

#[test]
fn con_c59_nothing_changes_where_there_is_no_link_or_the_address_is_the_wards_own() {
    let own = |world: &mut World| {
        linked(GuardianScope::Financial, Some("2020-01-01"))(world);
        let mut ward = person(world.now);
        ward.recipient_id = world.recipient_id.unwrap();
        world.facts.people.push(ward);
        world.channel = Channel::Sms;
    };
    check(consent, own, GO);
    let of_somebody_else = |world: &mut World| {
        linked(GuardianScope::Full, Some("2020-01-01"))(world);
        world.recipient_id = Some(world.only().recipient_id);
    };
    check(consent, of_somebody_else, GO);
    let former_record = |world: &mut World| {
        linked(GuardianScope::Full, Some("2020-01-01"))(world);
        let former = RecipientId::new(at("2025-01-01T00:00:00Z"));
        world.only().wards[0].also.push(former);
        world.recipient_id = Some(former);
    };
    check(consent, former_record, other(OUT));
    // A link opens nothing: consent to texts at the guardian's own number is no consent to texts about the ward.
    let text = |world: &mut World| {
        linked(GuardianScope::Full, None)(world);
        world.channel = Channel::Sms;
    };
    check(consent, text, other("no_consent"));
}

proptest! {
    /// C59: an ended link never makes more allowed than no link, nor than one that is alive.
    #[test]
    fn con_c59_an_ended_link_never_makes_more_allowed_than_no_link(
        channel in proptest::sample::select(Channel::ALL.to_vec()),
        purpose in proptest::sample::select(Purpose::ALL.to_vec()),
        topic in proptest::option::of(proptest::sample::select(Topic::ALL.to_vec())),
        scope in proptest::sample::select(SCOPES.to_vec()),
        need in proptest::option::of(proptest::sample::select(vec![ConsentNeed::None, ConsentNeed::Express])),
        days_ago in 1_i64..400,
        (is_about_ward, is_ward_there, is_revoked, is_exempt) in any::<(bool, bool, bool, bool)>(),
    ) {
        let world = |ends_on: Option<Option<jiff::civil::Date>>| {
            let mut world = World::new();
            (world.channel, world.purpose, world.topic) = (channel, purpose, topic);
            if let Some(need) = need.filter(|_| purpose != Purpose::Marketing) {
                world.policy.consent.insert(purpose, [(channel, need)].into());
            }
            if is_exempt {
                world.policy.exemption = Exemption { is_used: true, ..Exemption::default() };
                world.message_type = Some("appointment_reminder");
            }
            let ward = person(at("2026-01-01T00:00:00Z"));
            if is_revoked {
                world.only().grants.push(grant(None, ConsentState::Revoked, "2026-05-01T00:00:00Z"));
            }
            let ward_id = ward.recipient_id;
            if let Some(ends_on) = ends_on {
                world.only().wards.push(WardFact { ward_id, also: Vec::new(), scope, ends_on });
            }
            if is_about_ward {
                world.recipient_id = Some(ward_id);
            }
            if is_ward_there {
                world.facts.people.push(ward);
            }
            world.ask(consent)
        };
        let day = at(NOON).to_zoned(jiff::tz::TimeZone::UTC).date();
        let ended = world(Some(Some(day - jiff::Span::new().days(days_ago))));
        let (unlinked, alive) = (world(None), world(Some(None)));
        if ended == GO {
            prop_assert_eq!(&unlinked, &GO);
            prop_assert_eq!(&alive, &GO);
        }
        if is_about_ward && !is_ward_there {
            prop_assert_eq!(ended, other(OUT));
        } else {
            prop_assert_eq!(&ended, &unlinked, "a link is asked for where it is about the ward, at another's address");
        }
        // A link opens nothing.
        prop_assert!(alive != GO || unlinked == GO);
    }
}
