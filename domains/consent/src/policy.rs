//! What a practice may set about the gate: data, versioned, with a default for everything.
//!
//! Each legal number stands here with its source and date; none of it is legal advice, and a practice can change each.
//! [`GatePolicy`] is what is stored and shown, [`CompiledPolicy`] what the rules ask: zones are parsed once.

mod check;
mod compiled;
mod hardened;
mod hours;
mod preset;
mod sections;
mod states;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use carepost_kernel::{Channel, Purpose};

pub use check::PolicyFault;
pub use compiled::CompiledPolicy;
pub use hours::{DayHours, StateHours};
pub(crate) use hours::{OpenHours, Week};
pub use preset::Preset;
pub use sections::{
    Caps, ConsentNeed, ContactHours, DEFAULT_ZONE, Exemption, Identification, PhiRules, Practice, Registration,
    Registrations, Reminders, SmsIdentification, StateHoursFor, TypeOverride, UnknownAddress, WhenReached,
};
pub use states::{State, states};
pub(crate) use states::{continental_zones, zones_of_state};

/// The policy of one tenant. Left out: as [`GatePolicy::default`] has it.
///
/// The default is for tenants that have set nothing: suppressions and revocations hold, marketing needs consent in
/// writing, known people need to have consented to the rest, addresses that nobody here knows are the caller's word but
/// for marketing, and the contact hours hold for marketing by all zones of the continental United States at once, for
/// other purposes where a zone is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatePolicy {
    /// Who speaks.
    pub practice: Practice,
    /// Where the consent that is needed departs from [`ConsentNeed::by_default`].
    pub consent: BTreeMap<Purpose, BTreeMap<Channel, ConsentNeed>>,
    /// Where it departs from [`UnknownAddress::by_default`] what holds for an address that belongs to nobody here.
    pub unknown_address: BTreeMap<Purpose, UnknownAddress>,
    /// Hours in which a recipient may be contacted, on the recipient's own clock.
    pub contact_hours: ContactHours,
    /// For which purposes the hours of a state hold.
    pub state_hours_for: StateHoursFor,
    /// Hours of states by their two letters, in place of the shipped ones (`policy/states.toml`).
    pub state_hours: BTreeMap<String, StateHours>,
    /// How many messages one recipient gets.
    pub caps: Caps,
    /// Whether messages leave on the health-care exemption, and its limits.
    pub exemption: Exemption,
    /// What is done about health information in a channel that cannot be read securely.
    pub phi: PhiRules,
    /// How a message says who is speaking.
    pub identification: Identification,
    /// Whether the senders are registered where they must be.
    pub registration: Registrations,
    /// Departures from the shipped table of message types, by key.
    pub types: BTreeMap<String, TypeOverride>,
    /// Messages that come gathered to whoever has not chosen otherwise.
    pub digest: Option<crate::types::Digest>,
    /// When appointments are recalled to mind.
    pub reminders: Reminders,
}

impl GatePolicy {
    /// The languages that confirmations, footers and pages are written in.
    pub const LANGUAGES: [&'static str; 2] = ["en", "es"];

    /// A starting point for a kind of practice, with the whole of the rules. It lacks the practice itself: `validate` says
    /// what is missing.
    #[must_use]
    pub fn preset(preset: Preset) -> Self {
        preset::policy(preset)
    }

    /// What is wrong with it, by JSON pointer; empty: it can be compiled.
    #[must_use]
    pub fn validate(&self) -> Vec<PolicyFault> {
        check::faults(self)
    }

    /// The consent that is needed for a purpose on a channel.
    #[must_use]
    pub fn consent_need(&self, purpose: Purpose, channel: Channel) -> ConsentNeed {
        let own = self.consent.get(&purpose).and_then(|by_channel| by_channel.get(&channel));
        own.copied().unwrap_or_else(|| ConsentNeed::by_default(purpose, channel))
    }

    /// What holds for an address that belongs to nobody here.
    #[must_use]
    pub fn unknown_address(&self, purpose: Purpose) -> UnknownAddress {
        let own = self.unknown_address.get(&purpose);
        own.copied().unwrap_or_else(|| UnknownAddress::by_default(purpose))
    }

    /// Parses what is slow to parse, once.
    ///
    /// # Errors
    /// All faults of [`GatePolicy::validate`].
    pub fn compile(self) -> Result<CompiledPolicy, Vec<PolicyFault>> {
        CompiledPolicy::new(self)
    }

    /// Channels that are limited to hours.
    pub(crate) fn hours_of(&self, channel: Channel) -> Option<DayHours> {
        self.contact_hours.of(channel)
    }

    /// Own states of the practice, for people whose state is unknown.
    pub(crate) fn practice_states(&self) -> &BTreeSet<String> {
        &self.practice.states
    }
}

#[cfg(test)]
mod tests;
