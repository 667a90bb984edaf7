//! What a live tenant's gate knows, in memory: the facts of the addresses that it is asked about (DEL-8).
//!
//! A look costs no trip to storage; what is not known is read by the channel before a delivery takes a lane's turn. A
//! change throws the address out before whoever made it is answered, so that a decision after the answer is made on what
//! is true. A reading and a change may pass each other: each change has a number, and what was read before it is not
//! believed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use carepost_consent::types::{AddressKey, ContactFacts, PastSend};
use carepost_delivery::gate::Rulebook;
use carepost_kernel::RecipientId;

/// Changes that are remembered, to be held against what is being read. A reading that overlaps more of them is read again.
const CHANGES_KEPT: usize = 4_096;

/// An address with more sends than this is read again, which brings the newest of each kind alone
/// ([`carepost_consent::store::MOST_SENDS`]).
const MOST_SENDS_KEPT: usize = 12_000;

/// No reading takes longer.
const LATELY: SignedDuration = SignedDuration::from_secs(60);

/// The facts of one tenant.
#[derive(Debug)]
pub(crate) struct FactsBook {
    capacity: usize,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    policy: Option<Arc<Rulebook>>,
    known: HashMap<AddressKey, Arc<ContactFacts>>,
    /// In which order they were learnt; some may be gone.
    order: VecDeque<AddressKey>,
    /// Which of them are one person's alone: what leaves for one of that person's addresses counts at all of these.
    homes: HashMap<RecipientId, Vec<AddressKey>>,
    /// Messages that were let go of late: what is read of their address may lack them, because their start was not written
    /// down yet when the reading began.
    leaving: HashMap<AddressKey, Vec<Leaving>>,
    /// The same by whoever reads there, and for which address it is.
    leaving_to: HashMap<RecipientId, Vec<(AddressKey, PastSend)>>,
    /// The number of the latest change.
    changes: u64,
    /// The latest changes, the oldest first; none: everything changed.
    recent: VecDeque<(u64, Option<AddressKey>)>,
}

/// A message that was let go.
#[derive(Debug)]
struct Leaving {
    send: PastSend,
    /// Who reads where it goes.
    readers: Vec<RecipientId>,
}

/// When a reading began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edition(u64);

impl FactsBook {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, pages: Mutex::default() }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // Every change below is made by one assignment or one call: what a panic leaves behind is whole.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policy in force, where it is known.
    pub(crate) fn policy(&self) -> Option<Arc<Rulebook>> {
        self.pages().policy.clone()
    }

    /// What is known of an address.
    pub(crate) fn facts(&self, key: AddressKey) -> Option<Arc<ContactFacts>> {
        self.pages().known.get(&key).cloned()
    }

    /// The facts of an address are known.
    pub(crate) fn knows(&self, key: AddressKey) -> bool {
        self.pages().known.contains_key(&key)
    }

    /// A reading begins.
    pub(crate) fn begin(&self) -> Edition {
        Edition(self.pages().changes)
    }

    /// What is known of an address may be another by now.
    pub(crate) fn has_changed(&self, edition: Edition, key: AddressKey) -> bool {
        self.pages().has_changed(edition, key)
    }

    /// Takes in what was read since `edition`; what has changed meanwhile is not believed.
    pub(crate) fn learn(&self, edition: Edition, facts: Vec<ContactFacts>) {
        let mut pages = self.pages();
        let room = self.capacity.saturating_sub(facts.len());
        // Whoever is needed again is read again; it is not worth keeping count of who was used last.
        while pages.order.len() > room {
            let Some(oldest) = pages.order.pop_front() else { break };
            pages.remove(oldest);
        }
        for mut one in facts {
            if pages.has_changed(edition, one.key) {
                continue;
            }
            pages.add_leaving(&mut one);
            pages.insert(one);
        }
    }

    /// Takes in the policy that was read since `edition`; whether it is believed.
    pub(crate) fn learn_policy(&self, edition: Edition, policy: Rulebook) -> bool {
        let mut pages = self.pages();
        let is_current = !pages.has_all_changed(edition);
        if is_current {
            pages.policy = Some(Arc::new(policy));
        }
        is_current
    }

    /// Something of an address has changed.
    pub(crate) fn forget(&self, key: AddressKey) {
        let mut pages = self.pages();
        pages.remove(key);
        pages.note(Some(key));
    }

    /// The policy has changed, or nobody knows what has.
    pub(crate) fn forget_all(&self) {
        let mut pages = self.pages();
        pages.known.clear();
        pages.homes.clear();
        pages.policy = None;
        pages.note(None);
    }

    /// A message is let go for an address where these read: it counts from now on, there and at the other addresses of each
    /// of them that are theirs alone.
    pub(crate) fn count(&self, key: AddressKey, readers: Vec<RecipientId>, send: PastSend) {
        let mut pages = self.pages();
        pages.let_go_of_old(self.capacity, send.at);
        for reader in &readers {
            let leaving = pages.leaving_to.entry(*reader).or_default();
            leaving.retain(|(_, past)| !is_over(past, send.at));
            leaving.push((key, send));
            for home in pages.homes.get(reader).cloned().unwrap_or_default() {
                pages.add(home, PastSend { is_here: home == key, ..send });
            }
        }
        pages.add(key, send);
        let leaving = pages.leaving.entry(key).or_default();
        leaving.retain(|past| !is_over(&past.send, send.at));
        leaving.push(Leaving { send, readers });
    }

    /// It stayed after all. Where it left for another address of the same person before, that still counts.
    pub(crate) fn take_back(&self, key: AddressKey, send: PastSend) {
        let mut pages = self.pages();
        let is_it = |past: &PastSend| past.message_id == send.message_id && past.at == send.at;
        let mut readers = Vec::new();
        if let Some(leaving) = pages.leaving.get_mut(&key) {
            for gone in leaving.extract_if(.., |past| is_it(&past.send)) {
                readers.extend(gone.readers);
            }
        }
        for reader in readers {
            if let Some(leaving) = pages.leaving_to.get_mut(&reader) {
                leaving.retain(|(to, past)| *to != key || !is_it(past));
            }
            for home in pages.homes.get(&reader).cloned().unwrap_or_default() {
                pages.strike(home, is_it);
            }
        }
        pages.strike(key, is_it);
    }
}

/// Every reading that began before its start was written down has ended.
fn is_over(send: &PastSend, now: Timestamp) -> bool {
    now.duration_since(send.at) > LATELY
}

/// In the order of time, as the rule of caps has them; a message counts once.
fn enter(sends: &mut Vec<PastSend>, send: PastSend) {
    if sends.iter().all(|past| past.message_id != send.message_id) {
        let place = sends.partition_point(|past| past.at <= send.at);
        sends.insert(place, send);
    }
}

impl Pages {
    fn insert(&mut self, facts: ContactFacts) {
        let key = facts.key;
        let is_new = !self.known.contains_key(&key);
        // Who reads there may be others by now.
        self.remove(key);
        if let Some(reader) = facts.only_reader() {
            self.homes.entry(reader).or_default().push(key);
        }
        self.known.insert(key, Arc::new(facts));
        if is_new {
            self.order.push_back(key);
        }
    }

    fn remove(&mut self, key: AddressKey) {
        let Some(reader) = self.known.remove(&key).and_then(|gone| gone.only_reader()) else { return };
        if let Some(homes) = self.homes.get_mut(&reader) {
            homes.retain(|home| *home != key);
            if homes.is_empty() {
                self.homes.remove(&reader);
            }
        }
    }

    /// Adds to what was read of an address what may not have been written down by then.
    fn add_leaving(&self, facts: &mut ContactFacts) {
        for leaving in self.leaving.get(&facts.key).into_iter().flatten() {
            enter(&mut facts.sends, leaving.send);
        }
        let to_reader = facts.only_reader().and_then(|reader| self.leaving_to.get(&reader));
        for (key, send) in to_reader.into_iter().flatten() {
            enter(&mut facts.sends, PastSend { is_here: *key == facts.key, ..*send });
        }
    }

    /// A send counts at an address, where that one is known.
    fn add(&mut self, key: AddressKey, send: PastSend) {
        let Some(known) = self.known.get_mut(&key) else { return };
        let sends = &mut Arc::make_mut(known).sends;
        enter(sends, send);
        if sends.len() > MOST_SENDS_KEPT {
            self.remove(key);
        }
    }

    fn strike(&mut self, key: AddressKey, is_it: impl Fn(&PastSend) -> bool) {
        if let Some(known) = self.known.get_mut(&key) {
            Arc::make_mut(known).sends.retain(|past| !is_it(past));
        }
    }

    /// Makes room where much is leaving: what is over is of no use any more.
    fn let_go_of_old(&mut self, capacity: usize, now: Timestamp) {
        if self.leaving.len() >= capacity {
            self.leaving.retain(|_, sends| sends.iter().any(|past| !is_over(&past.send, now)));
        }
        if self.leaving_to.len() >= capacity {
            self.leaving_to.retain(|_, sends| sends.iter().any(|(_, past)| !is_over(past, now)));
        }
    }

    fn note(&mut self, changed: Option<AddressKey>) {
        self.changes += 1;
        self.recent.push_back((self.changes, changed));
        if self.recent.len() > CHANGES_KEPT {
            self.recent.pop_front();
        }
    }

    /// Changes since `edition`; none where not all of them are remembered.
    fn since(&self, edition: Edition) -> Option<impl Iterator<Item = Option<AddressKey>>> {
        let oldest = self.recent.front().map_or(self.changes + 1, |(number, _)| *number);
        let is_whole = edition.0 + 1 >= oldest;
        is_whole
            .then(|| self.recent.iter().rev().take_while(move |(number, _)| *number > edition.0).map(|(_, key)| *key))
    }

    fn has_changed(&self, edition: Edition, key: AddressKey) -> bool {
        self.since(edition).is_none_or(|mut changes| changes.any(|changed| changed.is_none_or(|one| one == key)))
    }

    fn has_all_changed(&self, edition: Edition) -> bool {
        self.since(edition).is_none_or(|mut changes| changes.any(|changed| changed.is_none()))
    }
}

#[cfg(test)]
mod tests;
