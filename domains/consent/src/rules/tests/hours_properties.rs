//! What holds for any people, hours and moments.

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use carepost_kernel::{Purpose, Verdict, WaitReason};

use super::super::quiet_hours;
use super::super::testing::{World, person, zone};
use crate::policy::states;
use crate::types::QuietHours;

fn quiet() -> impl Strategy<Value = QuietHours> {
    // At most six hours long, so that most pairs leave a common moment.
    (0_i8..24, 0_i8..60, 1_i8..7).prop_map(|(hour, minute, hours)| QuietHours {
        from: Time::new(hour, minute, 0, 0).unwrap(),
        until: Time::new((hour + hours) % 24, minute, 0, 0).unwrap(),
    })
}

#[derive(Debug, Clone)]
struct Somebody {
    zone: Option<String>,
    state: Option<[u8; 2]>,
    quiet: Option<QuietHours>,
}

fn somebody() -> impl Strategy<Value = Somebody> {
    let zones: Vec<String> = states().flat_map(|(_, state)| state.zones.clone()).collect();
    let codes: Vec<[u8; 2]> = states().map(|(code, _)| code.as_bytes().try_into().unwrap()).collect();
    let zone = proptest::option::weighted(0.8, proptest::sample::select(zones));
    let state = proptest::option::of(proptest::sample::select(codes));
    (zone, state, proptest::option::of(quiet())).prop_map(|(zone, state, quiet)| Somebody { zone, state, quiet })
}

fn world(people: &[Somebody], now: Timestamp, purpose: Purpose) -> World {
    let mut world = World::new();
    (world.now, world.purpose) = (now, purpose);
    world.facts.people.clear();
    for one in people {
        let mut person = person(now);
        (person.zone, person.state) = (one.zone.as_deref().map(zone), one.state);
        person.preferences.quiet = one.quiet;
        world.facts.people.push(person);
    }
    world
}

/// A plain reading of the federal hours and of wishes, for people whose zone is known.
fn sleeps(one: &Somebody, at: Timestamp) -> bool {
    let Some(name) = &one.zone else { return false };
    let now = zone(name).to_datetime(at).time();
    let is_night = !(8..21).contains(&now.hour());
    let is_wished = one.quiet.is_some_and(|quiet| match quiet.from < quiet.until {
        true => quiet.from <= now && now < quiet.until,
        false => quiet.from <= now || now < quiet.until,
    });
    is_night || is_wished
}

fn purposes() -> impl Strategy<Value = Purpose> {
    proptest::sample::select(vec![Purpose::Transactional, Purpose::Treatment, Purpose::Financial, Purpose::Marketing])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn con_006_nothing_leaves_while_anybody_sleeps_and_every_wait_ends_in_the_open(
        people in proptest::collection::vec(somebody(), 0..4),
        second in 1_767_225_600_i64..1_830_297_600,
        nanosecond in 0_i32..1_000_000_000,
        purpose in purposes(),
        part in 0.0_f64..1.0,
    ) {
        let now = Timestamp::new(second, nanosecond).unwrap();
        let mut world = world(&people, now, purpose);
        let policy = world.policy.clone().compile().unwrap();
        match world.ask_with(&policy, quiet_hours) {
            Verdict::Go => prop_assert!(!people.iter().any(|one| sleeps(one, now))),
            Verdict::Wait { until, reason } => {
                prop_assert_eq!(reason, WaitReason::QuietHours);
                prop_assert!(now < until && until <= now + SignedDuration::from_hours(7 * 24));
                prop_assert!(!people.iter().any(|one| sleeps(one, until)));
                world.now = until;
                prop_assert_eq!(world.ask_with(&policy, quiet_hours), Verdict::Go);
                // Whoever asks again on the way hears the same: there is no open moment before.
                let on_the_way = until.duration_since(now).as_secs_f64() * part;
                world.now = now + SignedDuration::from_secs_f64(on_the_way);
                prop_assert_eq!(world.ask_with(&policy, quiet_hours), Verdict::Wait { until, reason });
            }
            Verdict::OtherChannel { code } => prop_assert_eq!(code, "no_contact_hours"),
            Verdict::Refuse { .. } => prop_assert!(false, "hours never refuse"),
        }
    }

    #[test]
    fn c33_no_emergency_waits_and_nothing_passes_an_opt_out(
        people in proptest::collection::vec(somebody(), 0..4),
        second in 1_767_225_600_i64..1_830_297_600,
    ) {
        let mut world = world(&people, Timestamp::from_second(second).unwrap(), Purpose::Emergency);
        world.policy.caps.per_day = Some(1);
        world.sent(&[1, 2, 3], Purpose::Treatment, false);
        prop_assert!(world.ask(|question| question.answers().all_go()));
        world.suppress(crate::types::SuppressionReason::OptedOut, None);
        prop_assert!(!world.ask(|question| question.answers().all_go()));
    }
}
