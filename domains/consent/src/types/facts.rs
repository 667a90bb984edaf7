//! What the gate's rules know of one address: loaded once, kept in memory, thrown away when anything of it changes.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use carepost_kernel::{Channel, MessageId, Purpose, RecipientId};

use super::people::GuardianScope;

/// Names one address of a tenant: the keyed hash that also stands in deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey {
    /// On which channel.
    pub channel: Channel,
    /// Keyed hash of the address, for this channel.
    pub address_hash: [u8; 16],
}

/// Everything that is known of one address.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactFacts {
    /// Which address.
    pub key: AddressKey,
    /// Who is reached there. A family may share a phone (decision C58); nobody: the address is unknown here.
    pub people: Vec<PersonFacts>,
    /// What keeps the whole address from getting anything.
    pub suppressions: Vec<SuppressionFact>,
    /// Messages that left for this address within the last eight days, the oldest first; where one person alone reads there,
    /// also those for the other addresses of that person. Each message once.
    pub sends: Vec<PastSend>,
}

/// One person who is reached at an address.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonFacts {
    /// Who.
    pub recipient_id: RecipientId,
    /// Former records of the person, merged into this one: what was handed in for one of them is for this person.
    pub also: Vec<RecipientId>,
    /// The zone that the person lives in, where it is known.
    pub zone: Option<TimeZone>,
    /// Two letters of a state of the United States, where it is known: some have hours of their own.
    pub state: Option<[u8; 2]>,
    /// The language of messages: `en`, `es`.
    pub language: String,
    /// What the person has consented to at this address.
    pub grants: Vec<Grant>,
    /// What the person wishes.
    pub preferences: crate::types::Preferences,
    /// For whom the person answers, or answered once.
    pub wards: Vec<WardFact>,
}

impl ContactFacts {
    /// The only person who reads there: what leaves for their other addresses counts here as well.
    #[must_use]
    pub fn only_reader(&self) -> Option<RecipientId> {
        let mut readers = self.readers();
        readers.next().filter(|_| readers.next().is_none())
    }

    /// Everybody who is known to read there. What was said for the address itself is nobody's.
    pub fn readers(&self) -> impl Iterator<Item = RecipientId> + '_ {
        self.people.iter().map(|person| person.recipient_id).filter(|id| !id.as_uuid().is_nil())
    }
}

impl PersonFacts {
    /// Whether a record is this person's, be it the present one or a former one.
    #[must_use]
    pub fn has_record(&self, recipient_id: RecipientId) -> bool {
        self.recipient_id == recipient_id || self.also.contains(&recipient_id)
    }
}

/// Somebody for whom a person answers (decision C59).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WardFact {
    /// Whom.
    pub ward_id: RecipientId,
    /// Former records of the ward, merged into this one.
    pub also: Vec<RecipientId>,
    /// In what.
    pub scope: GuardianScope,
    /// The last day; none: until it is taken back.
    pub ends_on: Option<Date>,
}

impl WardFact {
    /// Whether a record is the ward's, be it the present one or a former one.
    #[must_use]
    pub fn has_record(&self, recipient_id: RecipientId) -> bool {
        self.ward_id == recipient_id || self.also.contains(&recipient_id)
    }
}

/// Present consent of one person at one address for one purpose, derived from the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// For which purpose; none: for all of them.
    pub purpose: Option<Purpose>,
    /// Given or taken back.
    pub state: ConsentState,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub expires_at: Option<Timestamp>,
}

/// What an entry of the evidence says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ConsentState {
    /// Given by word or deed, for example by giving the number.
    Granted = 1,
    /// Given in writing, with the wording that was signed: what marketing needs.
    GrantedInWriting = 2,
    /// Taken back.
    Revoked = 3,
    /// In writing, and for health information as well: told that others may read the channel, the person still wants it
    /// there (45 CFR 164.522(b), decision C35).
    GrantedUnsecured = 4,
}

impl ConsentState {
    /// Whether the evidence must hold the words.
    #[must_use]
    pub const fn needs_wording(self) -> bool {
        matches!(self, Self::GrantedInWriting | Self::GrantedUnsecured)
    }
}

/// Something that keeps an address from getting anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuppressionFact {
    /// Why.
    pub reason: SuppressionReason,
    /// Since when.
    pub since: Timestamp,
    /// Until when; none: until it is lifted.
    pub until: Option<Timestamp>,
}

/// Why an address gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum SuppressionReason {
    /// STOP or words that mean it, or the stop-all of the preference page: lifted by START or by hand.
    OptedOut = 1,
    /// The mailbox does not exist: for good.
    HardBounce = 2,
    /// Called spam by the reader: for good.
    Complaint = 3,
    /// The provider or carrier blocks the address (Twilio 21610 and its like): until START.
    ProviderBlock = 4,
    /// The mailbox was full or refused for a while (SendGrid `blocked`): for a set time.
    SoftBounce = 5,
    /// Taken off by staff.
    Staff = 6,
    /// The number has another owner now, or is no mobile number: for good.
    WrongNumber = 7,
}

/// A message that left for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastSend {
    /// Which.
    pub message_id: MessageId,
    /// When.
    pub at: Timestamp,
    /// Why it was sent.
    pub purpose: Purpose,
    /// Counted against the limits of the health-care exemption.
    pub is_exempt: bool,
    /// It left for this very address; else for another one of the only person who reads there.
    pub is_here: bool,
}
