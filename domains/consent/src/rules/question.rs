//! What a rule is asked, and what all of them say.

use jiff::Timestamp;

use carepost_kernel::{Channel, MessageId, Priority, Purpose, RecipientId, Topic, Verdict};

use super::{caps, consent, digest, identification, length, preference, quiet_hours, registration, suppression};
use crate::message_types::MessageType;
use crate::policy::CompiledPolicy;
use crate::types::{ContactFacts, PersonFacts};

/// One message that wants to leave for one address.
#[derive(Debug, Clone, Copy)]
pub struct GateQuestion<'a> {
    /// The present instant.
    pub now: Timestamp,
    /// Since when nothing but the gate kept it: it was accepted, and its wished time had come.
    pub ready_at: Timestamp,
    /// Which message: its own earlier attempts do not count against it.
    pub message_id: MessageId,
    /// On which channel.
    pub channel: Channel,
    /// Why it is sent.
    pub purpose: Purpose,
    /// What it is about, where it says so.
    pub topic: Option<Topic>,
    /// Its type, as [`CompiledPolicy::message_type`] has it.
    pub message_type: Option<&'a MessageType>,
    /// How much it hurries.
    pub priority: Priority,
    /// For whom, where it is for a person of this practice rather than for an address.
    pub recipient_id: Option<RecipientId>,
    /// What is known of the address.
    pub facts: &'a ContactFacts,
    /// The practice's policy.
    pub policy: &'a CompiledPolicy,
    /// Characters of the text of a text message, where it is known.
    pub text_chars: Option<u32>,
    /// Whether the text names the practice, by [`names_practice`](super::names_practice); none: nobody looked.
    pub is_identified: Option<bool>,
}

/// The purpose that the rules go by: what a type calls marketing stays marketing, whatever the caller says.
#[must_use]
pub fn purpose_of(said: Purpose, message_type: Option<&MessageType>) -> Purpose {
    match message_type {
        Some(found) if found.purpose == Purpose::Marketing => Purpose::Marketing,
        _ => said,
    }
}

impl<'a> GateQuestion<'a> {
    /// The purpose that the rules go by: what a type calls marketing stays marketing, whatever the caller says.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        purpose_of(self.purpose, self.message_type)
    }

    /// What it is about: as it says, else by its type, else by its purpose where that leaves no doubt.
    #[must_use]
    pub fn topic(&self) -> Option<Topic> {
        let by_purpose = || match self.purpose() {
            Purpose::Marketing => Some(Topic::Marketing),
            Purpose::Financial => Some(Topic::Financial),
            Purpose::Emergency | Purpose::Transactional | Purpose::Treatment => None,
        };
        self.topic.or_else(|| self.message_type.map(|found| found.topic)).or_else(by_purpose)
    }

    pub(crate) fn is_emergency(&self) -> bool {
        self.purpose() == Purpose::Emergency
    }

    pub(crate) fn is_marketing(&self) -> bool {
        self.purpose() == Purpose::Marketing
    }

    /// The person that it is for, under whichever record, where that one is reached at this address.
    pub(crate) fn person(&self) -> Option<&'a PersonFacts> {
        let wanted = self.recipient_id?;
        self.facts.people.iter().find(|person| person.has_record(wanted))
    }

    /// Whose wishes count: those of the person that it is for, else of everybody at the address.
    pub(crate) fn addressed(&self) -> &'a [PersonFacts] {
        self.person().map_or(self.facts.people.as_slice(), std::slice::from_ref)
    }

    /// Asks every rule.
    #[must_use]
    pub fn answers(&self) -> Answers {
        Answers {
            suppression: suppression(self),
            consent: consent(self),
            preference: preference(self),
            digest: digest(self),
            quiet_hours: quiet_hours(self),
            caps: caps(self),
            identification: identification(self),
            registration: registration(self),
            length: length(self),
        }
    }
}

/// What each rule of this room says. No default: a rule that is left out does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Of [`suppression`].
    pub suppression: Verdict,
    /// Of [`consent`].
    pub consent: Verdict,
    /// Of [`preference`].
    pub preference: Verdict,
    /// Of [`digest`].
    pub digest: Verdict,
    /// Of [`quiet_hours`].
    pub quiet_hours: Verdict,
    /// Of [`caps`].
    pub caps: Verdict,
    /// Of [`identification`].
    pub identification: Verdict,
    /// Of [`registration`].
    pub registration: Verdict,
    /// Of [`length`].
    pub length: Verdict,
}

impl Answers {
    /// Whether all of them let it go now.
    #[must_use]
    pub fn all_go(&self) -> bool {
        let Self { suppression, consent, preference, digest, quiet_hours, caps, identification, registration, length } =
            self;
        [suppression, consent, preference, digest, quiet_hours, caps, identification, registration, length]
            .into_iter()
            .all(|verdict| *verdict == Verdict::Go)
    }
}
