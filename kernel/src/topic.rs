//! What a message is about, in the words of a preference page.

use serde::{Deserialize, Serialize};

/// What a message is about. Recipients choose channels by topic; a purpose says why the law lets it be sent, a topic what
/// the reader would call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Topic {
    /// Visits: confirmations, reminders, running late, rescheduling.
    Appointments = 1,
    /// A course of treatment: phases, appliances, milestones.
    Treatment = 2,
    /// Care around a visit: preparation, instructions, results, check-ups.
    Care = 3,
    /// Bills, payments, insurance.
    Financial = 4,
    /// Surveys and requests for a review.
    Surveys = 5,
    /// Offers, greetings, news.
    Marketing = 6,
    /// The recipient's own account here: sign-in, forms, new messages.
    Account = 7,
}

impl Topic {
    /// All topics, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Appointments,
        Self::Treatment,
        Self::Care,
        Self::Financial,
        Self::Surveys,
        Self::Marketing,
        Self::Account,
    ];

    /// The name in rows and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Appointments => "appointments",
            Self::Treatment => "treatment",
            Self::Care => "care",
            Self::Financial => "financial",
            Self::Surveys => "surveys",
            Self::Marketing => "marketing",
            Self::Account => "account",
        }
    }

    /// The number in rows.
    #[must_use]
    pub const fn as_i16(self) -> i16 {
        self as i16
    }

    /// The topic of a stored number.
    #[must_use]
    pub fn from_i16(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_i16() == number)
    }
}

crate::parse_by_name!(Topic = "topic");
