//! The hours in which somebody may be contacted, on the clocks of everybody who is reached at the address.
//!
//! Four kinds of hours must allow it at once: the channel's (8:00 to 21:00 by default), those of the recipient's state, those
//! that the recipient keeps free, and all of these for everybody who shares the phone. Where a zone is unknown, all zones
//! that it may be must allow it: those of the state, else those of the practice, else, for marketing, those of the
//! continental United States.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use carepost_kernel::{Channel, Verdict, WaitReason};

use super::{GateCode, GateQuestion};
use crate::policy::{OpenHours, continental_zones, zones_of_state};
use crate::types::PersonFacts;

/// No wait is longer: hours that leave no common moment within a week leave none at all.
const LONGEST_WAIT: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

/// Waits until the first moment that all hours allow.
#[must_use]
pub fn quiet_hours(question: &GateQuestion<'_>) -> Verdict {
    let passes = question.message_type.is_some_and(|found| found.passes_quiet_hours) && !question.is_marketing();
    if passes || question.is_emergency() {
        return Verdict::Go;
    }
    match first_open(question) {
        Some(until) if until == question.now => Verdict::Go,
        Some(until) => Verdict::Wait { until, reason: WaitReason::QuietHours },
        None => GateCode::NoContactHours.other_channel(),
    }
}

/// The first moment, not before now, at which everything is open.
fn first_open(question: &GateQuestion<'_>) -> Option<Timestamp> {
    let latest = question.now.checked_add(LONGEST_WAIT).ok()?;
    let mut at = question.now;
    loop {
        // Each turn goes on to the next moment at which one of the hours opens, so that turns are few.
        let next = latest_opening(question, at)?;
        if next == at {
            return Some(at);
        }
        if next > latest {
            return None;
        }
        at = next;
    }
}

/// The latest of the moments at which each of the hours opens next; none: one never does.
fn latest_opening(question: &GateQuestion<'_>, at: Timestamp) -> Option<Timestamp> {
    if question.facts.people.is_empty() {
        return opening_for(question, None, at);
    }
    let mut latest = at;
    for person in &question.facts.people {
        latest = latest.max(opening_for(question, Some(person), at)?);
    }
    Some(latest)
}

fn opening_for(question: &GateQuestion<'_>, person: Option<&PersonFacts>, at: Timestamp) -> Option<Timestamp> {
    let zones = zones(question, person);
    let mut latest = at;
    let mut ask = |hours: OpenHours<'_>, zones: &[TimeZone]| -> Option<()> {
        for zone in zones {
            latest = latest.max(hours.next_open(zone, at)?);
        }
        Some(())
    };
    if let Some(week) = question.policy.week(question.channel) {
        ask(OpenHours::Within(week), zones)?;
    }
    if matches!(question.channel, Channel::Sms | Channel::Voice) {
        let own = person.and_then(|person| person.state);
        let states = own.as_ref().map_or(question.policy.practice_states(), std::slice::from_ref);
        for state in states {
            if let Some(week) = question.policy.state_week(*state, question.purpose()) {
                ask(OpenHours::Within(week), zones)?;
            }
        }
    }
    let makes_noise = question.channel != Channel::InApp;
    if let Some(quiet) = person.and_then(|person| person.preferences.quiet).filter(|_| makes_noise) {
        // A wish is kept even where nobody knows on which clock.
        let zones = if zones.is_empty() { continental_zones() } else { zones };
        ask(OpenHours::Outside(quiet), zones)?;
    }
    Some(latest)
}

/// All zones that the reader may be in; empty: nobody knows, and it does not matter for this purpose.
pub(super) fn zones<'a>(question: &GateQuestion<'a>, person: Option<&'a PersonFacts>) -> &'a [TimeZone] {
    if let Some(zone) = person.and_then(|person| person.zone.as_ref()) {
        return std::slice::from_ref(zone);
    }
    if let Some(zones) = person.and_then(|person| person.state).and_then(zones_of_state) {
        return zones;
    }
    let own = question.policy.zones();
    if own.is_empty() && question.is_marketing() { continental_zones() } else { own }
}
