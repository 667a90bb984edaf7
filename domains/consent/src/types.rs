//! Records and states of the room.

mod facts;
mod preferences;

pub use facts::{
    AddressKey, ConsentState, ContactFacts, Grant, PastSend, PersonFacts, SuppressionFact, SuppressionReason,
};
pub use preferences::{Digest, Preferences, QuietHours};
