//! What keeps an address from getting anything, as lists show it.

use jiff::{SignedDuration, Timestamp};

use carepost_kernel::{Phi, SuppressionId};

use super::{Actor, AddressKey, ConsentSource, SuppressionReason};

/// How long a full or refusing mailbox is left alone.
const SOFT_BOUNCE: SignedDuration = SignedDuration::from_hours(72);

/// Something that keeps an address from getting anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Suppression {
    /// Which.
    pub suppression_id: SuppressionId,
    /// Of which address.
    pub key: AddressKey,
    /// The address, where somebody knew it.
    pub address: Option<Phi<String>>,
    /// Why.
    pub reason: SuppressionReason,
    /// How it came to us.
    pub source: ConsentSource,
    /// Since when.
    pub since: Timestamp,
    /// Until when; none: until it is lifted.
    pub until: Option<Timestamp>,
    /// When it was lifted.
    pub lifted_at: Option<Timestamp>,
    /// Who wrote it down.
    pub actor: Actor,
}

impl SuppressionReason {
    /// Until when it holds where nobody says otherwise; none: until it is lifted.
    #[must_use]
    pub fn default_until(self, since: Timestamp) -> Option<Timestamp> {
        match self {
            Self::SoftBounce => Some(since.saturating_add(SOFT_BOUNCE).unwrap_or(Timestamp::MAX)),
            Self::OptedOut
            | Self::HardBounce
            | Self::Complaint
            | Self::ProviderBlock
            | Self::Staff
            | Self::WrongNumber => None,
        }
    }

    /// Whether START, or another word of the reader's own, lifts it.
    #[must_use]
    pub const fn ends_with_start(self) -> bool {
        matches!(self, Self::OptedOut | Self::ProviderBlock)
    }
}
