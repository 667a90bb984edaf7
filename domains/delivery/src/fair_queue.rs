//! DEL-11: weighted fair queueing over tenants, then priority, then recipients.
//!
//! Between flows (tenants) it is start-time fair queueing: each flow has a virtual time that grows by `cost / weight`
//! for each item it gets through; the flow with the lowest virtual time goes next. A flow that was idle starts at the
//! present virtual time, so that nobody saves up. Inside a flow the more urgent priority goes first, and within a
//! priority the recipients take turns, so that one recipient's hundred messages do not stand before another's one.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::hash::Hash;

use carepost_kernel::Priority;

/// Virtual time in units of 1/`SCALE` items.
type VirtualTime = u128;
const SCALE: u128 = 1 << 20;

/// A bounded fair queue of `T` for flows `F`, with turns for recipients `R` inside a flow.
#[derive(Debug)]
pub struct FairQueue<F, R, T> {
    flows: HashMap<F, Flow<R, T>>,
    ready: BinaryHeap<Turn<F>>,
    now: VirtualTime,
    waiting: usize,
    sequence: u64,
}

#[derive(Debug)]
struct Flow<R, T> {
    weight: u32,
    virtual_time: VirtualTime,
    waiting: usize,
    lanes: BTreeMap<Priority, Lane<R, T>>,
}

/// The items of one priority: recipients take turns.
#[derive(Debug)]
struct Lane<R, T> {
    turns: VecDeque<R>,
    items: HashMap<R, VecDeque<T>>,
}

#[derive(Debug)]
struct Turn<F> {
    virtual_time: VirtualTime,
    sequence: u64,
    flow: F,
}

impl<F> PartialEq for Turn<F> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<F> Eq for Turn<F> {}
impl<F> PartialOrd for Turn<F> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<F> Ord for Turn<F> {
    /// The lowest virtual time is the greatest turn, because the heap gives out the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.virtual_time, other.sequence).cmp(&(self.virtual_time, self.sequence))
    }
}

impl<F, R, T> Default for FairQueue<F, R, T> {
    fn default() -> Self {
        Self { flows: HashMap::new(), ready: BinaryHeap::new(), now: 0, waiting: 0, sequence: 0 }
    }
}

impl<F: Copy + Eq + Hash, R: Copy + Eq + Hash, T> FairQueue<F, R, T> {
    /// Items that wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.waiting
    }

    /// Nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Puts an item at the end of its recipient's turn. `weight` of the flow counts from its next item on.
    pub fn push(&mut self, flow: F, weight: u32, priority: Priority, recipient: R, item: T) {
        let now = self.now;
        let entry = self.flows.entry(flow).or_insert_with(|| Flow {
            weight: 1,
            virtual_time: now,
            waiting: 0,
            lanes: BTreeMap::new(),
        });
        entry.weight = weight.max(1);
        if entry.waiting == 0 {
            entry.virtual_time = entry.virtual_time.max(now);
            self.ready.push(Turn { virtual_time: entry.virtual_time, sequence: self.sequence, flow });
            self.sequence += 1;
        }
        let lane = entry.lanes.entry(priority).or_insert_with(Lane::new);
        lane.push(recipient, item);
        entry.waiting += 1;
        self.waiting += 1;
    }

    /// Takes the item whose turn it is.
    pub fn pop(&mut self) -> Option<(F, T)> {
        let turn = self.ready.pop()?;
        let flow = self.flows.get_mut(&turn.flow)?;
        let item = flow.pop()?;
        self.now = self.now.max(turn.virtual_time);
        self.waiting -= 1;
        flow.virtual_time += SCALE / u128::from(flow.weight);
        if flow.waiting > 0 {
            self.ready.push(Turn { virtual_time: flow.virtual_time, sequence: self.sequence, flow: turn.flow });
            self.sequence += 1;
        } else if flow.virtual_time <= self.now {
            self.flows.remove(&turn.flow);
        }
        self.forget_idle();
        Some((turn.flow, item))
    }

    /// Idle flows keep their debt until the others have caught up; then nothing is known of them any more.
    fn forget_idle(&mut self) {
        if self.waiting == 0 {
            self.flows.clear();
            self.ready.clear();
        } else if self.flows.len() > 2 * self.ready.len() + 64 {
            let now = self.now;
            self.flows.retain(|_, flow| flow.waiting > 0 || flow.virtual_time > now);
        }
    }
}

impl<R: Copy + Eq + Hash, T> Flow<R, T> {
    fn pop(&mut self) -> Option<T> {
        let mut first = self.lanes.first_entry()?;
        let item = first.get_mut().pop()?;
        if first.get().turns.is_empty() {
            first.remove();
        }
        self.waiting -= 1;
        Some(item)
    }
}

impl<R: Copy + Eq + Hash, T> Lane<R, T> {
    fn new() -> Self {
        Self { turns: VecDeque::new(), items: HashMap::new() }
    }

    fn push(&mut self, recipient: R, item: T) {
        let items = self.items.entry(recipient).or_default();
        if items.is_empty() {
            self.turns.push_back(recipient);
        }
        items.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        let recipient = self.turns.pop_front()?;
        let items = self.items.get_mut(&recipient)?;
        let item = items.pop_front();
        if items.is_empty() {
            self.items.remove(&recipient);
        } else {
            self.turns.push_back(recipient);
        }
        item
    }
}

#[cfg(test)]
mod tests;
