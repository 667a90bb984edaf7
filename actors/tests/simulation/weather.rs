//! What the faults of a seed are: drawn once, then followed.

use std::ops::Range;
use std::time::Duration;

use rand::Rng;

/// What becomes of one piece of work in storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    Slow,
    /// An error, and nothing was done.
    Refused,
    /// It was done, and the answer was lost.
    Torn,
}

/// How often things go wrong, in a thousand, and when.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    pub(crate) slow: u32,
    pub(crate) refused: u32,
    pub(crate) torn: u32,
    /// Storage is away, in milliseconds since the start.
    pub(crate) outages: Vec<Range<u64>>,
    /// Nothing goes wrong any more.
    pub(crate) calm_after_ms: u64,
    pub(crate) vendor: VendorMood,
}

/// How the vendor answers, in a thousand; what is left over is accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VendorMood {
    pub(crate) transient: u32,
    pub(crate) throttled: u32,
    pub(crate) permanent: u32,
    pub(crate) refuses_account: u32,
    /// Takes nothing and never answers.
    pub(crate) hangs: u32,
    /// Takes it, and the answer is lost.
    pub(crate) answer_lost: u32,
    /// A receipt of what was taken says that it did not arrive.
    pub(crate) bad_news: u32,
}

impl Weather {
    pub(crate) fn draw(chance: &mut impl Rng, calm_after_ms: u64) -> Self {
        // Some seeds are mild, some are wild, and some have one kind of trouble only.
        let mut level = |most: u32| if chance.random_bool(0.5) { 0 } else { chance.random_range(0..=most) };
        let (slow, refused, torn) = (level(120), level(80), level(80));
        let vendor = VendorMood {
            transient: level(300),
            throttled: level(300),
            permanent: level(100),
            refuses_account: level(30),
            hangs: level(100),
            answer_lost: level(150),
            bad_news: level(300),
        };
        let outages = (0..chance.random_range(0..3_u32))
            .map(|_| {
                let from = chance.random_range(0..calm_after_ms);
                from..from + chance.random_range(200..5_000)
            })
            .collect();
        Self { slow, refused, torn, outages, calm_after_ms, vendor }
    }

    pub(crate) fn is_calm(&self, now_ms: u64) -> bool {
        now_ms >= self.calm_after_ms
    }

    pub(crate) fn is_storage_away(&self, now_ms: u64) -> bool {
        !self.is_calm(now_ms) && self.outages.iter().any(|outage| outage.contains(&now_ms))
    }

    pub(crate) fn fate(&self, now_ms: u64, chance: &mut impl Rng) -> Fate {
        let drawn = chance.random_range(0..1_000_u32);
        if self.is_calm(now_ms) {
            return Fate::Done;
        }
        match drawn {
            drawn if drawn < self.refused => Fate::Refused,
            drawn if drawn < self.refused + self.torn => Fate::Torn,
            drawn if drawn < self.refused + self.torn + self.slow => Fate::Slow,
            _ => Fate::Done,
        }
    }
}

/// A time from a span of milliseconds.
pub(crate) fn within(chance: &mut impl Rng, span_ms: Range<u64>) -> Duration {
    Duration::from_millis(chance.random_range(span_ms))
}
