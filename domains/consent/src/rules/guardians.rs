//! What somebody may hear of a person whom they answer for, or answered for once (decision C59).
//!
//! A link between guardian and ward opens nothing by itself; it says how far what is open reaches. It is asked for where a
//! message is about a person who is not reached at the address themselves.

use jiff::civil::Date;

use carepost_kernel::{Purpose, Topic};

use super::GateQuestion;
use super::quiet_hours::zones;
use crate::policy::continental_zones;
use crate::types::{GuardianScope, PersonFacts, WardFact};

/// Whether the message is about a ward of somebody at this address, and none of their links is alive and covers it.
///
/// Where the ward reads there as well, it is the ward's own address. Where nobody there was ever linked to the person, this
/// says nothing.
pub(super) fn is_out_of_scope(question: &GateQuestion<'_>) -> bool {
    let Some(wanted) = question.recipient_id else { return false };
    if question.person().is_some() {
        return false;
    }
    let people = question.facts.people.iter();
    let links = people.flat_map(|person| person.wards.iter().map(move |ward| (person, ward)));
    let mut links = links.filter(|(_, ward)| ward.has_record(wanted)).peekable();
    let is_linked = links.peek().is_some();
    is_linked && !links.any(|(guardian, ward)| is_alive(question, guardian, ward.ends_on) && covers(question, ward))
}

/// The last day is over as soon as it is over anywhere where the guardian may be: as hours have it, else by the clocks of the
/// continental United States.
fn is_alive(question: &GateQuestion<'_>, guardian: &PersonFacts, ends_on: Option<Date>) -> bool {
    let Some(last_day) = ends_on else { return true };
    let zones = zones(question, Some(guardian));
    let zones = if zones.is_empty() { continental_zones() } else { zones };
    zones.iter().all(|zone| zone.to_datetime(question.now).date() <= last_day)
}

/// Whether a scope reaches as far as the message's topic and purpose. What does not say what it is about is within the full
/// scope alone; danger concerns everybody who answers for the ward in anything (45 CFR 164.512(j)).
fn covers(question: &GateQuestion<'_>, ward: &WardFact) -> bool {
    let (topic, purpose) = (question.topic(), question.purpose());
    match (ward.scope, purpose) {
        (GuardianScope::Full, _) | (_, Purpose::Emergency) => true,
        (GuardianScope::Appointments, Purpose::Transactional | Purpose::Treatment) => {
            topic == Some(Topic::Appointments)
        }
        (GuardianScope::Financial, Purpose::Transactional | Purpose::Financial) => topic == Some(Topic::Financial),
        (GuardianScope::Appointments | GuardianScope::Financial, _) => false,
    }
}
