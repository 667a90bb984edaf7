//! The evidence of consent: who said what, when, how, and in which words.

use jiff::Timestamp;

use carepost_kernel::{ApiKeyId, ConsentChangeId, ConsentEventId, InboundId, Phi, Purpose, RecipientId, TenantId};

use super::numbered::{names, numbered};
use super::{AddressKey, ConsentState, SuppressionReason};

numbered! {
    /// How consent, its revocation, a wish or a suppression came to us.
    ConsentSource = "source of consent" {
        /// A form that the person filled in or signed.
        Form = 1 "form",
        /// A message of the person's own: STOP, START and their like.
        Stop = 2 "stop",
        /// Told to staff.
        Staff = 3 "staff",
        /// The portal, or the page of preferences.
        Portal = 4 "portal",
        /// A list that was read in.
        Import = 5 "import",
        /// Another system.
        Api = 6 "api",
        /// A provider or carrier told us.
        Provider = 7 "provider",
    }

    /// What kind of somebody did it.
    ActorKind = "kind of actor" {
        /// A program with a key of the public API.
        ApiKey = 1 "api_key",
        /// A member of staff.
        Staff = 2 "staff",
        /// The person.
        Recipient = 3 "recipient",
        /// A provider or carrier.
        Provider = 4 "provider",
        /// This program.
        System = 5 "system",
    }

    /// What changed for the gate.
    ChangeKind = "kind of change" {
        /// People or their contact points.
        Recipient = 1 "recipient",
        /// Consent.
        Consent = 2 "consent",
        /// A suppression.
        Suppression = 3 "suppression",
        /// Wishes.
        Preferences = 4 "preferences",
        /// The tenant's own rules.
        Policy = 5 "policy",
    }
}

names!(ConsentState = "state of consent" {
    Granted = "granted",
    GrantedInWriting = "granted_in_writing",
    Revoked = "revoked",
    GrantedUnsecured = "granted_unsecured",
});

names!(SuppressionReason = "reason of a suppression" {
    OptedOut = "opted_out",
    HardBounce = "hard_bounce",
    Complaint = "complaint",
    ProviderBlock = "provider_block",
    SoftBounce = "soft_bounce",
    Staff = "staff",
    WrongNumber = "wrong_number",
});

/// Who did it, as it stands in the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of somebody.
    pub kind: ActorKind,
    /// Their id: of a key, a user, a recipient, an account. Never a name or an address.
    pub id: String,
}

impl Actor {
    /// A program with a key of the public API.
    #[must_use]
    pub fn api_key(api_key_id: ApiKeyId) -> Self {
        Self { kind: ActorKind::ApiKey, id: api_key_id.to_string() }
    }

    /// This program.
    #[must_use]
    pub fn system() -> Self {
        Self { kind: ActorKind::System, id: "carepost".to_owned() }
    }
}

/// What of an entry of the evidence decides over the present state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// Which entry.
    pub event_id: ConsentEventId,
    /// For which purpose; none: for all.
    pub purpose: Option<Purpose>,
    /// Given or taken back.
    pub state: ConsentState,
    /// When it was said.
    pub at: Timestamp,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
}

/// One entry of the evidence, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsentEvent {
    /// What it says.
    pub evidence: Evidence,
    /// Who said it; none: somebody at the address.
    pub recipient_id: Option<RecipientId>,
    /// For which address.
    pub key: AddressKey,
    /// How it came.
    pub source: ConsentSource,
    /// The exact words that were shown or written.
    pub wording: Option<Phi<String>>,
    /// Their version.
    pub wording_version: Option<String>,
    /// In which language.
    pub language: Option<String>,
    /// Who wrote it down.
    pub actor: Actor,
    /// The message from outside that said so.
    pub inbound_id: Option<InboundId>,
}

/// How something was said: what entries of one deed have in common.
#[derive(Debug, Clone)]
pub struct Said {
    /// How it came.
    pub source: ConsentSource,
    /// The exact words.
    pub wording: Option<Phi<String>>,
    /// Their version.
    pub wording_version: Option<String>,
    /// In which language.
    pub language: Option<String>,
    /// When it was said; none: now.
    pub at: Option<Timestamp>,
    /// The message from outside that said so.
    pub inbound_id: Option<InboundId>,
}

impl Said {
    /// Without words, now.
    #[must_use]
    pub const fn by(source: ConsentSource) -> Self {
        Self { source, wording: None, wording_version: None, language: None, at: None, inbound_id: None }
    }
}

/// News for the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentChange {
    /// Its id: news that is read twice is known by it.
    pub change_id: ConsentChangeId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Which address; none: anything of the tenant.
    pub key: Option<AddressKey>,
    /// What.
    pub what: ChangeKind,
    /// When, by the clock of the process that changed it.
    pub at: Timestamp,
}
