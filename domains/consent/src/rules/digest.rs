//! Messages of some topics are held until a set time of day, so that they come together.

use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use carepost_kernel::{Priority, Verdict, WaitReason};

use super::GateQuestion;
use super::quiet_hours::zones;
use crate::policy::continental_zones;
use crate::types::{Digest, PersonFacts};

/// Waits for the first set time since the message was ready. What hurries does not wait, nor what passes caps.
#[must_use]
pub fn digest(question: &GateQuestion<'_>) -> Verdict {
    let passes = question.message_type.is_some_and(|found| found.passes_caps);
    let hurries = question.priority <= Priority::Urgent;
    if passes || hurries || question.is_emergency() {
        return Verdict::Go;
    }
    let Some(topic) = question.topic() else { return Verdict::Go };
    let by_practice = question.policy.source().digest.as_ref();
    let until = question.addressed().iter().filter_map(|person| {
        let wish = person.preferences.digest.as_ref().or(by_practice)?;
        wish.topics.contains(&topic).then(|| first_time(question, person, wish))?
    });
    match until.max() {
        Some(until) if question.now < until => Verdict::Wait { until, reason: WaitReason::Digest },
        _ => Verdict::Go,
    }
}

/// The first set time, not before the message was ready, on the clock that is likeliest the reader's.
fn first_time(question: &GateQuestion<'_>, person: &PersonFacts, wish: &Digest) -> Option<Timestamp> {
    let zone = zones(question, Some(person)).first().or_else(|| continental_zones().first())?;
    let mut date = zone.to_datetime(question.ready_at).date();
    // A day more than a week: today's time may be over, and it may be the only day.
    for _ in 0..=7 {
        let is_day = wish.on.is_none_or(|on: Weekday| on == date.weekday());
        let at = instant(zone, date.to_datetime(wish.at))?;
        if is_day && at >= question.ready_at {
            return Some(at);
        }
        date = date.checked_add(1.day()).ok()?;
    }
    None
}

/// A time within a gap of the clock is taken after it, one that comes twice the first time.
fn instant(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(local).compatible().ok()
}
