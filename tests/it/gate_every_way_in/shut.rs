//! What nobody may be written any more, by the answers to whoever said so: addresses, purposes and stretches of time.

use std::collections::BTreeMap;

use carepost_kernel::{Channel, Clock, Purpose};
use jiff::{SignedDuration, Timestamp};

/// Calls that were under way when the word came may come a moment after its answer.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(1);

/// Why it is shut: each reason is lifted in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// The reader wrote STOP, or it was written down as their word. START lifts it.
    OptedOut,
    /// Staff took the address off: in these worlds nobody lifts it.
    Staff,
    /// Consent was taken back. A later grant lifts it, and START but for marketing.
    Revoked,
}

#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: Timestamp,
    until: Timestamp,
}

/// Addresses that are shut, and those that were.
#[derive(Debug, Default)]
pub(super) struct Shut {
    stretches: BTreeMap<(Channel, String, Purpose, Why), Vec<Stretch>>,
}

impl Shut {
    /// From now on nothing may leave for these purposes: whoever said so has the answer.
    pub(super) fn close(&mut self, (channel, address): (Channel, &str), purposes: &[Purpose], why: Why) {
        let from = Clock::system().now();
        for purpose in purposes {
            let stretches = self.stretches.entry((channel, address.to_owned(), *purpose, why)).or_default();
            if stretches.last().is_none_or(|last| last.until < Timestamp::MAX) {
                stretches.push(Stretch { from, until: Timestamp::MAX });
            }
        }
    }

    /// What lifts a reason was said at this instant. Where it does not lift everything the gate is stricter than this.
    pub(super) fn open(&mut self, (channel, address): (Channel, &str), purposes: &[Purpose], why: Why, at: Timestamp) {
        for purpose in purposes {
            let stretches = self.stretches.get_mut(&(channel, address.to_owned(), *purpose, why));
            if let Some(last) = stretches.and_then(|stretches| stretches.last_mut()) {
                last.until = last.until.min(at);
            }
        }
    }

    /// Why no call may come at this instant, if so.
    pub(super) fn holds(&self, (channel, address): (Channel, &str), purpose: Purpose, at: Timestamp) -> Option<Why> {
        let is_in = |stretch: &Stretch| stretch.from + UNDER_WAY < at && at < stretch.until;
        let is_shut = |why: &Why| {
            let stretches = self.stretches.get(&(channel, address.to_owned(), purpose, *why));
            stretches.is_some_and(|stretches| stretches.iter().any(is_in))
        };
        [Why::OptedOut, Why::Staff, Why::Revoked].into_iter().find(is_shut)
    }

    /// Whether it was shut once and is open again at this instant.
    pub(super) fn is_reopened(&self, (channel, address): (Channel, &str), purpose: Purpose, at: Timestamp) -> bool {
        let is_over = |why| {
            let stretches = self.stretches.get(&(channel, address.to_owned(), purpose, why));
            stretches.is_some_and(|stretches| stretches.iter().any(|stretch| stretch.until < at))
        };
        [Why::OptedOut, Why::Revoked].into_iter().any(is_over) && self.holds((channel, address), purpose, at).is_none()
    }
}
