//! The window: the deliveries that a channel holds in memory, each in one stage.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use tokio::time::Instant;

use carepost_delivery::fair_queue::FairQueue;
use carepost_delivery::types::Delivery;
use carepost_kernel::{MessageId, Priority, WaitReason};

/// Where a delivery of the window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// In the queue for a lane's turn.
    Ready,
    /// Not before this instant.
    Waiting(Timestamp),
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
}

/// The window. Its size is bounded; urgent ones have a second window's worth of room.
#[derive(Debug)]
pub(super) struct Window {
    capacity: usize,
    held: HashMap<MessageId, Held>,
    ready: FairQueue<(), [u8; 16], MessageId>,
    timers: BTreeSet<(Timestamp, MessageId)>,
    /// What keeps the ready ones from leaving, if anything does.
    pub(super) blocked_by: Option<WaitReason>,
}

impl Window {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, held: HashMap::new(), ready: FairQueue::default(), timers: BTreeSet::new(), blocked_by: None }
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

    /// There is room for one more of this priority.
    pub(super) fn has_room(&self, priority: Priority) -> bool {
        let capacity = if priority <= Priority::Urgent { self.capacity * 2 } else { self.capacity };
        self.held.len() < capacity
    }

    /// How many rows may be paged in: none until half of the window is free.
    pub(super) fn room_for_page(&self) -> usize {
        if self.held.len() > self.capacity / 2 { 0 } else { self.capacity - self.held.len() }
    }

    /// Takes a delivery in, ready or waiting.
    pub(super) fn put(&mut self, delivery: Delivery, stage: Stage, looked_up: bool, now: Instant) {
        let message_id = delivery.key.message_id;
        self.forget(message_id);
        match stage {
            Stage::Ready => {
                let recipient = delivery.recipient_hash;
                self.ready.push((), 1, delivery.priority, recipient, message_id);
            }
            Stage::Waiting(until) => {
                self.timers.insert((until, message_id));
            }
            Stage::Away => {}
        }
        self.held.insert(message_id, Held { delivery, stage, ready_since: now, looked_up });
    }

    /// Drops a delivery. One that is in the queue is passed over when its turn comes.
    pub(super) fn forget(&mut self, message_id: MessageId) -> Option<Held> {
        let held = self.held.remove(&message_id)?;
        if let Stage::Waiting(until) = held.stage {
            self.timers.remove(&(until, message_id));
        }
        Some(held)
    }

    /// The next one whose turn it is; it is away then.
    pub(super) fn pop_ready(&mut self) -> Option<MessageId> {
        while let Some(((), message_id)) = self.ready.pop() {
            if let Some(held) = self.held.get_mut(&message_id)
                && held.stage == Stage::Ready
            {
                held.stage = Stage::Away;
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

    /// When the next one's time comes.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(until, _)| *until)
    }

    pub(super) fn get(&self, message_id: MessageId) -> Option<&Held> {
        self.held.get(&message_id)
    }
}
