//! People as they are shown.

use carepost_consent::commands::Upserted;
use carepost_consent::types::{ContactPoint, Guardian, GuardianScope, Recipient, RecipientKind};
use carepost_kernel::{Channel, ContactPointId, Phi, RecipientId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::names::{ChannelName, GuardianScopeName, RecipientKindName};

/// A person.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecipientView {
    /// Their id here.
    #[schema(value_type = Uuid)]
    id: RecipientId,
    /// Your own id of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "P-101")]
    external_id: Option<String>,
    /// What they are to the practice.
    #[schema(value_type = RecipientKindName)]
    kind: RecipientKind,
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<String>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<String>,
    /// Day of birth.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2014-09-02")]
    birth_date: Option<String>,
    /// Notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<String>,
    /// Two letters of the language of messages.
    #[schema(example = "en")]
    language: String,
    /// IANA time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    /// Two letters of a state or territory of the United States.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Whether anything is sent to them.
    active: bool,
    /// The record that stands for this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    merged_into: Option<RecipientId>,
    /// Where they are reached, in the order of preference.
    contact_points: Vec<ContactPointView>,
    /// Who answers for them.
    guardians: Vec<GuardianView>,
    /// Grows by one with each change of the record itself.
    version: i64,
    /// When the record was made.
    created_at: Timestamp,
    /// When it changed last.
    updated_at: Timestamp,
}

/// A phone number, email address or account of a person.
#[derive(Serialize, ToSchema)]
pub(crate) struct ContactPointView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ContactPointId,
    /// `sms` for a phone.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// The address.
    #[schema(example = "+15005550006")]
    address: String,
    /// When it was shown that the person reads there.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_at: Option<Timestamp>,
    /// The order of preference; the first is 0.
    rank: i16,
    /// Whether it is used.
    active: bool,
}

/// Somebody who answers for a person.
#[derive(Serialize, ToSchema)]
pub(crate) struct GuardianView {
    /// Who.
    #[schema(value_type = Uuid)]
    recipient_id: RecipientId,
    /// For what.
    #[schema(value_type = GuardianScopeName)]
    scope: GuardianScope,
    /// The last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2032-09-02")]
    ends_on: Option<String>,
}

/// People who were found.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecipientsView {
    /// The newest first.
    pub(super) items: Vec<RecipientView>,
}

/// What became of somebody who was told of.
#[derive(Serialize, ToSchema)]
pub(crate) struct UpsertedView {
    /// Their id here.
    #[schema(value_type = Uuid)]
    id: RecipientId,
    /// Nobody of this id was known.
    created: bool,
    /// Something is other than before.
    changed: bool,
}

impl From<Upserted> for UpsertedView {
    fn from(upserted: Upserted) -> Self {
        Self { id: upserted.recipient_id, created: upserted.is_new, changed: upserted.is_changed }
    }
}

impl From<Recipient> for RecipientView {
    fn from(person: Recipient) -> Self {
        let profile = person.profile.into_exposed();
        Self {
            id: person.recipient_id,
            external_id: profile.external_id,
            kind: person.kind,
            given_name: profile.given_name,
            family_name: profile.family_name,
            birth_date: profile.birth_date.map(|day| day.to_string()),
            notes: profile.notes,
            language: person.language,
            zone: person.zone,
            state: person.state,
            active: person.is_active,
            merged_into: person.merged_into,
            contact_points: person.contact_points.into_iter().map(ContactPointView::from).collect(),
            guardians: person.guardians.into_iter().map(GuardianView::from).collect(),
            version: person.version,
            created_at: person.created_at,
            updated_at: person.updated_at,
        }
    }
}

impl From<ContactPoint> for ContactPointView {
    fn from(point: ContactPoint) -> Self {
        Self {
            id: point.contact_point_id,
            channel: point.channel,
            address: Phi::into_exposed(point.address),
            verified_at: point.verified_at,
            rank: point.rank,
            active: point.is_active,
        }
    }
}

impl From<Guardian> for GuardianView {
    fn from(guardian: Guardian) -> Self {
        let ends_on = guardian.ends_on.map(|day| day.to_string());
        Self { recipient_id: guardian.guardian_id, scope: guardian.scope, ends_on }
    }
}
