//! The five channels of the engine (decision C62). Three have providers today.

use serde::{Deserialize, Serialize};

/// How a message reaches somebody. The number is the one stored in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Channel {
    /// Text message, with pictures too (MMS).
    Sms = 1,
    /// Electronic mail.
    Email = 2,
    /// Stored here and pushed to the recipient's open session.
    InApp = 3,
    /// Mobile or web push.
    Push = 4,
    /// A call.
    Voice = 5,
}

impl Channel {
    /// All channels, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Sms, Self::Email, Self::InApp, Self::Push, Self::Voice];

    /// The name on the wire and in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
            Self::InApp => "in_app",
            Self::Push => "push",
            Self::Voice => "voice",
        }
    }

    /// The number in rows.
    #[must_use]
    pub const fn as_i16(self) -> i16 {
        self as i16
    }

    /// The channel of a stored number.
    #[must_use]
    pub fn from_i16(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_i16() == number)
    }
}

crate::parse_by_name!(Channel = "channel");
