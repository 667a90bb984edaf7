//! A policy that is cheap to ask.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use carepost_kernel::{Channel, Purpose, Topic};

use super::{ConsentNeed, GatePolicy, PolicyFault, StateHoursFor, UnknownAddress, Week, check, states};
use crate::message_types::{self, MessageType};

/// A policy that is cheap to ask: zones are parsed, defaults filled in, types looked up by key.
#[derive(Debug, Clone)]
pub struct CompiledPolicy {
    policy: GatePolicy,
    zones: Vec<TimeZone>,
    /// By the numbers of [`Purpose`] and [`Channel`], less one.
    needs: [[ConsentNeed; Channel::ALL.len()]; Purpose::ALL.len()],
    unknown: [UnknownAddress; Purpose::ALL.len()],
    hours: [Option<Week>; Channel::ALL.len()],
    /// Sorted by the two letters.
    state_hours: Vec<([u8; 2], Week)>,
    practice_states: Vec<[u8; 2]>,
    types: HashMap<String, MessageType>,
    is_for_emergencies_only: bool,
}

impl CompiledPolicy {
    pub(super) fn new(policy: GatePolicy) -> Result<Self, Vec<PolicyFault>> {
        let faults = check::faults(&policy);
        if !faults.is_empty() {
            return Err(faults);
        }
        let need = |purpose| Channel::ALL.map(|channel| policy.consent_need(purpose, channel));
        Ok(Self {
            zones: policy.practice.zones.iter().filter_map(|zone| TimeZone::get(zone).ok()).collect(),
            needs: Purpose::ALL.map(need),
            unknown: Purpose::ALL.map(|purpose| policy.unknown_address(purpose)),
            hours: Channel::ALL.map(|channel| policy.hours_of(channel).map(Week::from)),
            state_hours: state_hours(&policy),
            practice_states: policy.practice_states().iter().filter_map(|code| letters(code)).collect(),
            types: message_types::with_overrides(&policy.types),
            is_for_emergencies_only: false,
            policy,
        })
    }

    /// The same policy, under which nothing but emergencies has consent.
    pub(super) fn for_emergencies_only(self) -> Self {
        Self { is_for_emergencies_only: true, ..self }
    }

    /// The policy of tenants that have set nothing.
    #[must_use]
    pub fn built_in() -> Self {
        Self::new(GatePolicy::default()).expect("a test compiles the default policy")
    }

    /// As it was written.
    #[must_use]
    pub const fn source(&self) -> &GatePolicy {
        &self.policy
    }

    /// A message type as this practice has it.
    #[must_use]
    pub fn message_type(&self, key: &str) -> Option<&MessageType> {
        self.types.get(key)
    }

    /// Why a message goes that a template says, and what it is about: as the template has it, unless the practice has set its
    /// type otherwise. Where either is marketing, it is marketing (decision C32).
    #[must_use]
    pub fn of_template(&self, key: Option<&str>, (purpose, topic): (Purpose, Topic)) -> (Purpose, Topic) {
        let change = key.and_then(|key| self.policy.types.get(key));
        let of_type = key.and_then(|key| self.message_type(key)).map(|known| known.purpose);
        let is_marketing = purpose == Purpose::Marketing || of_type == Some(Purpose::Marketing);
        let set = change.and_then(|change| change.purpose).unwrap_or(purpose);
        let purpose = if is_marketing { Purpose::Marketing } else { set };
        (purpose, change.and_then(|change| change.topic).unwrap_or(topic))
    }

    /// All message types as this practice has them, in no order.
    pub fn message_types(&self) -> impl Iterator<Item = &MessageType> {
        self.types.values()
    }

    /// Zones of the practice's sites.
    pub(crate) fn zones(&self) -> &[TimeZone] {
        &self.zones
    }

    pub(crate) fn need(&self, purpose: Purpose, channel: Channel) -> ConsentNeed {
        let by_channel = self.needs.get(index(purpose.as_i16())).copied().unwrap_or([ConsentNeed::Written; 5]);
        by_channel.get(index(channel.as_i16())).copied().unwrap_or(ConsentNeed::Written)
    }

    /// Whether nothing but emergencies may leave, since nobody knows what the practice has asked for.
    pub(crate) const fn is_for_emergencies_only(&self) -> bool {
        self.is_for_emergencies_only
    }

    pub(crate) fn unknown_address(&self, purpose: Purpose) -> UnknownAddress {
        self.unknown.get(index(purpose.as_i16())).copied().unwrap_or(UnknownAddress::Refuse)
    }

    /// The hours of a channel.
    pub(crate) fn week(&self, channel: Channel) -> Option<&Week> {
        self.hours.get(index(channel.as_i16())).and_then(Option::as_ref)
    }

    /// The hours of a state, for messages of this purpose.
    pub(crate) fn state_week(&self, state: [u8; 2], purpose: Purpose) -> Option<&Week> {
        let holds = match self.policy.state_hours_for {
            StateHoursFor::Nothing => false,
            StateHoursFor::Marketing => purpose == Purpose::Marketing,
            StateHoursFor::Everything => true,
        };
        let at = holds.then(|| self.state_hours.binary_search_by_key(&state, |(code, _)| *code).ok()).flatten();
        at.and_then(|at| self.state_hours.get(at)).map(|(_, week)| week)
    }

    /// States of the practice's sites.
    pub(crate) fn practice_states(&self) -> &[[u8; 2]] {
        &self.practice_states
    }
}

/// The enums of the kernel begin at one, without gaps.
fn index(number: i16) -> usize {
    usize::from(number.unsigned_abs()).saturating_sub(1)
}

fn letters(code: &str) -> Option<[u8; 2]> {
    code.as_bytes().try_into().ok()
}

/// The shipped hours, with the practice's own in their place.
fn state_hours(policy: &GatePolicy) -> Vec<([u8; 2], Week)> {
    let hours = states().filter_map(|(code, state)| {
        let hours = policy.state_hours.get(code).copied().or(state.hours)?;
        Some((letters(code)?, hours.into()))
    });
    let mut hours: Vec<_> = hours.collect();
    hours.sort_unstable_by_key(|(code, _)| *code);
    hours
}
