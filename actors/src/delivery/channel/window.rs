//! The window: the deliveries that a channel holds in memory, each in one stage.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use tokio::time::Instant;

use carepost_consent::types::AddressKey;
use carepost_delivery::fair_queue::FairQueue;
use carepost_delivery::gate::{BY_CONFIGURATION, BY_POLICY};
use carepost_delivery::store::PutOff;
use carepost_delivery::types::{Delivery, DeliveryState};
use carepost_kernel::{MessageId, Priority, WaitReason};

use crate::delivery::book::FactsBook;

/// Where a delivery of the window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// In the queue for a lane's turn.
    Ready,
    /// Not before this instant.
    Waiting(Timestamp),
    /// Would be ready, but what the gate needs to know of its address is not known yet.
    Asking,
    /// With somebody who will answer: a call, a decision, a look-up.
    Away,
}

/// A delivery of the window.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) delivery: Delivery,
    pub(super) stage: Stage,
    /// Since when it is ready.
    pub(super) ready_since: Instant,
    /// Its unknown outcome was looked up already.
    pub(super) looked_up: bool,
    /// The configuration has changed while it was away: what was decided meanwhile may not hold any more.
    pub(super) is_outdated: bool,
}

/// It waits for something that a change of the configuration may end.
pub(super) fn waits_for_configuration(delivery: &Delivery) -> bool {
    delivery.state == DeliveryState::Queued && delivery.reason.is_some_and(|reason| BY_CONFIGURATION.contains(&reason))
}

/// It waits for something that a change of the configuration or of the gate's policy may end.
pub(super) fn may_be_over(delivery: &Delivery) -> bool {
    let is_of_policy = delivery.reason.is_some_and(|reason| BY_POLICY.contains(&reason));
    waits_for_configuration(delivery) || (delivery.state == DeliveryState::Queued && is_of_policy)
}

/// The address that the gate is asked about.
pub(super) const fn address_of(delivery: &Delivery) -> AddressKey {
    AddressKey { channel: delivery.key.channel, address_hash: delivery.recipient_hash }
}

/// The bytes of payload that all windows of the process hold together, and may hold (DEL-12).
#[derive(Debug)]
pub(crate) struct ByteBudget {
    most: usize,
    used: AtomicUsize,
}

impl ByteBudget {
    pub(crate) const fn new(most: usize) -> Self {
        Self { most, used: AtomicUsize::new(0) }
    }

    /// There is room for so many more. Two windows that ask at once may go over it by one delivery each.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.used.load(Ordering::Relaxed).saturating_add(bytes) <= self.most
    }

    fn add(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    fn sub(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// So many bytes each window may hold, whatever others hold (DEL-11).
const OWN_BYTES: usize = 256 << 10;
/// So many rows a page has where only a window's own bytes are left.
const SHORT_PAGE: usize = 256;

/// The window. Its size is bounded; what hurries has more room.
#[derive(Debug)]
pub(super) struct Window {
    capacity: usize,
    budget: Arc<ByteBudget>,
    /// Bytes of payload in here.
    bytes: usize,
    held: HashMap<MessageId, Held>,
    ready: FairQueue<(), [u8; 16], MessageId>,
    timers: BTreeSet<(Timestamp, MessageId)>,
    /// When the ready ones expire: their turn may come too late.
    expiries: BTreeSet<(Timestamp, MessageId)>,
    /// What the gate knows.
    book: Arc<FactsBook>,
    /// Addresses that are to be asked about, and those that are being asked about, each with who waits for it.
    unasked: BTreeMap<AddressKey, Vec<MessageId>>,
    asked: BTreeMap<AddressKey, Vec<MessageId>>,
    /// What keeps the ready ones from leaving, if anything does.
    pub(super) blocked_by: Option<WaitReason>,
}

impl Drop for Window {
    fn drop(&mut self) {
        self.budget.sub(self.bytes);
    }
}

impl Window {
    pub(super) fn new(capacity: usize, budget: Arc<ByteBudget>, book: Arc<FactsBook>) -> Self {
        Self {
            book,
            unasked: BTreeMap::new(),
            asked: BTreeMap::new(),
            capacity,
            budget,
            bytes: 0,
            held: HashMap::new(),
            ready: FairQueue::default(),
            timers: BTreeSet::new(),
            expiries: BTreeSet::new(),
            blocked_by: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn holds(&self, message_id: MessageId) -> bool {
        self.held.contains_key(&message_id)
    }

    /// How many more of this priority may come in.
    pub(super) fn room(&self, priority: Priority) -> usize {
        let capacity = match priority {
            Priority::Emergency | Priority::Urgent => self.capacity * 2,
            Priority::Normal => self.capacity + self.capacity / 2,
            Priority::Bulk => self.capacity,
        };
        capacity.saturating_sub(self.held.len())
    }

    /// There is room for one more of this priority and size.
    pub(super) fn has_room(&self, priority: Priority, bytes: usize) -> bool {
        self.is_empty() || (self.room(priority) > 0 && self.has_bytes(bytes))
    }

    fn has_bytes(&self, bytes: usize) -> bool {
        self.bytes.saturating_add(bytes) <= OWN_BYTES || self.budget.has_room(bytes)
    }

    /// How many rows of each priority a page may hold, the most urgent first.
    pub(super) fn page_rows(&self) -> [usize; Priority::ALL.len()] {
        let most = if self.budget.has_room(OWN_BYTES) { usize::MAX } else { SHORT_PAGE };
        Priority::ALL.map(|priority| self.room(priority).min(most))
    }

    /// It is time to read a page, where rows of this priority may wait: half a window is free for them.
    pub(super) fn has_room_for_page(&self, outside: Priority) -> bool {
        self.room(outside) > self.capacity / 2 && (self.is_empty() || self.has_bytes(OWN_BYTES / 2))
    }

    /// Takes a delivery in, ready or waiting. What would be ready and goes to an address that the gate knows nothing of
    /// is asked about first: before it takes a lane's turn, which could not be given back whole.
    pub(super) fn put(&mut self, delivery: Delivery, stage: Stage, looked_up: bool, now: Instant) {
        let message_id = delivery.key.message_id;
        self.forget(message_id);
        let address = address_of(&delivery);
        let is_unknown = matches!(stage, Stage::Ready | Stage::Asking) && !self.book.knows(address);
        let stage = match stage {
            Stage::Ready | Stage::Asking if is_unknown => Stage::Asking,
            Stage::Asking => Stage::Ready,
            stage => stage,
        };
        match stage {
            Stage::Asking => self.unasked.entry(address).or_default().push(message_id),
            Stage::Ready => {
                let recipient = delivery.recipient_hash;
                self.ready.push((), 1, delivery.priority, recipient, message_id);
                self.expiries.insert((delivery.expires_at, message_id));
            }
            Stage::Waiting(until) => {
                self.timers.insert((until, message_id));
            }
            Stage::Away => {}
        }
        self.budget.add(delivery.payload_bytes);
        self.bytes += delivery.payload_bytes;
        self.held.insert(message_id, Held { delivery, stage, ready_since: now, looked_up, is_outdated: false });
    }

    /// Drops a delivery. One that is in the queue is passed over when its turn comes.
    pub(super) fn forget(&mut self, message_id: MessageId) -> Option<Held> {
        let held = self.held.remove(&message_id)?;
        self.budget.sub(held.delivery.payload_bytes);
        self.bytes -= held.delivery.payload_bytes;
        match held.stage {
            Stage::Ready => drop(self.expiries.remove(&(held.delivery.expires_at, message_id))),
            Stage::Waiting(until) => drop(self.timers.remove(&(until, message_id))),
            // Passed over when the answer comes.
            Stage::Asking | Stage::Away => {}
        }
        Some(held)
    }

    /// The next addresses to be asked about, at most so many.
    pub(super) fn take_unasked(&mut self, most: usize) -> Vec<AddressKey> {
        let keys: Vec<AddressKey> = self.unasked.keys().take(most).copied().collect();
        for key in &keys {
            self.asked.entry(*key).or_default().extend(self.unasked.remove(key).unwrap_or_default());
        }
        keys
    }

    /// What was asked is answered, or cannot be: whoever waited for it goes on, or asks again.
    pub(super) fn answered(&mut self, keys: &[AddressKey], now: Instant) {
        for key in keys {
            for message_id in self.asked.remove(key).unwrap_or_default() {
                if self.held.get(&message_id).is_some_and(|held| held.stage == Stage::Asking)
                    && let Some(held) = self.forget(message_id)
                {
                    self.put(held.delivery, Stage::Ready, held.looked_up, now);
                }
            }
        }
    }

    /// Something has changed: whatever was put off because of it is ready, or will be when it comes back.
    pub(super) fn reconsider(&mut self, put_off: &PutOff, now: Instant) {
        let mut waiting = Vec::new();
        for (message_id, held) in &mut self.held {
            let delivery = &held.delivery;
            let is_meant = delivery.state == DeliveryState::Queued
                && put_off.means(delivery.key.channel, delivery.recipient_hash, delivery.reason);
            match held.stage {
                Stage::Waiting(_) if is_meant => waiting.push(*message_id),
                Stage::Away => held.is_outdated = true,
                Stage::Ready | Stage::Waiting(_) | Stage::Asking => {}
            }
        }
        waiting.sort_unstable();
        for message_id in waiting {
            if let Some(held) = self.forget(message_id) {
                self.put(held.delivery, Stage::Ready, held.looked_up, now);
            }
        }
    }

    /// The next one whose turn it is; it is away then.
    pub(super) fn pop_ready(&mut self) -> Option<MessageId> {
        while let Some(((), message_id)) = self.ready.pop() {
            if let Some(held) = self.held.get_mut(&message_id)
                && held.stage == Stage::Ready
            {
                held.stage = Stage::Away;
                self.expiries.remove(&(held.delivery.expires_at, message_id));
                return Some(message_id);
            }
        }
        None
    }

    /// Something is ready.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next one whose time has come; it is away then.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<MessageId> {
        let (until, message_id) = self.timers.first().copied().filter(|(until, _)| *until <= now)?;
        self.timers.remove(&(until, message_id));
        self.held.get_mut(&message_id)?.stage = Stage::Away;
        Some(message_id)
    }

    /// The next one that expires before its turn has come; it is away then.
    pub(super) fn pop_expired(&mut self, now: Timestamp) -> Option<MessageId> {
        let (_, message_id) = self.expiries.first().copied().filter(|(expires_at, _)| *expires_at <= now)?;
        self.expiries.pop_first();
        self.held.get_mut(&message_id)?.stage = Stage::Away;
        Some(message_id)
    }

    /// When the next one's time comes, or runs out.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let (next, last) = (self.timers.first(), self.expiries.first());
        next.into_iter().chain(last).map(|(until, _)| *until).min()
    }

    pub(super) fn get_mut(&mut self, message_id: MessageId) -> Option<&mut Held> {
        self.held.get_mut(&message_id)
    }

    pub(super) fn get(&self, message_id: MessageId) -> Option<&Held> {
        self.held.get(&message_id)
    }
}

#[cfg(test)]
mod tests;
