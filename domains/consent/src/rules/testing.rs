//! What tests of rules share: one practice, one phone, one person, one question, each to be changed.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use carepost_kernel::{Channel, MessageId, Priority, Purpose, RecipientId, Topic, Verdict};

use super::GateQuestion;
use crate::policy::{CompiledPolicy, GatePolicy};
use crate::types::{
    AddressKey, ConsentState, ContactFacts, Grant, PastSend, PersonFacts, Preferences, SuppressionFact,
    SuppressionReason,
};

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// Noon in New York, on a Wednesday.
pub(super) const NOON: &str = "2026-11-18T17:00:00Z";

/// Everything that a question points at.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) ready_at: Timestamp,
    pub(super) channel: Channel,
    pub(super) purpose: Purpose,
    pub(super) topic: Option<Topic>,
    pub(super) message_type: Option<&'static str>,
    pub(super) priority: Priority,
    pub(super) recipient_id: Option<RecipientId>,
    pub(super) message_id: MessageId,
    pub(super) text_chars: Option<u32>,
    pub(super) is_identified: Option<bool>,
    pub(super) facts: ContactFacts,
    pub(super) policy: GatePolicy,
}

impl World {
    /// A transactional text to one person in New York who has consented to everything but marketing.
    pub(super) fn new() -> Self {
        let now = at(NOON);
        Self {
            now,
            ready_at: now,
            channel: Channel::Sms,
            purpose: Purpose::Transactional,
            topic: None,
            message_type: None,
            priority: Priority::Normal,
            recipient_id: None,
            message_id: MessageId::new(now),
            text_chars: None,
            is_identified: None,
            facts: ContactFacts {
                key: AddressKey { channel: Channel::Sms, address_hash: [7; 16] },
                people: vec![person(now)],
                suppressions: Vec::new(),
                sends: Vec::new(),
            },
            policy: GatePolicy::default(),
        }
    }

    pub(super) fn ask<Answer>(&self, rule: impl FnOnce(&GateQuestion<'_>) -> Answer) -> Answer {
        let policy = self.policy.clone().compile().unwrap();
        self.ask_with(&policy, rule)
    }

    pub(super) fn ask_with<Answer>(
        &self,
        policy: &CompiledPolicy,
        rule: impl FnOnce(&GateQuestion<'_>) -> Answer,
    ) -> Answer {
        rule(&GateQuestion {
            now: self.now,
            ready_at: self.ready_at,
            message_id: self.message_id,
            channel: self.channel,
            purpose: self.purpose,
            topic: self.topic,
            message_type: self.message_type.map(|key| policy.message_type(key).unwrap()),
            priority: self.priority,
            recipient_id: self.recipient_id,
            facts: &self.facts,
            policy,
            text_chars: self.text_chars,
            is_identified: self.is_identified,
        })
    }

    pub(super) fn only(&mut self) -> &mut PersonFacts {
        assert_eq!(self.facts.people.len(), 1);
        &mut self.facts.people[0]
    }

    pub(super) fn suppress(&mut self, reason: SuppressionReason, until: Option<Timestamp>) {
        self.facts.suppressions.push(SuppressionFact { reason, since: at("2026-01-01T00:00:00Z"), until });
    }

    /// Puts sends into the past, hours ago, the oldest first.
    pub(super) fn sent(&mut self, hours_ago: &[i64], purpose: Purpose, is_exempt: bool) {
        for hours in hours_ago {
            let sent_at = self.now - jiff::SignedDuration::from_hours(*hours);
            let message_id = MessageId::new(sent_at);
            self.facts.sends.push(PastSend { message_id, at: sent_at, purpose, is_exempt, is_here: true });
        }
        self.facts.sends.sort_by_key(|send| send.at);
    }
}

/// A person in New York who has consented to everything but marketing.
pub(super) fn person(now: Timestamp) -> PersonFacts {
    PersonFacts {
        recipient_id: RecipientId::new(now),
        also: Vec::new(),
        zone: Some(zone("America/New_York")),
        state: None,
        language: "en".to_owned(),
        grants: vec![grant(None, ConsentState::Granted, "2026-01-02T00:00:00Z")],
        preferences: Preferences::default(),
        wards: Vec::new(),
    }
}

pub(super) fn grant(purpose: Option<Purpose>, state: ConsentState, since: &str) -> Grant {
    Grant { purpose, state, since: at(since), expires_at: None }
}

/// One line of a table: the world as it is but for a change, a rule, what it says.
#[track_caller]
pub(super) fn check(rule: fn(&GateQuestion<'_>) -> Verdict, change: impl FnOnce(&mut World), expected: Verdict) {
    let mut world = World::new();
    change(&mut world);
    assert_eq!(world.ask(rule), expected);
}

pub(super) const fn other(code: &'static str) -> Verdict {
    Verdict::OtherChannel { code }
}
