//! Each planted fault is found, and a sound run has none.

use carepost_kernel::{Channel, Clock, MessageId};
use jiff::SignedDuration;

use super::*;
use crate::chaos::callers::Written;
use crate::chaos::history::{FINISHED, LOOKED_UP, STARTED};

/// A run of two messages: 1 is an emergency that was resent and is marked so, 2 is of another purpose.
struct World {
    acks: Vec<Ack>,
    stored: Vec<Uuid>,
    ends: Vec<End>,
    entries: Vec<Entry>,
    told: Told,
    now: jiff::Timestamp,
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn attempt(number: u128, attempt_no: i16) -> AttemptRef {
    AttemptRef { message_id: MessageId::from_uuid(id(number)), channel: Channel::Sms, attempt_no }
}

impl World {
    fn sound() -> Self {
        let now = Clock::system().now();
        let mut world = Self {
            acks: Vec::new(),
            stored: Vec::new(),
            ends: Vec::new(),
            entries: Vec::new(),
            told: Told::default(),
            now,
        };
        for (number, purpose, attempts) in [(1, Purpose::Emergency, 2), (2, Purpose::Financial, 1)] {
            world.acks.push(Ack {
                key: 10 + u64::try_from(number).unwrap(),
                message_id: id(number),
                at_us: 0,
                is_measured: true,
            });
            world.stored.push(id(number));
            let purpose = purpose.as_i16();
            world.ends.push(End { message_id: id(number), state: 60, is_open: false, attempt_no: attempts, purpose });
            for attempt_no in 1..=attempts {
                world.entry(number, STARTED, attempt_no, None);
                world.entry(number, FINISHED, attempt_no, (attempt_no < attempts).then_some("cut_may_duplicate"));
                world.accept(number, attempt_no);
                world.told.said.insert(attempt(number, attempt_no), vec!["sent", "delivered"]);
            }
        }
        world
    }

    fn entry(&mut self, number: u128, kind: i16, attempt_no: i16, code: Option<&str>) {
        let event_id = id(1_000 + self.entries.len() as u128);
        let (code, at) = (code.map(str::to_owned), self.now);
        self.entries.push(Entry { message_id: id(number), event_id, kind, at, attempt_no, code, digest: 0 });
    }

    fn accept(&mut self, number: u128, attempt_no: i16) {
        let outcome = CallOutcome::Accepted { provider_ref: format!("SM{number}-{attempt_no}") };
        let Written { phone: to, text } = written(10 + u64::try_from(number).unwrap());
        let attempt = Some(attempt(number, attempt_no));
        self.told.calls.push(Call { attempt, to, subject: None, text, outcome, at: self.now });
    }

    fn audit(&self) -> (Findings, Counts) {
        let Self { acks, stored, ends, entries, told, .. } = self;
        audit(&Books { acks, unanswered: &[], stored, ends, entries, told, is_one_clock: true })
    }

    /// What is found, once each.
    #[track_caller]
    fn check(&self, expected: &[Fault]) {
        let (findings, _) = self.audit();
        let found: Vec<Fault> = Fault::ALL.into_iter().filter(|fault| findings.count(*fault) > 0).collect();
        assert_eq!(found, expected, "{:?}", findings.lines().collect::<Vec<_>>());
    }
}

#[test]
fn a_sound_run_has_no_fault_and_is_counted() {
    let (findings, counts) = World::sound().audit();
    assert_eq!(findings.lines().count(), 0);
    let expected =
        Counts { messages: 2, calls: 3, acceptances: 3, marked_resends: 1, statuses: 6, ..Counts::default() };
    assert_eq!(counts, expected);
}

#[test]
fn del_1_a_planted_loss_is_found() {
    let mut world = World::sound();
    world.acks.push(Ack { key: 13, message_id: id(3), at_us: 0, is_measured: true });
    world.check(&[Fault::Lost]);
}

#[test]
fn del_1_a_message_that_never_ends_is_found() {
    for (state, number) in [(0, 0), (10, 1), (20, 0), (30, 1)] {
        let mut world = World::sound();
        (world.ends[number].state, world.ends[number].is_open) = (state, true);
        world.check(&[Fault::Unfinished]);
    }
}

#[test]
fn del_2_a_planted_double_is_found() {
    let mut world = World::sound();
    world.acks.push(Ack { key: 12, message_id: id(1), at_us: 0, is_measured: true });
    // One key with two messages: and the key of the other message is shared.
    assert!(world.audit().0.count(Fault::Doubled) > 0);
}

#[test]
fn del_4_a_call_without_a_start_is_found() {
    let mut world = World::sound();
    world.entries.retain(|entry| entry.message_id != id(2));
    world.ends[1].attempt_no = 0;
    world.check(&[Fault::Untraced]);
    let mut world = World::sound();
    world.entries[0].at += SignedDuration::from_secs(1);
    world.check(&[Fault::Untraced]);
}

#[test]
fn del_5_an_unmarked_resend_is_found() {
    let mut world = World::sound();
    world.entries.iter_mut().for_each(|entry| entry.code = None);
    world.check(&[Fault::UnmarkedResend]);
}

#[test]
fn del_5_a_marked_resend_that_no_policy_allows_is_found() {
    let mut world = World::sound();
    world.ends[0].purpose = Purpose::Transactional.as_i16();
    world.check(&[Fault::UnmarkedResend]);
}

#[test]
fn del_5_a_mark_at_another_attempt_does_not_count() {
    // The first attempt is marked and was never taken; the second one is called and taken twice.
    let mut world = World::sound();
    world.told.calls[0] = world.told.calls[1].clone();
    world.check(&[Fault::Untraced, Fault::UnmarkedResend]);
    // Both were taken, and the mark stands at the last one.
    let mut world = World::sound();
    let mark = world.entries[1].code.take();
    world.entries[3].code = mark;
    world.check(&[Fault::UnmarkedResend]);
}

#[test]
fn del_4_a_call_that_names_no_attempt_is_found() {
    let mut world = World::sound();
    let nameless = Call { attempt: None, ..world.told.calls[0].clone() };
    world.told.calls.push(nameless);
    world.check(&[Fault::Untraced]);
}

#[test]
fn a_text_or_a_recipient_of_another_message_is_found() {
    let mut world = World::sound();
    world.told.calls[2].text = world.told.calls[0].text.clone();
    world.check(&[Fault::Altered]);
    let mut world = World::sound();
    world.told.calls[2].to = world.told.calls[0].to.clone();
    world.check(&[Fault::Altered]);
}

#[test]
fn del_5_unknown_without_a_ground_is_found() {
    let unknown = || {
        let mut world = World::sound();
        world.told.calls.truncate(2);
        (world.ends[1].state, world.ends[1].is_open) = (20, true);
        world
    };
    // Nobody was called.
    let mut world = unknown();
    world.entries.retain(|entry| entry.message_id != id(2));
    world.ends[1].attempt_no = 0;
    world.check(&[Fault::Groundless]);
    // The refusal was heard; where it was not, the outcome is unknown indeed.
    for (code, expected) in [("twilio_http_503", [Fault::Groundless].as_slice()), ("no_answer", &[])] {
        let mut world = unknown();
        world.accept(2, 1);
        world.told.calls[2].outcome = CallOutcome::Refused { code: "503".to_owned() };
        world.entries[5].code = Some(code.to_owned());
        world.check(expected);
    }
    // Looked up by its policy, and was not.
    let mut world = unknown();
    world.ends[1].purpose = Purpose::Treatment.as_i16();
    world.check(&[Fault::Groundless]);
    world.entry(2, LOOKED_UP, 1, None);
    world.check(&[]);
}

#[test]
fn del_6_another_end_than_the_provider_told_is_found() {
    let mut world = World::sound();
    world.ends[1].state = 50;
    world.check(&[Fault::Diverged]);
    // Bad news of an attempt that was given up does not count, good news does.
    let mut world = World::sound();
    world.told.said.insert(attempt(1, 1), vec!["sent", "undelivered"]);
    world.check(&[]);
    world.told.said.insert(attempt(1, 1), vec!["read"]);
    world.check(&[Fault::Diverged]);
    // Delivered, and nobody was called.
    let mut world = World::sound();
    world.told.calls.truncate(2);
    world.check(&[Fault::Diverged]);
}

#[test]
fn del_5_unknown_may_stay_where_nothing_is_heard_and_the_policy_holds() {
    let mut world = World::sound();
    world.told.calls.truncate(2);
    (world.ends[1].state, world.ends[1].is_open) = (20, true);
    world.check(&[]);
    assert_eq!(world.audit().1.unknown, 1);
}

#[test]
fn a_gap_in_the_history_is_found() {
    let mut world = World::sound();
    world.entries.retain(|entry| entry.attempt_no == 1);
    world.told.calls.retain(|call| call.attempt.is_some_and(|attempt| attempt.attempt_no == 1));
    world.check(&[Fault::BadHistory]);
}
