//! Records and states of the room.

mod evidence;
mod facts;
pub(crate) mod numbered;
mod people;
mod policies;
mod preferences;
mod suppression;

pub use evidence::{Actor, ActorKind, ChangeKind, ConsentChange, ConsentEvent, ConsentSource, Evidence, Said};
pub use facts::{
    AddressKey, ConsentState, ContactFacts, Grant, PastSend, PersonFacts, SuppressionFact, SuppressionReason, WardFact,
};
pub use people::{
    ContactPoint, ContactPointInput, Guardian, GuardianInput, GuardianScope, Merge, Profile, Recipient, RecipientInput,
    RecipientKind,
};
pub use policies::{Activation, PolicyState, PolicyVersion};
pub use preferences::{AcceptedTerms, Digest, PreferenceVersion, Preferences, PreferencesRecord, QuietHours};
pub use suppression::Suppression;
