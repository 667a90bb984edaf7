//! What follows from findings.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::types::FindingKind;

/// What a tenant wants done with a text that has health information in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhiAction {
    /// Let it leave as it is.
    Off,
    /// Let it not leave on this channel.
    #[default]
    Block,
    /// Let "you have a secure message" with a link leave in its place.
    Replace,
}

impl PhiAction {
    /// All actions.
    pub const ALL: [Self; 3] = [Self::Off, Self::Block, Self::Replace];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Block => "block",
            Self::Replace => "replace",
        }
    }
}

carepost_kernel::parse_by_name!(PhiAction = "action of the PHI guard");

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

/// A language that the shipped dictionary and the replacement text have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::En, Self::Es];

    /// The ISO 639-1 code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
        }
    }

    /// The language of a tag such as `es-PR`; English where there is none of ours.
    #[must_use]
    pub fn of_tag(tag: &str) -> Self {
        match tag.get(..2) {
            Some(start) if start.eq_ignore_ascii_case("es") => Self::Es,
            _ => Self::En,
        }
    }
}

carepost_kernel::parse_by_name!(Language = "language");
