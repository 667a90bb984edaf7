//! A draft against the policy in force, on invented messages.

use carepost_consent::policy::{Caps, ContactHours, DayHours, GatePolicy, Practice, UnknownAddress, WhenReached};
use carepost_kernel::{Phi, Purpose};
use jiff::SignedDuration;
use jiff::civil::time;
use proptest::prelude::*;

use super::*;
use crate::testing;
use crate::types::{Payload, Strategy};

/// Midnight of a day in UTC.
const DAY: i64 = 1_800_057_600;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(DAY).expect("in range") + SignedDuration::from_hours(hours)
}

fn rulebook(version: u32, policy: GatePolicy) -> Arc<Rulebook> {
    Arc::new(Rulebook::new(version, policy.compile().unwrap()).unwrap())
}

fn whose() -> Whose {
    Whose { tenant: testing::tenant(), public_url: Arc::new(Url::parse("https://carepost.example").unwrap()) }
}

/// At any hour, to anybody, as many as there are.
fn open() -> GatePolicy {
    GatePolicy { contact_hours: ContactHours { sms: None, ..ContactHours::default() }, ..GatePolicy::default() }
}

fn capped(per_day: u16, when_reached: WhenReached) -> GatePolicy {
    GatePolicy { caps: Caps { per_day: Some(per_day), when_reached, ..Caps::default() }, ..open() }
}

/// By day, by the clock of UTC.
fn by_day() -> GatePolicy {
    let hours = Some(DayHours { from: time(8, 0, 0, 0), until: time(21, 0, 0, 0) });
    GatePolicy {
        practice: Practice { zones: vec!["UTC".to_owned()], ..Practice::default() },
        contact_hours: ContactHours { sms: hours, ..ContactHours::default() },
        ..GatePolicy::default()
    }
}

fn known_only() -> GatePolicy {
    GatePolicy { unknown_address: [(Purpose::Transactional, UnknownAddress::Refuse)].into(), ..open() }
}

/// A text message, or by email where that is shut.
fn message(came_at: Timestamp, to: u8) -> PastMessage {
    let one = |channel| {
        let mut delivery = testing::delivery(came_at);
        delivery.key.channel = channel;
        delivery.recipient_hash = [to; 16];
        delivery.payload = Arc::new(Phi::new(Payload::default()));
        delivery
    };
    let mut deliveries = vec![one(Channel::Sms), one(Channel::Email)];
    let message_id = deliveries[0].key.message_id;
    deliveries.iter_mut().for_each(|delivery| delivery.key.message_id = message_id);
    PastMessage { strategy: Strategy::Fallback, deliveries }
}

fn strangers(messages: &[PastMessage]) -> Vec<ContactFacts> {
    let keys = messages
        .iter()
        .flat_map(|message| &message.deliveries)
        .map(|delivery| AddressKey { channel: delivery.key.channel, address_hash: delivery.recipient_hash });
    let keys: std::collections::BTreeSet<AddressKey> = keys.collect();
    let stranger = |key| ContactFacts { key, people: Vec::new(), suppressions: Vec::new(), sends: Vec::new() };
    keys.into_iter().map(stranger).collect()
}

fn tried(active: GatePolicy, draft: GatePolicy, messages: &[PastMessage], page: usize) -> Findings {
    let mut trial = DryRun::new(whose(), rulebook(1, active), rulebook(2, draft), at(0));
    for page in messages.chunks(page) {
        trial.replay(page, strangers(page));
    }
    trial.findings()
}

fn of(findings: &Findings, shift: Shift) -> u64 {
    findings.shifts.get(&shift).copied().unwrap_or(0)
}

#[test]
fn a_policy_against_itself_changes_nothing() {
    let messages: Vec<PastMessage> = (0..24).map(|hour| message(at(hour), 1)).collect();
    for policy in [open(), by_day(), known_only(), capped(2, WhenReached::Refuse)] {
        let findings = tried(policy.clone(), policy, &messages, 7);
        assert_eq!((findings.asked, findings.same, findings.examples.len()), (24, 24, 0));
    }
}

#[test]
fn con_006_messages_of_the_night_would_wait() {
    let messages: Vec<PastMessage> = (0..24).map(|hour| message(at(hour), 1)).collect();
    let findings = tried(open(), by_day(), &messages, 10);
    assert_eq!((of(&findings, Shift::NewlyWaiting), findings.same), (11, 13), "0 to 8, and 21 to 24 o'clock");
    let behind = Objection { rule: "quiet_hours", channel: Channel::Sms, code: "quiet_hours" };
    assert_eq!(findings.by_rule, [((behind, Shift::NewlyWaiting), 11)].into());
    assert_eq!(findings.examples.len(), 11);
    assert_eq!(findings.examples[0].message_id, messages[0].deliveries[0].key.message_id);
    let back = tried(by_day(), open(), &messages, 10);
    assert_eq!(back.by_rule, [((behind, Shift::NewlyFree), 11)].into(), "of the policy that was stricter");
}

#[test]
fn con_009_without_consent_all_channels_are_shut() {
    let messages: Vec<PastMessage> = (0..30).map(|to| message(at(12), to)).collect();
    let findings = tried(open(), known_only(), &messages, 100);
    assert_eq!((of(&findings, Shift::NewlyRefused), findings.asked), (30, 30));
    let behind = Objection { rule: "consent", channel: Channel::Sms, code: "no_consent" };
    assert_eq!(findings.by_rule, [((behind, Shift::NewlyRefused), 30)].into());
    assert_eq!(findings.examples.len(), MOST_EXAMPLES);
}

#[test]
fn con_005_each_policy_counts_what_it_would_have_let_go() {
    let messages: Vec<PastMessage> = (0..6).map(|hour| message(at(hour), 1)).collect();
    for page in [1, 4, 100] {
        let findings = tried(open(), capped(2, WhenReached::Refuse), &messages, page);
        assert_eq!((of(&findings, Shift::NewlyRefused), findings.same), (4, 2), "pages of {page}");
        let (behind, _) = findings.by_rule.first_key_value().unwrap().0;
        assert_eq!((behind.rule, behind.code), ("caps", "cap_per_day"));
        let looser = tried(capped(2, WhenReached::Refuse), capped(4, WhenReached::Refuse), &messages, page);
        assert_eq!((of(&looser, Shift::NewlyFree), looser.same), (2, 4), "pages of {page}");
    }
    // What left before the trial counts for both.
    let mut facts = strangers(&messages);
    let (message_id, purpose) = (MessageId::new(at(-1)), Purpose::Transactional);
    let before = PastSend { message_id, at: at(-1), purpose, is_exempt: false, is_here: true };
    facts.iter_mut().for_each(|one| one.sends = vec![before]);
    let mut trial = DryRun::new(whose(), rulebook(1, open()), rulebook(2, capped(2, WhenReached::Refuse)), at(0));
    trial.replay(&messages, facts);
    assert_eq!(of(&trial.findings(), Shift::NewlyRefused), 5);
}

#[test]
fn con_005_what_leaves_for_one_address_of_a_person_counts_at_the_others() {
    // All at once: a text and an email each time, to a phone and a mailbox that nobody else reads.
    let messages: Vec<PastMessage> =
        (0..6).map(|hour| PastMessage { strategy: Strategy::All, ..message(at(hour), 1) }).collect();
    let person = carepost_consent::types::PersonFacts {
        recipient_id: carepost_kernel::RecipientId::new(at(0)),
        also: Vec::new(),
        zone: None,
        state: None,
        language: "en".to_owned(),
        grants: vec![carepost_consent::types::Grant {
            purpose: None,
            state: carepost_consent::types::ConsentState::Granted,
            since: at(-9),
            expires_at: None,
        }],
        preferences: Default::default(),
        wards: Vec::new(),
    };
    for page in [1, 4, 100] {
        let held_of = |readers: usize| {
            let mut trial =
                DryRun::new(whose(), rulebook(1, open()), rulebook(2, capped(2, WhenReached::Refuse)), at(0));
            for page in messages.chunks(page) {
                let mut facts = strangers(page);
                facts.iter_mut().for_each(|one| one.people = vec![person.clone(); readers]);
                trial.replay(page, facts);
            }
            of(&trial.findings(), Shift::NewlyRefused)
        };
        assert_eq!(held_of(1), 8, "a message on two channels counts once; pages of {page}");
        assert_eq!(held_of(0), 8, "pages of {page}");
    }
    // First a text each, then an email each.
    let one_by_one: Vec<PastMessage> = (0..6)
        .map(|hour| {
            let mut one = message(at(hour), 1);
            one.deliveries.remove(usize::from(hour < 3));
            one
        })
        .collect();
    for (readers, held) in [(1, 4), (0, 2)] {
        let mut trial = DryRun::new(whose(), rulebook(1, open()), rulebook(2, capped(2, WhenReached::Refuse)), at(0));
        for page in one_by_one.chunks(2) {
            let mut facts = strangers(page);
            facts.iter_mut().for_each(|one| one.people = vec![person.clone(); readers]);
            trial.replay(page, facts);
        }
        assert_eq!(of(&trial.findings(), Shift::NewlyRefused), held);
    }
}

#[test]
fn hub_003_a_channel_that_is_shut_leaves_the_next_one() {
    let registered = GatePolicy {
        registration: carepost_consent::policy::Registrations {
            sms: carepost_consent::policy::Registration::Missing,
            ..Default::default()
        },
        ..open()
    };
    let messages: Vec<PastMessage> = (0..5).map(|to| message(at(12), to)).collect();
    let findings = tried(open(), registered.clone(), &messages, 2);
    assert_eq!((of(&findings, Shift::OtherChannel), findings.same), (5, 0));
    let behind = Objection { rule: "registration", channel: Channel::Sms, code: "sender_not_registered" };
    assert_eq!(findings.by_rule, [((behind, Shift::OtherChannel), 5)].into());

    // All at once, each channel stands for itself.
    let all: Vec<PastMessage> =
        messages.into_iter().map(|one| PastMessage { strategy: Strategy::All, ..one }).collect();
    let findings = tried(open(), registered, &all, 2);
    assert_eq!((findings.asked, of(&findings, Shift::NewlyRefused), findings.same), (10, 5, 5));
}

proptest! {
    #[test]
    fn every_message_is_counted_once(
        hours in proptest::collection::vec((0_i64..160, 0_u8..3), 1..60),
        page in 1_usize..20,
        (active, draft) in (0_usize..5, 0_usize..5),
    ) {
        let policies = [open(), by_day(), known_only(), capped(1, WhenReached::Wait), capped(3, WhenReached::Refuse)];
        let mut hours = hours;
        hours.sort_unstable();
        let messages: Vec<PastMessage> = hours.iter().map(|(hour, to)| message(at(*hour), *to)).collect();
        let findings = tried(policies[active].clone(), policies[draft].clone(), &messages, page);
        let shifted: u64 = findings.shifts.values().sum();
        prop_assert_eq!(findings.asked, messages.len() as u64);
        prop_assert_eq!(findings.same + shifted, findings.asked);
        prop_assert_eq!(findings.by_rule.values().sum::<u64>(), shifted, "each shift has a rule behind it");
        prop_assert_eq!(findings.examples.len() as u64, shifted.min(MOST_EXAMPLES as u64));
        prop_assert!(active != draft || shifted == 0);
        let whole = tried(policies[active].clone(), policies[draft].clone(), &messages, 1_000);
        prop_assert_eq!(whole, findings, "pages do not matter");
    }
}
