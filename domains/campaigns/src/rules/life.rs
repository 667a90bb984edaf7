//! What may be done with a bulk send in which state (CAM-1).

use crate::types::BulkState;

/// What callers do with a bulk send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Add to its list.
    Upload,
    /// Ask the gate about each row.
    Count,
    /// Let its rows go.
    Start,
    /// Hold them.
    Pause,
    /// Let them go again.
    Resume,
    /// End it, and take back what waits.
    Cancel,
}

impl Deed {
    /// All deeds.
    pub const ALL: [Self; 6] = [Self::Upload, Self::Count, Self::Start, Self::Pause, Self::Resume, Self::Cancel];

    /// What is tried, for errors.
    #[must_use]
    pub const fn tried(self) -> &'static str {
        match self {
            Self::Upload => "add to the list of a bulk send",
            Self::Count => "count bulk send",
            Self::Start => "start bulk send",
            Self::Pause => "pause bulk send",
            Self::Resume => "resume bulk send",
            Self::Cancel => "cancel bulk send",
        }
    }
}

/// The state after a deed. A deed that was done already changes nothing.
///
/// # Errors
/// Why it cannot be, in words for the caller.
pub const fn after(state: BulkState, row_count: i32, deed: Deed) -> Result<BulkState, &'static str> {
    use BulkState::{Cancelled, Cancelling, Counting, Draft, Finished, Paused, Ready, Running};
    match (deed, state) {
        (_, Cancelled | Cancelling) if !matches!(deed, Deed::Cancel) => Err("it was cancelled"),
        (_, Finished) => Err("it has finished"),
        // A list that grows must be counted again.
        (Deed::Upload, Draft | Ready) => Ok(Draft),
        (Deed::Upload, Counting) => Err("it is being counted"),
        (Deed::Upload, _) => Err("it was started"),
        (Deed::Count, Draft | Ready) if row_count == 0 => Err("its list is empty"),
        (Deed::Count, Draft | Ready | Counting) => Ok(Counting),
        (Deed::Count, _) => Err("it was started"),
        (Deed::Start, Ready | Running) => Ok(Running),
        (Deed::Start, Draft | Counting) => Err("it must be counted first"),
        (Deed::Start, _) => Err("it is paused: resume it"),
        (Deed::Pause, Running | Paused) => Ok(Paused),
        (Deed::Pause | Deed::Resume, Draft | Counting | Ready) => Err("it was not started"),
        (Deed::Pause, _) => Err("it does not run"),
        (Deed::Resume, Running | Paused) => Ok(Running),
        (Deed::Resume, _) => Err("it is not paused"),
        (Deed::Cancel, Cancelled) => Ok(Cancelled),
        (Deed::Cancel, _) => Ok(Cancelling),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn deeds() -> impl Strategy<Value = Vec<usize>> {
        proptest::collection::vec(0..Deed::ALL.len(), 0..40)
    }

    proptest! {
        /// CAM-1: whatever callers do, in whatever order, nothing runs that was not counted since its list changed last.
        #[test]
        fn hub_014_nothing_leaves_before_the_count(deeds in deeds(), count_ends in proptest::bool::ANY) {
            let (mut state, mut rows, mut is_counted) = (BulkState::Draft, 0, false);
            for deed in deeds {
                let deed = Deed::ALL[deed];
                let Ok(next) = after(state, rows, deed) else { continue };
                match deed {
                    Deed::Upload => (rows, is_counted) = (rows + 1, false),
                    Deed::Count => is_counted = false,
                    _ => {}
                }
                state = next;
                if state == BulkState::Counting && count_ends {
                    (state, is_counted) = (BulkState::Ready, true);
                }
                prop_assert!(!matches!(state, BulkState::Running | BulkState::Paused) || (is_counted && rows > 0));
            }
        }

        /// What has ended stays ended.
        #[test]
        fn hub_014_a_cancelled_send_stays_cancelled(deeds in deeds()) {
            let mut state = BulkState::Cancelling;
            for deed in deeds {
                state = after(state, 1, Deed::ALL[deed]).unwrap_or(state);
                prop_assert_eq!(state, BulkState::Cancelling);
            }
        }
    }

    #[test]
    fn a_deed_that_was_done_already_changes_nothing() {
        for (state, deed) in [
            (BulkState::Counting, Deed::Count),
            (BulkState::Running, Deed::Start),
            (BulkState::Paused, Deed::Pause),
            (BulkState::Running, Deed::Resume),
            (BulkState::Cancelling, Deed::Cancel),
            (BulkState::Cancelled, Deed::Cancel),
        ] {
            assert_eq!(after(state, 1, deed), Ok(state));
        }
        for deed in Deed::ALL {
            assert_eq!(after(BulkState::Finished, 1, deed), Err("it has finished"));
        }
        assert_eq!(after(BulkState::Draft, 0, Deed::Count), Err("its list is empty"));
    }
}
