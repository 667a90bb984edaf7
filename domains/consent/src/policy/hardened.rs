//! What holds in place of a stored policy that this program cannot use as it is: never less than was asked for.
//!
//! A policy is checked when it is made. It may fail later all the same: a zone has left the tables, an older program wrote a
//! field that is gone. The gate must not open then, and must not stay shut for emergencies either.

use std::collections::BTreeMap;

use serde_json::Value;

use carepost_kernel::{Channel, PhiHandling, Purpose};

use super::{
    Caps, CompiledPolicy, ConsentNeed, ContactHours, DayHours, Exemption, GatePolicy, PhiRules, PolicyFault, Practice,
    Registration, Registrations, StateHoursFor, UnknownAddress, WhenReached, continental_zones, zones_of_state,
};
use crate::message_types::shipped;

impl GatePolicy {
    /// Reads a stored policy.
    ///
    /// # Errors
    /// Where it has another form than this program's.
    pub fn read(stored: &Value) -> Result<Self, Vec<PolicyFault>> {
        let malformed =
            |_| PolicyFault { pointer: String::new(), problem: "is not in the form that this program knows" };
        serde_json::from_value(stored.clone()).map_err(|error| vec![malformed(error)])
    }
}

impl CompiledPolicy {
    /// A stored policy, ready to be asked. Where it has faults, they are told, and something stricter stands in for it:
    /// sites in zones that are gone are taken to lie in all zones of the United States; other faults bring a tightened
    /// copy; where that has faults too, or the document cannot be read, nothing leaves but emergencies.
    #[must_use]
    pub fn of_stored(stored: &Value) -> (Self, Vec<PolicyFault>) {
        let policy = match GatePolicy::read(stored) {
            Ok(policy) => policy,
            Err(faults) => return (Self::strictest(), faults),
        };
        let faults = match policy.clone().compile() {
            Ok(compiled) => return (compiled, Vec::new()),
            Err(faults) => faults,
        };
        let mended = everywhere(policy.clone()).compile().or_else(|_| tightened(everywhere(policy)).compile());
        (mended.unwrap_or_else(|_| Self::strictest()), faults)
    }

    /// The strictest rules that there are: nothing leaves but emergencies.
    ///
    /// # Panics
    /// Never: a test compiles them.
    #[must_use]
    pub fn strictest() -> Self {
        strictest().compile().expect("a test compiles the strictest policy").for_emergencies_only()
    }
}

/// The same policy of a practice whose sites may lie anywhere.
fn everywhere(mut policy: GatePolicy) -> GatePolicy {
    policy.practice.zones = all_zones();
    policy
}

/// One zone for each clock of the country, for hours that must hold on all of them.
fn all_zones() -> Vec<String> {
    let outside = ["AK", "HI", "PR", "GU"]
        .map(str::as_bytes)
        .into_iter()
        .filter_map(|code| zones_of_state(code.try_into().ok()?));
    let zones = continental_zones().iter().chain(outside.flatten());
    let mut names: Vec<String> = zones.filter_map(|zone| zone.iana_name()).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    // A policy holds no more of them.
    names.truncate(16);
    names
}

/// All purposes that may be held.
fn held() -> impl Iterator<Item = Purpose> {
    Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Emergency)
}

/// The hours of texts and calls on all channels that make a noise.
fn by_day() -> ContactHours {
    let shipped = ContactHours::default();
    ContactHours { email: shipped.sms, push: shipped.sms, ..shipped }
}

const FEW: Caps =
    Caps { per_day: Some(1), per_week: Some(3), marketing_per_week: Some(1), when_reached: WhenReached::Wait };

fn blocked() -> BTreeMap<Channel, PhiHandling> {
    let open = [Channel::Sms, Channel::Email, Channel::Push, Channel::Voice];
    open.into_iter().map(|channel| (channel, PhiHandling::Block)).collect()
}

/// The same policy, nowhere looser than it is. What is faulty after this has no stricter form that is sound.
fn tightened(mut policy: GatePolicy) -> GatePolicy {
    // What is said of a type that this program does not know changes nothing here.
    policy.types.retain(|key, _| shipped(key).is_some());
    let need = |purpose, channel| policy.consent_need(purpose, channel).max(ConsentNeed::by_default(purpose, channel));
    let needs = |purpose| Channel::ALL.map(|channel| (channel, need(purpose, channel))).into();
    let consent = held().map(|purpose| (purpose, needs(purpose))).collect();
    let (own, day) = (policy.contact_hours, by_day());
    GatePolicy {
        consent,
        unknown_address: held().map(|purpose| (purpose, UnknownAddress::Refuse)).collect(),
        contact_hours: ContactHours {
            sms: narrower(own.sms, day.sms),
            email: narrower(own.email, day.email),
            in_app: own.in_app,
            push: narrower(own.push, day.push),
            voice: narrower(own.voice, day.voice),
        },
        state_hours_for: StateHoursFor::Everything,
        caps: Caps {
            per_day: fewer(policy.caps.per_day, FEW.per_day),
            per_week: fewer(policy.caps.per_week, FEW.per_week),
            marketing_per_week: fewer(policy.caps.marketing_per_week, FEW.marketing_per_week),
            when_reached: policy.caps.when_reached,
        },
        exemption: Exemption::default(),
        phi: PhiRules { by_channel: blocked(), extra_terms: policy.phi.extra_terms, ignored_terms: Vec::new() },
        ..policy
    }
}

/// The hours that both allow; where they have none in common, hours that do not compile.
fn narrower(own: Option<DayHours>, strict: Option<DayHours>) -> Option<DayHours> {
    let both = own.zip(strict);
    both.map(|(own, strict)| DayHours { from: own.from.max(strict.from), until: own.until.min(strict.until) })
        .or(own)
        .or(strict)
}

fn fewer(own: Option<u16>, strict: Option<u16>) -> Option<u16> {
    own.into_iter().chain(strict).min()
}

/// Rules under which nothing has consent by its absence; who speaks is unknown.
fn strictest() -> GatePolicy {
    let written = Channel::ALL.map(|channel| (channel, ConsentNeed::Written));
    GatePolicy {
        practice: Practice { zones: all_zones(), ..Practice::default() },
        consent: held().map(|purpose| (purpose, written.into())).collect(),
        unknown_address: held().map(|purpose| (purpose, UnknownAddress::Refuse)).collect(),
        contact_hours: by_day(),
        state_hours_for: StateHoursFor::Everything,
        caps: FEW,
        phi: PhiRules { by_channel: blocked(), ..PhiRules::default() },
        registration: Registrations { sms: Registration::Missing, email: Registration::Missing },
        ..GatePolicy::default()
    }
}

#[cfg(test)]
mod tests;
