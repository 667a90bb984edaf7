//! What was promised against what is there (DEL-1, DEL-2).

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::tally::Ack;

/// The ledger of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// Keys with a promise.
    pub(crate) promised: u64,
    /// Rows.
    pub(crate) stored: u64,
    /// Promises without a row. Must be 0.
    pub(crate) lost: u64,
    /// Keys that were promised two messages, and rows that nobody asked for. Must be 0.
    pub(crate) duplicate: u64,
    /// Requests that ended with nobody knowing and without a later promise for their key.
    pub(crate) unknown: u64,
}

/// What is wrong about promises and rows, a line for each, by key and message id.
#[derive(Debug, Default)]
pub(crate) struct Offences {
    /// See [`Verdict::lost`].
    pub(crate) lost: Vec<String>,
    /// See [`Verdict::duplicate`].
    pub(crate) duplicate: Vec<String>,
    /// Keys with a promise, and keys of which nobody knows.
    promised: usize,
    unknown: usize,
}

/// Holds promises against rows. `stored` has one entry for each row.
pub(crate) fn compare(acks: &[Ack], unknown_keys: &[u64], stored: &[Uuid]) -> Verdict {
    let Offences { lost, duplicate, promised, unknown } = offences(acks, unknown_keys, stored);
    Verdict {
        promised: promised as u64,
        stored: stored.len() as u64,
        lost: lost.len() as u64,
        duplicate: duplicate.len() as u64,
        unknown: unknown as u64,
    }
}

/// The same by name.
pub(crate) fn offences(acks: &[Ack], unknown_keys: &[u64], stored: &[Uuid]) -> Offences {
    let mut rows: HashSet<Uuid> = HashSet::with_capacity(stored.len());
    let copies: Vec<Uuid> = stored.iter().copied().filter(|message_id| !rows.insert(*message_id)).collect();
    let mut promises: HashMap<u64, Uuid> = HashMap::with_capacity(acks.len());
    let mut twice_promised: HashMap<u64, [Uuid; 2]> = HashMap::new();
    let mut named: HashMap<Uuid, u64> = HashMap::with_capacity(acks.len());
    let mut shared_by_keys: HashMap<u64, (Uuid, u64)> = HashMap::new();
    for ack in acks {
        let first = *promises.entry(ack.key).or_insert(ack.message_id);
        if first != ack.message_id {
            twice_promised.insert(ack.key, [first, ack.message_id]);
        }
        let key = *named.entry(ack.message_id).or_insert(ack.key);
        if key != ack.key {
            // Two keys were promised one message: one of the two is lost.
            shared_by_keys.insert(ack.key, (ack.message_id, key));
        }
    }
    let unknown: HashSet<u64> = unknown_keys.iter().copied().filter(|key| !promises.contains_key(key)).collect();
    let absent = named.iter().filter(|(message_id, _)| !rows.contains(message_id));
    let mut lost: Vec<String> = absent.map(|(message_id, key)| format!("{message_id} of key {key}")).collect();
    lost.extend(
        shared_by_keys
            .iter()
            .map(|(key, (message_id, other))| format!("key {key} was promised {message_id} of key {other}")),
    );
    let mut duplicate: Vec<String> =
        twice_promised.iter().map(|(key, [first, other])| format!("key {key} has {first} and {other}")).collect();
    let unasked = rows.iter().filter(|message_id| !named.contains_key(message_id)).skip(unknown.len());
    duplicate.extend(unasked.map(|message_id| format!("nobody asked for {message_id}")));
    duplicate.extend(copies.iter().map(|message_id| format!("{message_id} has one more row")));
    Offences { lost, duplicate, promised: promises.len(), unknown: unknown.len() }
}

/// What became of the messages of a whole-life run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fates {
    /// Promised and delivered.
    pub(crate) delivered: u64,
    /// Promised, and at the end neither delivered nor on the way any more, or still waiting. Must be 0.
    pub(crate) unfinished: u64,
    /// The provider took them more than once. Must be 0.
    pub(crate) sent_twice: u64,
    /// Delivered, says the database, without a call that the provider knows of. Must be 0.
    pub(crate) unseen: u64,
}

/// Holds promises against final states and the provider's own book. `calls` counts acceptances by message.
pub(crate) fn judge(acks: &[Ack], delivered: &HashSet<Uuid>, calls: &HashMap<Uuid, u64>, by_provider: bool) -> Fates {
    let promised: HashSet<Uuid> = acks.iter().map(|ack| ack.message_id).collect();
    let arrived = promised.iter().filter(|message_id| delivered.contains(message_id)).count();
    let unseen = delivered.iter().filter(|message_id| !calls.contains_key(message_id)).count();
    Fates {
        delivered: arrived as u64,
        unfinished: (promised.len() - arrived) as u64,
        sent_twice: calls.values().filter(|count| **count > 1).count() as u64,
        unseen: if by_provider { unseen as u64 } else { 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn ack(key: u64, number: u128) -> Ack {
        Ack { key, message_id: id(number), at_us: 0, is_measured: true }
    }

    /// `lost`, `duplicate` and `unknown`.
    fn check(acks: &[Ack], unknown: &[u64], stored: &[u128], expected: [u64; 3]) {
        let stored: Vec<Uuid> = stored.iter().copied().map(id).collect();
        let verdict = compare(acks, unknown, &stored);
        assert_eq!([verdict.lost, verdict.duplicate, verdict.unknown], expected, "{acks:?} {unknown:?} {stored:?}");
    }

    #[test]
    fn del_1_a_promise_without_a_row_is_lost() {
        check(&[ack(1, 1), ack(2, 2)], &[], &[1, 2], [0, 0, 0]);
        check(&[ack(1, 1), ack(2, 2)], &[], &[1], [1, 0, 0]);
        check(&[ack(1, 1), ack(2, 1)], &[], &[1], [1, 0, 0]);
        check(&[], &[], &[], [0, 0, 0]);
    }

    #[test]
    fn del_2_a_repetition_is_one_message() {
        check(&[ack(1, 1), ack(1, 1)], &[], &[1], [0, 0, 0]);
        check(&[ack(1, 1), ack(1, 2)], &[], &[1, 2], [0, 1, 0]);
        check(&[ack(1, 1)], &[], &[1, 2], [0, 1, 0]);
        check(&[ack(1, 1)], &[], &[1, 1], [0, 1, 0]);
    }

    #[test]
    fn a_row_of_a_request_that_nobody_knows_of_is_no_duplicate() {
        check(&[ack(1, 1)], &[2], &[1, 2], [0, 0, 1]);
        check(&[ack(1, 1)], &[2], &[1], [0, 0, 1]);
        check(&[ack(1, 1)], &[2], &[1, 2, 3], [0, 1, 1]);
        // Its repetition was answered: nothing is unknown any more.
        check(&[ack(1, 1)], &[1], &[1], [0, 0, 0]);
        check(&[ack(1, 1)], &[1], &[1, 2], [0, 1, 0]);
    }

    #[test]
    fn a_life_ends_delivered_by_one_call() {
        let acks = [ack(1, 1), ack(2, 2), ack(2, 2), ack(3, 3)];
        let delivered = HashSet::from([id(1), id(2)]);
        let calls = HashMap::from([(id(1), 1), (id(3), 2)]);
        let fates = judge(&acks, &delivered, &calls, true);
        assert_eq!(fates, Fates { delivered: 2, unfinished: 1, sent_twice: 1, unseen: 1 });
    }
}
