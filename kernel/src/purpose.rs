//! Why a message is sent, and how much it hurries.

use serde::{Deserialize, Serialize};

/// Why a message is sent. Consent, quiet hours, caps and the policy for unknown outcomes hang on it (decision C32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Purpose {
    /// Danger to life or health.
    Emergency = 1,
    /// Follows from something that the recipient did or booked.
    Transactional = 2,
    /// Care: instructions, check-ups, results.
    Treatment = 3,
    /// Bills and payments.
    Financial = 4,
    /// Offers, and whatever else needs consent of its own.
    Marketing = 5,
}

impl Purpose {
    /// All purposes, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Emergency, Self::Transactional, Self::Treatment, Self::Financial, Self::Marketing];

    /// The name on the wire and in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Transactional => "transactional",
            Self::Treatment => "treatment",
            Self::Financial => "financial",
            Self::Marketing => "marketing",
        }
    }

    /// The number in rows.
    #[must_use]
    pub const fn as_i16(self) -> i16 {
        self as i16
    }

    /// The purpose of a stored number.
    #[must_use]
    pub fn from_i16(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_i16() == number)
    }
}

/// How much a message hurries. A lower number goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Priority {
    /// Before everything else.
    Emergency = 1,
    /// Overtakes normal traffic.
    Urgent = 2,
    /// The usual.
    #[default]
    Normal = 3,
    /// When there is room.
    Bulk = 4,
}

impl Priority {
    /// All priorities, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Emergency, Self::Urgent, Self::Normal, Self::Bulk];

    /// The name on the wire and in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Urgent => "urgent",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }

    /// The number in rows.
    #[must_use]
    pub const fn as_i16(self) -> i16 {
        self as i16
    }

    /// The priority of a stored number.
    #[must_use]
    pub fn from_i16(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_i16() == number)
    }
}

crate::parse_by_name!(Purpose = "purpose", Priority = "priority");
