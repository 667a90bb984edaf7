//! What recipients wish: topics, gathered messages, reminders.

use jiff::civil::{Weekday, time};

use carepost_kernel::{Channel, Priority, Purpose, Topic, Verdict, WaitReason};

use super::super::testing::{World, at, check, other, person, zone};
use super::super::{digest, preference, reminder_times};
use super::GO;
use crate::policy::{GatePolicy, Preset};
use crate::types::Digest;

#[test]
fn con_001_a_topic_is_off_on_one_channel() {
    let off = |world: &mut World| {
        world.only().preferences.off = [(Topic::Appointments, [Channel::Sms].into())].into();
        world.topic = Some(Topic::Appointments);
    };
    check(preference, off, other("topic_off"));
    check(
        preference,
        |world| {
            off(world);
            world.channel = Channel::Email;
        },
        GO,
    );
    check(
        preference,
        |world| {
            off(world);
            world.topic = Some(Topic::Financial);
        },
        GO,
    );
    check(
        preference,
        |world| {
            off(world);
            world.topic = None;
        },
        GO,
    );
    let by_type = |world: &mut World| {
        off(world);
        (world.topic, world.message_type) = (None, Some("appointment_reminder"));
    };
    check(preference, by_type, other("topic_off"));
    check(
        preference,
        |world| {
            off(world);
            world.purpose = Purpose::Emergency;
        },
        GO,
    );
    // Somebody else's wish at the same phone counts where it is for nobody in particular.
    let shared = |world: &mut World| {
        off(world);
        let other = person(world.now);
        world.facts.people.push(other);
    };
    check(preference, shared, other("topic_off"));
    let for_other = |world: &mut World| {
        shared(world);
        world.recipient_id = Some(world.facts.people[1].recipient_id);
    };
    // Both were made at the same instant, which ids bear: they differ nevertheless.
    check(preference, for_other, GO);
}

fn gathered(on: Option<Weekday>) -> impl Fn(&mut World) {
    move |world| {
        world.topic = Some(Topic::Marketing);
        let wish = Digest { topics: [Topic::Marketing].into(), at: time(18, 0, 0, 0), on };
        world.only().preferences.digest = Some(wish);
    }
}

fn until(text: &str) -> Verdict {
    Verdict::Wait { until: at(text), reason: WaitReason::Digest }
}

#[test]
fn con_004_messages_of_a_topic_come_gathered() {
    check(digest, gathered(None), until("2026-11-18T23:00:00Z"));
    check(digest, gathered(Some(Weekday::Wednesday)), until("2026-11-18T23:00:00Z"));
    check(digest, gathered(Some(Weekday::Monday)), until("2026-11-23T23:00:00Z"));
    // The time has come since it was ready; or it was ready only after today's time.
    let later = |world: &mut World| {
        gathered(None)(world);
        world.now = at("2026-11-19T13:00:00Z");
    };
    check(digest, later, GO);
    let evening = |world: &mut World| {
        gathered(Some(Weekday::Wednesday))(world);
        (world.now, world.ready_at) = (at("2026-11-18T23:00:01Z"), at("2026-11-18T23:00:01Z"));
    };
    check(digest, evening, until("2026-11-25T23:00:00Z"));
    check(
        digest,
        |world| {
            gathered(None)(world);
            world.topic = Some(Topic::Care);
        },
        GO,
    );
    check(
        digest,
        |world| {
            gathered(None)(world);
            world.priority = Priority::Urgent;
        },
        GO,
    );
    check(
        digest,
        |world| {
            gathered(None)(world);
            world.purpose = Purpose::Emergency;
        },
        GO,
    );
    check(
        digest,
        |world| {
            gathered(None)(world);
            world.message_type = Some("running_late");
        },
        GO,
    );
    // The practice's way holds for whoever has none of their own.
    let by_practice = |world: &mut World| {
        gathered(None)(world);
        world.policy.digest = world.only().preferences.digest.take();
    };
    check(digest, by_practice, until("2026-11-18T23:00:00Z"));
}

#[test]
fn cam_013_reminders_follow_the_practice() {
    let zone = zone("America/Denver");
    let times = |preset, booked: &str| {
        let visit_at = at("2026-11-20T17:00:00Z");
        reminder_times(&GatePolicy::preset(preset).reminders, visit_at, at(booked), &zone)
    };
    let early = "2026-11-15T12:00:00Z";
    assert_eq!(times(Preset::Orthodontics, early), [at("2026-11-18T17:00:00Z"), at("2026-11-20T15:00:00Z")]);
    assert_eq!(times(Preset::Medical, early), [at("2026-11-19T17:00:00Z"), at("2026-11-20T15:00:00Z")]);
    // Booked a day ahead: the reminder of two days before is left out.
    assert_eq!(times(Preset::Orthodontics, "2026-11-19T17:00:00Z"), [at("2026-11-20T15:00:00Z")]);
    assert_eq!(times(Preset::Orthodontics, "2026-11-20T16:00:00Z"), []);
}
