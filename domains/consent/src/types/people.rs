//! People whom a tenant speaks to, and where they are reached.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use carepost_kernel::{Channel, ContactPointId, MergeId, Phi, RecipientId};

use super::numbered::numbered;

numbered! {
    /// What somebody is to the practice.
    RecipientKind = "kind of recipient" {
        /// Is treated.
        Patient = 1 "patient",
        /// Answers for somebody who is treated.
        Guardian = 2 "guardian",
    }

    /// For what a guardian answers (decision C59).
    GuardianScope = "scope of a guardian" {
        /// For everything.
        Full = 1 "full",
        /// For visits alone.
        Appointments = 2 "appointments",
        /// For bills alone.
        Financial = 3 "financial",
    }
}

/// What of a person is sealed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// Day of birth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Date>,
    /// The caller's own id of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Notes of the practice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile")
    }
}

/// A person.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipient {
    /// Which.
    pub recipient_id: RecipientId,
    /// What they are to the practice.
    pub kind: RecipientKind,
    /// Names, birth date, notes.
    pub profile: Phi<Profile>,
    /// The language of messages: `en`, `es`.
    pub language: String,
    /// IANA time zone, where it is known.
    pub zone: Option<String>,
    /// State of the United States, where it is known.
    pub state: Option<String>,
    /// Whether anything is sent to them.
    pub is_active: bool,
    /// The record that stands for this one.
    pub merged_into: Option<RecipientId>,
    /// Grows by one with each change.
    pub version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// Where they are reached, in the order of preference.
    pub contact_points: Vec<ContactPoint>,
    /// Who answers for them.
    pub guardians: Vec<Guardian>,
}

/// A phone number, email address or account of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactPoint {
    /// Which.
    pub contact_point_id: ContactPointId,
    /// Whose.
    pub recipient_id: RecipientId,
    /// `Sms` for a phone.
    pub channel: Channel,
    /// The address in its normal form.
    pub address: Phi<String>,
    /// Its keyed hash for the channel.
    pub address_hash: [u8; 16],
    /// A phone's hash for calls.
    pub voice_hash: Option<[u8; 16]>,
    /// When it was shown that the person reads there.
    pub verified_at: Option<Timestamp>,
    /// The order of preference; the first is 0.
    pub rank: i16,
    /// Whether it is used.
    pub is_active: bool,
}

/// Somebody who answers for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardian {
    /// Who.
    pub guardian_id: RecipientId,
    /// For what.
    pub scope: GuardianScope,
    /// The last day; none: until it is taken back.
    pub ends_on: Option<Date>,
}

/// A person as a caller tells of them. What is `None` stays as it is; an empty text takes away what was there.
#[derive(Clone, Default)]
pub struct RecipientInput {
    /// The caller's own id of the person: the same id is the same person.
    pub external_id: Option<String>,
    /// `patient` where it is not said.
    pub kind: Option<RecipientKind>,
    /// Given name, up to 200 characters.
    pub given_name: Option<String>,
    /// Family name, up to 200 characters.
    pub family_name: Option<String>,
    /// Day of birth, as in 1984-02-29.
    pub birth_date: Option<String>,
    /// Notes, up to 2,000 characters.
    pub notes: Option<String>,
    /// Two letters of a language; `en` where it is not said.
    pub language: Option<String>,
    /// IANA time zone.
    pub zone: Option<String>,
    /// Two letters of a state or territory of the United States.
    pub state: Option<String>,
    /// Addresses that are added or changed; others stay.
    pub contact_points: Vec<ContactPointInput>,
    /// Guardians that are added or changed; others stay.
    pub guardians: Vec<GuardianInput>,
    /// Whether anything is sent to them.
    pub is_active: Option<bool>,
}

/// An address of a person as a caller tells of it.
#[derive(Clone)]
pub struct ContactPointInput {
    /// How the caller calls the field: faults name it.
    pub field: String,
    /// `Sms` for a phone.
    pub channel: Channel,
    /// The address.
    pub address: String,
    /// Whether it was shown that the person reads there; none: as before.
    pub is_verified: Option<bool>,
    /// Whether it is used; none: yes.
    pub is_active: Option<bool>,
    /// The order of preference; none: as before, or behind the others.
    pub rank: Option<i16>,
}

/// A guardian as a caller tells of them: by one of the two ids.
#[derive(Clone, Default)]
pub struct GuardianInput {
    /// How the caller calls the field: faults name it.
    pub field: String,
    /// Their id here.
    pub recipient_id: Option<RecipientId>,
    /// The caller's own id of them.
    pub external_id: Option<String>,
    /// For what; none: everything.
    pub scope: Option<GuardianScope>,
    /// The last day, as in 2027-06-30.
    pub ends_on: Option<String>,
    /// Takes the guardian away: the link has ended.
    pub is_removed: bool,
    /// With `is_removed`: there never was such a link.
    pub is_mistake: bool,
}

/// A record that was merged into another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// Which deed.
    pub merge_id: MergeId,
    /// The record that is gone.
    pub merged_id: RecipientId,
    /// The record that stays.
    pub survivor_id: RecipientId,
}
