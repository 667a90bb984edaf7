//! What follows from findings.

use std::collections::BTreeSet;

use crate::types::FindingKind;

/// What the guard says of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuardVerdict {
    /// It may leave as it is.
    Pass,
    /// It may not leave on this channel.
    Block {
        /// What was found; empty where the text was too long to be judged.
        kinds: BTreeSet<FindingKind>,
    },
    /// The replacement may leave in its place.
    Replace {
        /// What was found; empty where the text was too long to be judged.
        kinds: BTreeSet<FindingKind>,
    },
}

impl GuardVerdict {
    /// The name in metric labels and stored verdicts.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Block { .. } => "block",
            Self::Replace { .. } => "replace",
        }
    }
}
