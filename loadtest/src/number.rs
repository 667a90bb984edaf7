//! Small arithmetic: the clock of measurements, conversions, and chance that depends on a number alone.

use tokio::time::Instant;

/// The present instant.
#[expect(clippy::disallowed_methods, reason = "latency is what this program measures")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// The whole part of a number that is not negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` ends at the type's bounds")]
pub(crate) fn whole(value: f64) -> u64 {
    value as u64
}

/// Microseconds as milliseconds.
pub(crate) fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

/// Evenly spread over all numbers, equal for equal seeds (SplitMix64).
pub(crate) const fn spread(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The same between 0 and 1.
pub(crate) fn share(seed: u64) -> f64 {
    (spread(seed) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even() {
        let below = (0..100_000).filter(|seed| share(*seed) < 0.01).count();
        assert!((850..1_150).contains(&below), "{below}");
    }

    #[test]
    fn whole_numbers_end_at_the_bounds() {
        assert_eq!([whole(-1.0), whole(1.9), whole(f64::MAX)], [0, 1, u64::MAX]);
    }
}
