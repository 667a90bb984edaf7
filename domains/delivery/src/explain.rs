//! DEL-3: where a message's time went, in milliseconds by reason.

use jiff::Timestamp;
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
    let mut spans = Vec::new();
    let (mut from, mut reason) = (born, first_reason);
    for event in events {
        let to = event.at.max(from);
        cut(&mut spans, reason, from, to, &event.waits);
        from = to;
        reason = reason_after(event, reason);
    }
    let end = finished.unwrap_or(now).max(from);
    cut(&mut spans, reason, from, end, &[]);
    spans
}

fn reason_after(event: &DeliveryEvent, before: WaitReason) -> WaitReason {
    match event.kind {
        EventKind::AttemptStarted => WaitReason::ProviderCall,
        EventKind::Redriven | EventKind::FellBack => WaitReason::Dispatch,
        _ => event.reason.unwrap_or(before),
    }
}

fn cut(spans: &mut Vec<Span>, reason: WaitReason, from: Timestamp, to: Timestamp, waits: &[(WaitReason, u32)]) {
    let whole_ms = to.duration_since(from).as_millis_i64();
    let known_ms: i64 = waits.iter().map(|(_, ms)| i64::from(*ms)).sum();
    let mut at = from;
    let mut push = |reason: WaitReason, ms: i64| {
        if ms > 0 {
            let end = at.saturating_add(jiff::SignedDuration::from_millis(ms)).unwrap_or(to).min(to);
            spans.push(Span { reason, from: at, to: end, ms });
            at = end;
        }
    };
    if known_ms > whole_ms {
        push(reason, whole_ms);
        return;
    }
    push(reason, whole_ms - known_ms);
    waits.iter().for_each(|(reason, ms)| push(*reason, i64::from(*ms)));
}

trait Millis {
    fn as_millis_i64(&self) -> i64;
}

impl Millis for jiff::SignedDuration {
    fn as_millis_i64(&self) -> i64 {
        i64::try_from(self.as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests;
