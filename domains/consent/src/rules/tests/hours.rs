//! Tables of the hours: every zone of the United States, both changes of the clock in 2026 and 2027.

use jiff::civil::{Date, date, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use carepost_kernel::{Channel, Purpose, Verdict, WaitReason};

use super::super::quiet_hours;
use super::super::testing::{World, at, check, other, person, zone};
use super::GO;
use crate::policy::states;
use crate::types::QuietHours;

/// Each zone, its hours behind UTC in winter, and in summer where it changes the clock: written down by hand.
const ZONES: [(&str, i64, Option<i64>); 34] = [
    ("America/Puerto_Rico", 4, None),
    ("America/St_Thomas", 4, None),
    ("America/New_York", 5, Some(4)),
    ("America/Detroit", 5, Some(4)),
    ("America/Kentucky/Louisville", 5, Some(4)),
    ("America/Kentucky/Monticello", 5, Some(4)),
    ("America/Indiana/Indianapolis", 5, Some(4)),
    ("America/Indiana/Vincennes", 5, Some(4)),
    ("America/Indiana/Winamac", 5, Some(4)),
    ("America/Indiana/Marengo", 5, Some(4)),
    ("America/Indiana/Petersburg", 5, Some(4)),
    ("America/Indiana/Vevay", 5, Some(4)),
    ("America/Indiana/Tell_City", 6, Some(5)),
    ("America/Indiana/Knox", 6, Some(5)),
    ("America/Chicago", 6, Some(5)),
    ("America/Menominee", 6, Some(5)),
    ("America/North_Dakota/Center", 6, Some(5)),
    ("America/North_Dakota/New_Salem", 6, Some(5)),
    ("America/North_Dakota/Beulah", 6, Some(5)),
    ("America/Denver", 7, Some(6)),
    ("America/Boise", 7, Some(6)),
    ("America/Phoenix", 7, None),
    ("America/Los_Angeles", 8, Some(7)),
    ("America/Anchorage", 9, Some(8)),
    ("America/Juneau", 9, Some(8)),
    ("America/Sitka", 9, Some(8)),
    ("America/Metlakatla", 9, Some(8)),
    ("America/Yakutat", 9, Some(8)),
    ("America/Nome", 9, Some(8)),
    ("America/Adak", 10, Some(9)),
    ("Pacific/Honolulu", 10, None),
    ("Pacific/Pago_Pago", 11, None),
    ("Pacific/Guam", -10, None),
    ("Pacific/Saipan", -10, None),
];

/// Sundays on which the clock changes, and whether summer begins.
const CHANGES: [(Date, bool); 4] =
    [(date(2026, 3, 8), true), (date(2026, 11, 1), false), (date(2027, 3, 14), true), (date(2027, 11, 7), false)];

fn instant(day: Date, hour: i8, behind_hours: i64) -> Timestamp {
    let utc = day.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
    utc + SignedDuration::from_hours(behind_hours)
}

fn until(until: Timestamp) -> Verdict {
    Verdict::Wait { until, reason: WaitReason::QuietHours }
}

#[test]
fn con_007_the_table_names_every_zone_of_the_states() {
    let mut known: Vec<&str> = states().flat_map(|(_, state)| state.zones.iter().map(String::as_str)).collect();
    let mut listed = ZONES.map(|(name, ..)| name);
    known.sort_unstable();
    known.dedup();
    listed.sort_unstable();
    assert_eq!(known, listed);
}

#[test]
fn con_006_con_007_texts_leave_from_eight_to_nine_in_every_zone_and_over_both_changes() {
    let mut cases = 0;
    for (name, winter, summer) in ZONES {
        for (sunday, begins_summer) in CHANGES {
            let summer = summer.unwrap_or(winter);
            let (before, after) = if begins_summer { (winter, summer) } else { (summer, winter) };
            let (saturday, monday) = (sunday.yesterday().unwrap(), sunday.tomorrow().unwrap());
            let opens_sunday = until(instant(sunday, 8, after));
            let second = SignedDuration::from_secs(1);
            let rows = [
                (instant(saturday, 7, before), until(instant(saturday, 8, before))),
                (instant(saturday, 8, before) - second, until(instant(saturday, 8, before))),
                (instant(saturday, 8, before), GO),
                (instant(saturday, 21, before) - second, GO),
                (instant(saturday, 21, before), opens_sunday.clone()),
                (instant(saturday, 23, before), opens_sunday.clone()),
                (instant(sunday, 1, before), opens_sunday.clone()),
                // The hour that is skipped, or comes twice, lies here.
                (instant(sunday, 2, before), opens_sunday.clone()),
                (instant(sunday, 3, after), opens_sunday.clone()),
                (instant(sunday, 8, after) - second, opens_sunday),
                (instant(sunday, 8, after), GO),
                (instant(sunday, 21, after) - second, GO),
                (instant(sunday, 21, after), until(instant(monday, 8, after))),
                (instant(monday, 7, after), until(instant(monday, 8, after))),
            ];
            for (now, expected) in rows {
                cases += 1;
                check(quiet_hours, |world| (world.now, world.only().zone) = (now, Some(zone(name))), expected);
            }
        }
    }
    assert_eq!(cases, 34 * 4 * 14);
}

/// Wishes that begin, end or lie within the hours that are skipped or come twice.
#[test]
fn con_006_own_quiet_hours_hold_over_both_changes_of_the_clock() {
    let wishes = [
        QuietHours { from: time(1, 30, 0, 0), until: time(2, 30, 0, 0) },
        QuietHours { from: time(22, 0, 0, 0), until: time(1, 30, 0, 0) },
        QuietHours { from: time(2, 15, 0, 0), until: time(2, 45, 0, 0) },
        QuietHours { from: time(20, 0, 0, 0), until: time(9, 0, 0, 0) },
    ];
    let mut looked_at = 0;
    for name in ["America/New_York", "America/Chicago", "America/Phoenix", "America/Adak", "Pacific/Guam"] {
        for (sunday, _) in CHANGES {
            for quiet in wishes {
                looked_at += compare_with_the_clock(&zone(name), sunday, quiet);
            }
        }
    }
    assert!(looked_at > 20_000, "{looked_at}");
}

/// Walks back over a grid of minutes, so that the next open minute is always known, and compares.
fn compare_with_the_clock(zone: &TimeZone, sunday: Date, quiet: QuietHours) -> usize {
    let mut world = World::new();
    // Email has no hours of its own.
    world.channel = Channel::Email;
    (world.only().zone, world.only().preferences.quiet) = (Some(zone.clone()), Some(quiet));
    let policy = world.policy.clone().compile().unwrap();
    let noon = instant(sunday.tomorrow().unwrap(), 12, 0);
    let is_quiet = |at: Timestamp| {
        let now = zone.to_datetime(at).time();
        let is_over_midnight = quiet.from > quiet.until;
        let (is_late, is_early) = (now >= quiet.from, now < quiet.until);
        if is_over_midnight { is_late || is_early } else { is_late && is_early }
    };
    let mut next_open = None;
    let minutes = 3 * 24 * 60;
    let mut looked_at = 0;
    for minute in 0..minutes {
        let now = noon - SignedDuration::from_mins(minute);
        if !is_quiet(now) {
            next_open = Some(now);
        }
        let Some(open) = next_open else { continue };
        world.now = now;
        let expected = if open == now { GO } else { until(open) };
        // All minutes are known to the walk; every seventh is asked for, and so is each hour.
        if minute % 7 == 0 || minute % 60 == 0 {
            looked_at += 1;
            assert_eq!(world.ask_with(&policy, quiet_hours), expected, "{now} {quiet:?}");
        }
    }
    looked_at
}

#[test]
fn con_006_a_message_at_eleven_at_night_waits_for_the_morning() {
    let night = |world: &mut World| world.now = at("2026-11-19T04:00:00Z");
    let morning = || until(at("2026-11-19T13:00:00Z"));
    check(quiet_hours, night, morning());
    check(
        quiet_hours,
        |world| {
            night(world);
            world.channel = Channel::Email;
        },
        GO,
    );
    check(
        quiet_hours,
        |world| {
            night(world);
            world.channel = Channel::Voice;
        },
        morning(),
    );
    check(
        quiet_hours,
        |world| {
            night(world);
            world.channel = Channel::InApp;
        },
        GO,
    );
    // C33: danger goes, and what happens within hours.
    check(
        quiet_hours,
        |world| {
            night(world);
            world.purpose = Purpose::Emergency;
        },
        GO,
    );
    check(
        quiet_hours,
        |world| {
            night(world);
            world.message_type = Some("running_late");
        },
        GO,
    );
    check(
        quiet_hours,
        |world| {
            night(world);
            world.message_type = Some("appointment_reminder");
        },
        morning(),
    );
    let wish = QuietHours { from: time(20, 0, 0, 0), until: time(9, 30, 0, 0) };
    let own = |world: &mut World| {
        night(world);
        world.only().preferences.quiet = Some(wish);
    };
    check(quiet_hours, own, until(at("2026-11-19T14:30:00Z")));
}

#[test]
fn con_007_an_unknown_zone_waits_for_all_zones_that_it_may_be() {
    // 21:30 in New York, 18:30 in Los Angeles.
    let unknown = |world: &mut World| (world.now, world.only().zone) = (at("2026-11-19T02:30:00Z"), None);
    let all = || until(at("2026-11-19T16:00:00Z"));
    check(quiet_hours, unknown, GO);
    check(
        quiet_hours,
        |world| {
            unknown(world);
            world.purpose = Purpose::Marketing;
        },
        all(),
    );
    let zones = |names: &'static [&'static str]| {
        move |world: &mut World| {
            unknown(world);
            world.policy.practice.zones = names.iter().map(|name| (*name).to_owned()).collect();
        }
    };
    check(quiet_hours, zones(&["America/Los_Angeles"]), GO);
    check(quiet_hours, zones(&["America/New_York"]), until(at("2026-11-19T13:00:00Z")));
    check(quiet_hours, zones(&["America/New_York", "America/Los_Angeles"]), all());
    // A state has zones of its own: Florida lies in two.
    let florida = |world: &mut World| {
        unknown(world);
        world.only().state = Some(*b"FL");
    };
    check(quiet_hours, florida, until(at("2026-11-19T14:00:00Z")));
    // Nobody known at all.
    let nobody = |world: &mut World| {
        unknown(world);
        world.facts.people.clear();
    };
    check(quiet_hours, nobody, GO);
    check(
        quiet_hours,
        |world| {
            nobody(world);
            world.purpose = Purpose::Marketing;
        },
        all(),
    );
    // A wish is kept even where nobody knows on which clock.
    let wish = QuietHours { from: time(21, 0, 0, 0), until: time(7, 0, 0, 0) };
    let own = |world: &mut World| {
        unknown(world);
        world.only().preferences.quiet = Some(wish);
    };
    check(quiet_hours, own, until(at("2026-11-19T15:00:00Z")));
}

#[test]
fn con_007_states_have_hours_of_their_own_for_marketing() {
    let marketing = |now: &'static str, state: &'static [u8; 2], name: &'static str| {
        move |world: &mut World| {
            world.purpose = Purpose::Marketing;
            world.now = at(now);
            (world.only().state, world.only().zone) = (Some(*state), Some(zone(name)));
        }
    };
    // Thursday, 20:30 in Florida, Oklahoma and Washington.
    check(quiet_hours, marketing("2026-11-20T01:30:00Z", b"FL", "America/New_York"), until(at("2026-11-20T13:00:00Z")));
    check(quiet_hours, marketing("2026-11-20T02:30:00Z", b"OK", "America/Chicago"), until(at("2026-11-20T14:00:00Z")));
    let washington = marketing("2026-11-20T04:30:00Z", b"WA", "America/Los_Angeles");
    check(quiet_hours, washington, until(at("2026-11-20T16:00:00Z")));
    check(quiet_hours, marketing("2026-11-20T01:30:00Z", b"NY", "America/New_York"), GO);
    // Texas: Sunday from noon, other days from nine. Alabama and Louisiana: not on Sundays.
    check(quiet_hours, marketing("2026-11-22T16:00:00Z", b"TX", "America/Chicago"), until(at("2026-11-22T18:00:00Z")));
    check(quiet_hours, marketing("2026-11-23T14:30:00Z", b"TX", "America/Chicago"), until(at("2026-11-23T15:00:00Z")));
    for state in [b"AL", b"LA"] {
        let sunday = marketing("2026-11-22T18:00:00Z", state, "America/Chicago");
        check(quiet_hours, sunday, until(at("2026-11-23T14:00:00Z")));
    }
    // Other purposes go by the federal hours, unless the practice wants it otherwise; the practice's own hours come first.
    let care = |world: &mut World| {
        marketing("2026-11-20T01:30:00Z", b"FL", "America/New_York")(world);
        world.purpose = Purpose::Treatment;
    };
    check(quiet_hours, care, GO);
    let all = |world: &mut World| {
        care(world);
        world.policy = serde_json::from_str(r#"{"state_hours_for": "everything"}"#).unwrap();
    };
    check(quiet_hours, all, until(at("2026-11-20T13:00:00Z")));
    let own = |world: &mut World| {
        all(world);
        let hours = serde_json::json!({"from": "10:00:00", "until": "12:00:00"});
        let state = serde_json::json!({"weekdays": null, "saturday": hours, "sunday": null});
        world.policy.state_hours = serde_json::from_value(serde_json::json!({ "FL": state })).unwrap();
    };
    check(quiet_hours, own, until(at("2026-11-21T15:00:00Z")));
}

#[test]
fn c58_everybody_who_shares_a_phone_must_be_awake() {
    // 22:00 in New York, 19:00 in Los Angeles: the mother lives there, the son here.
    let shared = |world: &mut World| {
        world.now = at("2026-11-19T03:00:00Z");
        world.only().zone = Some(zone("America/Los_Angeles"));
        let son = person(world.now);
        world.facts.people.push(son);
        world.recipient_id = Some(world.facts.people[0].recipient_id);
    };
    check(quiet_hours, shared, until(at("2026-11-19T16:00:00Z")));
}

#[test]
fn con_006_hours_that_leave_no_moment_close_the_channel() {
    let wish = QuietHours { from: time(8, 0, 0, 0), until: time(21, 0, 0, 0) };
    check(quiet_hours, |world| world.only().preferences.quiet = Some(wish), other("no_contact_hours"));
    // A stretch without length is no wish.
    let none = QuietHours { from: time(12, 0, 0, 0), until: time(12, 0, 0, 0) };
    check(quiet_hours, |world| world.only().preferences.quiet = Some(none), GO);
}
