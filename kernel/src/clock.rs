//! The one source of wall time. `Timestamp::now` and `SystemTime::now` are banned elsewhere by clippy.

use jiff::{SignedDuration, Timestamp};

/// Tells the time. Cheap to clone; hand it in, never reach for a global one.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    /// Follows tokio's own clock, so that `tokio::time::pause` and `advance` move both.
    Tokio {
        start: Timestamp,
        origin: tokio::time::Instant,
    },
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that shows `start` now and moves with tokio's time. For tests and simulations.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this file is where tokio's clock is read")]
    pub fn starting_at(start: Timestamp) -> Self {
        Self(Source::Tokio { start, origin: tokio::time::Instant::now() })
    }

    /// The present instant, cut to whole microseconds: what PostgreSQL's `timestamptz` holds.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
    pub fn now(&self) -> Timestamp {
        let exact = match &self.0 {
            Source::System => Timestamp::now(),
            Source::Tokio { start, origin } => {
                let elapsed = SignedDuration::try_from(origin.elapsed()).unwrap_or(SignedDuration::MAX);
                start.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
            }
        };
        Timestamp::from_microsecond(exact.as_microsecond()).unwrap_or(exact)
    }

    /// How long until `instant`; zero once it has come.
    #[must_use]
    pub fn until(&self, instant: Timestamp) -> std::time::Duration {
        std::time::Duration::try_from(instant.duration_since(self.now())).unwrap_or_default()
    }
}
