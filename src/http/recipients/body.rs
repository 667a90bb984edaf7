//! People as callers tell of them.

use carepost_consent::types::{ContactPointInput, GuardianInput, GuardianScope, RecipientInput, RecipientKind};
use carepost_kernel::{Channel, RecipientId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::json;
use crate::http::names::{ChannelName, GuardianScopeName, RecipientKindName};

/// A person. What is left out stays as it is; an empty text takes away what was there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"external_id": "P-101", "given_name": "Tomas", "family_name": "Marsh",
    "birth_date": "2014-09-02", "language": "es", "zone": "America/Chicago", "state": "IL",
    "contact_points": [{"channel": "sms", "address": "+15005550006"}]}))]
pub(crate) struct RecipientInputBody {
    /// Your own id of the person, up to 200 characters: the same id is the same person.
    #[schema(example = "P-101")]
    external_id: Option<String>,
    /// `patient` where it is not said.
    #[schema(value_type = Option<RecipientKindName>)]
    kind: Option<RecipientKind>,
    /// Given name, up to 200 characters.
    given_name: Option<String>,
    /// Family name, up to 200 characters.
    family_name: Option<String>,
    /// Day of birth, as in 1984-02-29.
    birth_date: Option<String>,
    /// Notes, up to 2,000 characters.
    notes: Option<String>,
    /// Two letters of the language of messages; `en` where it is not said.
    language: Option<String>,
    /// IANA time zone.
    #[schema(example = "America/Chicago")]
    zone: Option<String>,
    /// Two letters of a state or territory of the United States.
    #[schema(example = "IL")]
    state: Option<String>,
    /// Addresses that are added or changed, at most 20; others stay.
    #[serde(default, deserialize_with = "json::objects")]
    contact_points: Vec<ContactPointBody>,
    /// Guardians that are added or changed, at most 20; others stay.
    #[serde(default, deserialize_with = "json::objects")]
    guardians: Vec<GuardianBody>,
    /// Whether anything is sent to them.
    active: Option<bool>,
}

/// An address of a person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactPointBody {
    /// `sms` for a phone, `email` or `in_app`.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// The address.
    #[schema(example = "+15005550006")]
    address: String,
    /// Whether it was shown that the person reads there; left out: as before.
    #[serde(default)]
    verified: Option<bool>,
    /// Whether it is used; left out: yes.
    #[serde(default)]
    active: Option<bool>,
    /// The order of preference, the first is 0; left out: as before, or behind the others.
    #[serde(default)]
    #[schema(minimum = 0)]
    rank: Option<u8>,
}

/// Somebody who answers for a person, by exactly one of the two ids.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GuardianBody {
    /// Their id here.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    recipient_id: Option<RecipientId>,
    /// Your own id of them.
    #[serde(default)]
    external_id: Option<String>,
    /// For what; `full` where it is not said.
    #[serde(default)]
    #[schema(value_type = Option<GuardianScopeName>)]
    scope: Option<GuardianScope>,
    /// The last day, as in 2032-09-02; left out: until it is taken back.
    #[serde(default)]
    ends_on: Option<String>,
    /// Takes the guardian away: the link has ended, before today wherever the guardian may be. It is kept as ended, so that
    /// nothing about the ward that still waits reaches them; adding the guardian again opens it again.
    #[serde(default)]
    removed: bool,
    /// With `removed`: there never was such a link; no trace of it is kept.
    #[serde(default)]
    mistake: bool,
}

/// By what somebody is searched: exactly one of these.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"phone": "+15005550006"}))]
pub(crate) struct SearchRecipientsBody {
    /// Your own id of the person.
    pub(super) external_id: Option<String>,
    /// A phone number.
    pub(super) phone: Option<String>,
    /// An email address.
    pub(super) email: Option<String>,
    /// An account of the inbox here.
    pub(super) in_app: Option<String>,
}

impl From<RecipientInputBody> for RecipientInput {
    fn from(body: RecipientInputBody) -> Self {
        let points = body.contact_points.into_iter().enumerate();
        let guardians = body.guardians.into_iter().enumerate();
        Self {
            external_id: body.external_id,
            kind: body.kind,
            given_name: body.given_name,
            family_name: body.family_name,
            birth_date: body.birth_date,
            notes: body.notes,
            language: body.language,
            zone: body.zone,
            state: body.state,
            contact_points: points.map(|(i, point)| point.into_input(i)).collect(),
            guardians: guardians.map(|(i, guardian)| guardian.into_input(i)).collect(),
            is_active: body.active,
        }
    }
}

impl ContactPointBody {
    fn into_input(self, i: usize) -> ContactPointInput {
        ContactPointInput {
            field: format!("/contact_points/{i}/address"),
            channel: self.channel,
            address: self.address,
            is_verified: self.verified,
            is_active: self.active,
            rank: self.rank.map(i16::from),
        }
    }
}

impl GuardianBody {
    fn into_input(self, i: usize) -> GuardianInput {
        GuardianInput {
            field: format!("/guardians/{i}"),
            recipient_id: self.recipient_id,
            external_id: self.external_id,
            scope: self.scope,
            ends_on: self.ends_on,
            is_removed: self.removed,
            is_mistake: self.mistake,
        }
    }
}
