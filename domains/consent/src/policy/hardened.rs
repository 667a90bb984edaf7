//! What holds in place of a stored policy that this program cannot use as it is: never less than was asked for.
//!
//! A policy is checked when it is made. It may fail later all the same: a zone has left the tables, an older program wrote a
//! field that is gone. The gate must not open then, and must not stay shut for emergencies either.

use serde_json::Value;

use carepost_kernel::{Channel, Purpose};

use super::{
    Caps, CompiledPolicy, ContactHours, GatePolicy, PhiHandling, PhiRules, PolicyFault, Practice, StateHoursFor,
    UnknownAddress, WhenReached, continental_zones, zones_of_state,
};

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
    /// sites in zones that are gone are taken to lie in all zones of the United States; anything worse brings
    /// the strictest rules that there are.
    #[must_use]
    pub fn of_stored(stored: &Value) -> (Self, Vec<PolicyFault>) {
        let (policy, faults) = match GatePolicy::read(stored) {
            Ok(policy) => match policy.clone().compile() {
                Ok(compiled) => return (compiled, Vec::new()),
                Err(faults) => (Some(policy), faults),
            },
            Err(faults) => (None, faults),
        };
        let practice = policy.as_ref().map(|policy| policy.practice.clone()).unwrap_or_default();
        let mended = policy.map(everywhere).and_then(|policy| policy.compile().ok());
        let compiled = mended.or_else(|| strictest(practice).compile().ok());
        (compiled.unwrap_or_else(Self::strictest), faults)
    }

    /// The strictest rules that there are.
    ///
    /// # Panics
    /// Never: a test compiles them.
    #[must_use]
    pub fn strictest() -> Self {
        strictest(Practice::default()).compile().expect("a test compiles the strictest policy")
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

/// The strictest rules, in the name of this practice.
fn strictest(practice: Practice) -> GatePolicy {
    let known_only = Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Emergency);
    let open = [Channel::Sms, Channel::Email, Channel::Push, Channel::Voice];
    let by_day = ContactHours::default().sms;
    GatePolicy {
        practice: Practice { zones: all_zones(), ..practice },
        unknown_address: known_only.map(|purpose| (purpose, UnknownAddress::Refuse)).collect(),
        contact_hours: ContactHours { email: by_day, push: by_day, ..ContactHours::default() },
        state_hours_for: StateHoursFor::Everything,
        caps: Caps {
            per_day: Some(1),
            per_week: Some(3),
            marketing_per_week: Some(1),
            when_reached: WhenReached::Wait,
        },
        phi: PhiRules {
            by_channel: open.into_iter().map(|channel| (channel, PhiHandling::Block)).collect(),
            ..PhiRules::default()
        },
        ..GatePolicy::default()
    }
}

#[cfg(test)]
mod tests;
