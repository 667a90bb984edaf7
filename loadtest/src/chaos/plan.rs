//! What happens when: a pure function of the seed. What the machine does in between is not, so that a replay repeats
//! the faults and the traffic, and not each interleaving.

use std::time::Duration;

use crate::number::{share, spread};

/// A part of the run, with one kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Step {
    /// SIGKILL and SIGTERM for engine and PostgreSQL.
    Kills,
    /// The database refuses connections.
    Refused,
    /// The database takes connections and says nothing.
    Swallowed,
    /// No room on the database's disk.
    DiskFull,
    /// The provider is slow, and 30 to 70 % of its answers are 503.
    BrownOut,
    /// The provider neither takes nor answers.
    Hang,
    /// The provider takes messages and cuts the connection.
    DropAfterAccept,
    /// Every receipt many times, out of order.
    ReceiptStorm,
    /// The wall clock of one of two engines jumps by an hour, to and fro.
    ClockJump,
}

impl Step {
    pub(crate) const ALL: [Self; 9] = [
        Self::Kills,
        Self::Refused,
        Self::Swallowed,
        Self::DiskFull,
        Self::BrownOut,
        Self::Hang,
        Self::DropAfterAccept,
        Self::ReceiptStorm,
        Self::ClockJump,
    ];

    /// As on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kills => "kills",
            Self::Refused => "refused",
            Self::Swallowed => "swallowed",
            Self::DiskFull => "disk-full",
            Self::BrownOut => "brown-out",
            Self::Hang => "hang",
            Self::DropAfterAccept => "drop-after-accept",
            Self::ReceiptStorm => "receipt-storm",
            Self::ClockJump => "clock-jump",
        }
    }

    /// The chance of this step: leaving another one out changes nothing here.
    pub(crate) const fn dice(self, seed: u64) -> Dice {
        Dice(spread(seed ^ spread(self as u64 + 1)))
    }
}

/// Chance from a seed: equal seeds give equal draws.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Chance from a seed of its own.
    pub(crate) const fn seeded(seed: u64) -> Self {
        Self(spread(seed))
    }

    /// Chance of its own for a numbered thing.
    pub(crate) const fn of(self, number: u64) -> Self {
        Self(spread(self.0 ^ spread(number)))
    }

    pub(crate) const fn seed(self) -> u64 {
        self.0
    }

    /// Evenly spread between 0 and 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.0 = spread(self.0);
        share(self.0)
    }

    /// Evenly spread below `end`.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.0 = spread(self.0);
        self.0 % end
    }

    /// Evenly spread from `least` on, below `end`, in milliseconds.
    pub(crate) const fn millis(&mut self, least: u64, end: u64) -> Duration {
        Duration::from_millis(least + self.below(end - least))
    }

    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for place in (1..all.len()).rev() {
            let other = usize::try_from(self.below(place as u64 + 1)).unwrap_or(0);
            all.swap(place, other);
        }
    }
}

/// Who is killed, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Victim {
    /// SIGKILL for the engine.
    Engine,
    /// SIGTERM for the engine, which drains and ends by itself.
    EngineGently,
    /// SIGKILL for the engine, and once more while it starts.
    EngineTwice,
    /// SIGKILL for PostgreSQL's postmaster; recovery follows.
    Postgres,
    /// SIGKILL for both at once.
    Both,
}

impl Victim {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Engine => "SIGKILL engine",
            Self::EngineGently => "SIGTERM engine",
            Self::EngineTwice => "SIGKILL engine, again while it starts",
            Self::Postgres => "SIGKILL PostgreSQL",
            Self::Both => "SIGKILL engine and PostgreSQL",
        }
    }
}

/// One kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kill {
    pub(crate) victim: Victim,
    /// After the recovery from the one before.
    pub(crate) after: Duration,
    /// Until the restart.
    pub(crate) down: Duration,
    /// For [`Victim::EngineTwice`]: how long the first restart lives.
    pub(crate) start_life: Duration,
}

/// Kill `number` of a run.
pub(crate) fn kill(dice: Dice, number: u32) -> Kill {
    let mut dice = dice.of(u64::from(number));
    let victim = match dice.below(100) {
        0..50 => Victim::Engine,
        50..60 => Victim::EngineGently,
        60..70 => Victim::EngineTwice,
        70..90 => Victim::Postgres,
        _ => Victim::Both,
    };
    let (after, down, start_life) = (dice.millis(50, 700), dice.millis(0, 300), dice.millis(0, 400));
    Kill { victim, after, down, start_life }
}

/// Why a message is sent: each purpose has another policy for unknown outcomes.
pub(crate) const PURPOSES: [&str; 4] = ["emergency", "transactional", "treatment", "financial"];

/// The purpose of the message behind a key.
pub(crate) fn purpose(seed: u64, key: u64) -> &'static str {
    PURPOSES[usize::try_from(Dice(seed).of(key).below(4)).unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_replays_its_kills_and_another_one_does_not() {
        let plan = |seed| (0..200).map(|number| kill(Step::Kills.dice(seed), number)).collect::<Vec<_>>();
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
        // A longer run begins as a shorter one.
        assert_eq!(kill(Step::Kills.dice(7), 150), plan(7)[150]);
    }

    #[test]
    fn each_victim_comes_in_a_short_run() {
        let victims: BTreeSet<Victim> = (0..200).map(|number| kill(Step::Kills.dice(1), number).victim).collect();
        assert_eq!(victims.len(), 5);
    }

    #[test]
    fn steps_are_named_as_on_the_command_line() {
        for step in Step::ALL {
            let named = clap::ValueEnum::to_possible_value(&step).unwrap();
            assert_eq!(named.get_name(), step.name());
        }
    }

    #[test]
    fn steps_have_chances_of_their_own() {
        let seeds: BTreeSet<u64> = Step::ALL.iter().map(|step| step.dice(3).seed()).collect();
        assert_eq!(seeds.len(), Step::ALL.len());
    }

    #[test]
    fn traffic_is_the_seeds_and_has_every_purpose() {
        let purposes = |seed| (0..400).map(|key| purpose(seed, key)).collect::<Vec<_>>();
        assert_eq!(purposes(1), purposes(1));
        for wanted in PURPOSES {
            let count = purposes(1).into_iter().filter(|purpose| *purpose == wanted).count();
            assert!((60..140).contains(&count), "{wanted}: {count}");
        }
    }

    #[test]
    fn a_shuffle_keeps_everything() {
        let mut all: Vec<u32> = (0..50).collect();
        Step::ReceiptStorm.dice(1).shuffle(&mut all);
        assert_ne!(all, (0..50).collect::<Vec<_>>());
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());
    }
}
