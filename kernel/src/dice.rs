//! The one source of chance that decides something: jitter of waits, shares of routes. Keys and nonces are drawn elsewhere.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Draws numbers. Cheap to clone; hand it in, never reach for a global one.
#[derive(Debug, Clone)]
pub struct Dice(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Dice {
    /// The machine's chance.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// Draws the same numbers for the same seed; clones draw from one row of them. For simulations.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// A number from `[0, 1)`.
    #[must_use]
    pub fn unit(&self) -> f64 {
        match &self.0 {
            Source::System => rand::random(),
            // A poisoned lock still holds a whole generator: nothing between lock and unlock stops half-way.
            Source::Seeded(row) => row.lock().unwrap_or_else(PoisonError::into_inner).random(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_row_of_numbers() {
        let row = |dice: &Dice| (0..5).map(|_| dice.unit()).collect::<Vec<_>>();
        assert_eq!(row(&Dice::seeded(7)), row(&Dice::seeded(7)));
        assert_ne!(row(&Dice::seeded(7)), row(&Dice::seeded(8)));
        let dice = Dice::seeded(7);
        assert_ne!(row(&dice), row(&dice.clone()), "clones go on where the other stopped");
        assert!(row(&Dice::system()).iter().all(|drawn| (0.0..1.0).contains(drawn)));
    }
}
