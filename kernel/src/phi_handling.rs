//! What a practice wants done about health information in what leaves.

use serde::{Deserialize, Serialize};

/// What is done about health information that the guard finds (decision C35).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhiHandling {
    /// Nothing: it is not looked for.
    #[default]
    Off,
    /// The message does not leave on this channel.
    Block,
    /// A notice of a secure message leaves in its place.
    Replace,
}

impl PhiHandling {
    /// All of them.
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

crate::parse_by_name!(PhiHandling = "handling of health information");
