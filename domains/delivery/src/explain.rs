//! DEL-3: where a message's time went, in milliseconds by reason.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use carepost_kernel::WaitReason;

use crate::types::{DeliveryEvent, EventKind};

/// A stretch of a delivery's life with one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Why it waited.
    pub reason: WaitReason,
    /// From when.
    pub from: Timestamp,
    /// Until when; the present for the last span of an open delivery.
    pub to: Timestamp,
    /// The length in milliseconds.
    pub ms: i64,
}

/// Cuts the life of one delivery into spans. `events` are its own, in order; `finished` ends the last one.
///
/// Waits that the engine kept in memory only (fairness, a provider's rate) come with the next event and are cut out of
/// the span before it, the most recent last.
#[must_use]
pub fn explain(
    born: Timestamp,
    first_reason: WaitReason,
    events: &[DeliveryEvent],
    finished: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Span> {
    let mut life = Life { born, spans: Vec::new() };
    let (mut from, mut reason) = (born, first_reason);
    for event in events {
        // What is told after the end, a click for example, makes the life no longer.
        let to = event.at.min(finished.unwrap_or(event.at)).max(from);
        life.cut(reason, from, to, &event.waits);
        from = to;
        reason = reason_after(event, reason);
    }
    life.cut(reason, from, finished.unwrap_or(now).max(from), &[]);
    life.spans
}

fn reason_after(event: &DeliveryEvent, before: WaitReason) -> WaitReason {
    match event.kind {
        EventKind::AttemptStarted => WaitReason::ProviderCall,
        EventKind::Redriven | EventKind::FellBack => WaitReason::Dispatch,
        _ => event.reason.unwrap_or(before),
    }
}

struct Life {
    born: Timestamp,
    spans: Vec<Span>,
}

impl Life {
    fn cut(&mut self, reason: WaitReason, from: Timestamp, to: Timestamp, waits: &[(WaitReason, u32)]) {
        let known: SignedDuration = waits.iter().map(|(_, ms)| SignedDuration::from_millis(i64::from(*ms))).sum();
        let start = to.saturating_sub(known).unwrap_or(from);
        if start < from {
            // Measured by two clocks, and at odds: the row's reason stands for all.
            self.push(reason, from, to);
            return;
        }
        self.push(reason, from, start);
        let mut at = start;
        for (reason, ms) in waits {
            let end = at.saturating_add(SignedDuration::from_millis(i64::from(*ms))).unwrap_or(to).min(to);
            self.push(*reason, at, end);
            at = end;
        }
    }

    /// Lengths are differences of whole milliseconds since birth, so that no rest of a cut is lost.
    fn push(&mut self, reason: WaitReason, from: Timestamp, to: Timestamp) {
        let ms = self.age_ms(to) - self.age_ms(from);
        if ms > 0 {
            self.spans.push(Span { reason, from, to, ms });
        }
    }

    fn age_ms(&self, at: Timestamp) -> i64 {
        i64::try_from(at.duration_since(self.born).as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests;
