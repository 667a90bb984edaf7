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
use carepost_kernel::MessageId;

/// Changes that are remembered, to be held against what is being read. A reading that overlaps more of them is read again.
const CHANGES_KEPT: usize = 4_096;

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
    /// Messages that were let go of late: what is read of their address may lack them, because their start was not written
    /// down yet when the reading began.
    leaving: HashMap<AddressKey, Vec<PastSend>>,
    /// The number of the latest change.
    changes: u64,
    /// The latest changes, the oldest first; none: everything changed.
    recent: VecDeque<(u64, Option<AddressKey>)>,
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
            pages.known.remove(&oldest);
        }
        for mut one in facts {
            if pages.has_changed(edition, one.key) {
                continue;
            }
            if let Some(leaving) = pages.leaving.get(&one.key) {
                let is_news = |send: &&PastSend| one.sends.iter().all(|known| known.message_id != send.message_id);
                let news: Vec<PastSend> = leaving.iter().filter(is_news).copied().collect();
                one.sends.extend(news);
            }
            let key = one.key;
            if pages.known.insert(key, Arc::new(one)).is_none() {
                pages.order.push_back(key);
            }
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
        pages.known.remove(&key);
        pages.note(Some(key));
    }

    /// The policy has changed, or nobody knows what has.
    pub(crate) fn forget_all(&self) {
        let mut pages = self.pages();
        pages.known.clear();
        pages.policy = None;
        pages.note(None);
    }

    /// A message is let go: it counts from now on.
    pub(crate) fn count(&self, key: AddressKey, send: PastSend) {
        let mut pages = self.pages();
        if pages.leaving.len() >= self.capacity {
            pages.leaving.retain(|_, sends| sends.iter().any(|past| !is_over(past, send.at)));
        }
        let leaving = pages.leaving.entry(key).or_default();
        leaving.retain(|past| !is_over(past, send.at));
        leaving.push(send);
        if let Some(known) = pages.known.get_mut(&key) {
            let known = Arc::make_mut(known);
            if known.sends.iter().all(|past| past.message_id != send.message_id) {
                known.sends.push(send);
            }
        }
    }

    /// It stayed after all.
    pub(crate) fn take_back(&self, key: AddressKey, message_id: MessageId) {
        let mut pages = self.pages();
        if let Some(leaving) = pages.leaving.get_mut(&key) {
            leaving.retain(|send| send.message_id != message_id);
        }
        if let Some(known) = pages.known.get_mut(&key) {
            Arc::make_mut(known).sends.retain(|send| send.message_id != message_id);
        }
    }
}

/// Every reading that began before its start was written down has ended.
fn is_over(send: &PastSend, now: Timestamp) -> bool {
    now.duration_since(send.at) > LATELY
}

impl Pages {
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
