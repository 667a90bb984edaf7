//! What came of requests: latencies, answers, and every message that was promised.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use uuid::Uuid;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// An HTTP status, or the status of an item of a batch.
    Status(u16),
    /// A success whose body is not ours.
    Unreadable,
    /// The connection broke or could not be made.
    Broken(std::io::ErrorKind),
    /// No answer in time.
    TimedOut,
    /// It was still not sent a while after the end.
    NotSent,
}

impl Ending {
    /// The message is durable.
    pub(crate) const fn is_success(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }

    /// The server takes no more for now and says so.
    pub(crate) const fn is_refusal(self) -> bool {
        matches!(self, Self::Status(429 | 503))
    }

    /// Nobody knows whether there is a message now.
    pub(crate) const fn is_unknown(self) -> bool {
        matches!(self, Self::Status(500..) | Self::Unreadable | Self::Broken(_) | Self::TimedOut)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Unreadable => f.write_str("unreadable answer"),
            Self::Broken(kind) => write!(f, "connection: {kind}"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::NotSent => f.write_str("not sent"),
        }
    }
}

/// A message that the server has promised to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ack {
    /// The number behind its idempotency key.
    pub(crate) key: u64,
    pub(crate) message_id: Uuid,
    /// When the promise was here, in microseconds since 1970.
    pub(crate) at_us: i64,
    /// Its request was meant to leave after the warm-up.
    pub(crate) is_measured: bool,
}

/// Highest latency that is told apart: two minutes.
const HIGHEST_US: u64 = 120_000_000;

/// An empty histogram of microseconds, exact to three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HIGHEST_US, 3).expect("the bounds are ordered and the digits are between 0 and 5")
}

/// Notes a span of time.
pub(crate) fn note(histogram: &mut Histogram<u64>, span: Duration) {
    histogram.saturating_record(u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1));
}

/// What one thread of load has seen.
#[derive(Debug)]
pub(crate) struct Tally {
    /// From the intended start to the end of the answer, of measured requests that succeeded.
    pub(crate) latency: Histogram<u64>,
    /// All messages (or requests without messages), warm-up included, by ending.
    pub(crate) endings: BTreeMap<Ending, u64>,
    pub(crate) acks: Vec<Ack>,
    /// Keys whose request ended with nobody knowing.
    pub(crate) unknown: Vec<u64>,
    /// Messages of measured requests that succeeded.
    pub(crate) measured: u64,
    /// When the last measured one ended, since the start.
    pub(crate) last: Duration,
    /// Measured requests that left before the schedule's end, whatever became of them.
    pub(crate) departed: u64,
    /// From the departure to the end of the answer, of measured requests of which nothing was taken. How late a request
    /// left is the fault of those before it, which the latencies above tell.
    pub(crate) refusals: Histogram<u64>,
    /// Messages that were refused for now without a word on when to come again.
    pub(crate) unexplained: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            latency: histogram(),
            endings: BTreeMap::new(),
            acks: Vec::new(),
            unknown: Vec::new(),
            measured: 0,
            last: Duration::ZERO,
            departed: 0,
            refusals: histogram(),
            unexplained: 0,
        }
    }
}

impl Tally {
    /// Counts one message by how it ended.
    pub(crate) fn count(&mut self, ending: Ending, messages: u64) {
        *self.endings.entry(ending).or_default() += messages;
    }

    /// Takes what another thread has seen.
    pub(crate) fn join(&mut self, other: Self) {
        self.latency.add(&other.latency).expect("all histograms have the same bounds");
        self.refusals.add(&other.refusals).expect("all histograms have the same bounds");
        self.unexplained += other.unexplained;
        for (ending, count) in other.endings {
            self.count(ending, count);
        }
        self.acks.extend(other.acks);
        self.unknown.extend(other.unknown);
        self.measured += other.measured;
        self.last = self.last.max(other.last);
        self.departed += other.departed;
    }

    /// Messages that did not succeed.
    pub(crate) fn failed(&self) -> u64 {
        self.endings.iter().filter(|(ending, _)| !ending.is_success()).map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_added_up() {
        let mut first = Tally::default();
        let mut second = Tally::default();
        first.count(Ending::Status(202), 3);
        second.count(Ending::Status(202), 2);
        second.count(Ending::Status(429), 1);
        second.count(Ending::TimedOut, 1);
        note(&mut first.latency, Duration::from_millis(1));
        note(&mut second.latency, Duration::from_secs(500));
        (first.last, second.last) = (Duration::from_secs(1), Duration::from_secs(2));
        first.join(second);
        assert_eq!(first.endings[&Ending::Status(202)], 5);
        assert_eq!((first.failed(), first.latency.len(), first.last.as_secs()), (2, 2, 2));
    }

    #[test]
    fn a_refusal_is_known_and_a_broken_connection_is_not() {
        for ending in [Ending::Status(500), Ending::Status(503), Ending::TimedOut, Ending::Unreadable] {
            assert!(ending.is_unknown(), "{ending}");
        }
        for ending in [Ending::Status(202), Ending::Status(429), Ending::NotSent] {
            assert!(!ending.is_unknown(), "{ending}");
        }
    }
}
