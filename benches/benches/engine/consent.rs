//! The rules of the gate about people, and replies.

use std::hint::black_box;

use carepost_consent::keywords::{ReplyContext, read_reply};
use carepost_consent::policy::{CompiledPolicy, GatePolicy, Preset};
use carepost_consent::rules::GateQuestion;
use carepost_consent::types::{AddressKey, ConsentState, ContactFacts, Grant, PastSend, PersonFacts, Preferences};
use carepost_kernel::{Channel, MessageId, Priority, Purpose, RecipientId};
use criterion::Criterion;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub(crate) fn bench(criterion: &mut Criterion) {
    let policy = policy();
    let noon: Timestamp = "2026-11-18T17:00:00Z".parse().expect("an instant of RFC 3339");
    let night: Timestamp = "2026-11-19T05:00:00Z".parse().expect("an instant of RFC 3339");
    let one = facts(1, noon);
    let four = facts(4, noon);
    let mut group = criterion.benchmark_group("consent");
    group.bench_function("all rules: one person, no objection", |bench| {
        let question = question(&policy, &one, noon);
        assert!(question.answers().all_go(), "this is the way of most messages");
        bench.iter(|| black_box(&question).answers());
    });
    group.bench_function("all rules: four people, wait for the morning", |bench| {
        let question = question(&policy, &four, night);
        assert!(!question.answers().all_go(), "it is night");
        bench.iter(|| black_box(&question).answers());
    });
    group.bench_function("read a reply", |bench| {
        let text = "Hello, could you please tell me whether I can bring my son along on Friday?";
        bench.iter(|| read_reply(black_box(text), ReplyContext::default()));
    });
    group.finish();
}

/// Caps and identification as a practice has them.
fn policy() -> CompiledPolicy {
    // No sender is registered yet, and nothing is replaced by a notice.
    let GatePolicy { registration, phi, .. } = GatePolicy::default();
    let mut policy = GatePolicy { registration, phi, ..GatePolicy::preset(Preset::Medical) };
    policy.practice.name = "Larch Lane Dental".to_owned();
    policy.practice.postal_address = "12 Larch Lane, Springfield, IL 62701".to_owned();
    policy.compile().expect("the preset lacks the practice only")
}

fn question<'a>(policy: &'a CompiledPolicy, facts: &'a ContactFacts, now: Timestamp) -> GateQuestion<'a> {
    GateQuestion {
        now,
        ready_at: now,
        message_id: MessageId::new(now),
        channel: Channel::Sms,
        purpose: Purpose::Transactional,
        topic: None,
        message_type: policy.message_type("appointment_reminder"),
        priority: Priority::Normal,
        recipient_id: facts.people.first().map(|person| person.recipient_id),
        facts,
        policy,
        text_chars: Some(140),
        is_identified: Some(true),
    }
}

/// A phone that so many people share, and that got a message every other day.
fn facts(people: usize, now: Timestamp) -> ContactFacts {
    let zones = ["America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"];
    let zones = zones.iter().cycle().take(people);
    let person = |name: &&str| PersonFacts {
        recipient_id: RecipientId::new(now),
        also: Vec::new(),
        zone: TimeZone::get(name).ok(),
        state: None,
        language: "en".to_owned(),
        grants: vec![Grant {
            purpose: None,
            state: ConsentState::Granted,
            since: Timestamp::UNIX_EPOCH,
            expires_at: None,
        }],
        preferences: Preferences::default(),
        wards: Vec::new(),
    };
    let sends = [6, 4, 2].map(|days| {
        let at = now - SignedDuration::from_hours(days * 24);
        PastSend {
            message_id: MessageId::new(at),
            at,
            purpose: Purpose::Transactional,
            is_exempt: false,
            is_here: true,
        }
    });
    ContactFacts {
        key: AddressKey { channel: Channel::Sms, address_hash: [7; 16] },
        people: zones.map(person).collect(),
        suppressions: Vec::new(),
        sends: sends.to_vec(),
    }
}
