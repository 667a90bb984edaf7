//! Consent of a person: given, taken back, shown with its evidence.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_consent::commands::{Consents, GiveConsent, RevokeConsent, list_consents, record_consent, revoke_consent};
use carepost_consent::types::{Actor, AddressKey, ConsentEvent, ConsentSource, ConsentState, Grant, Said};
use carepost_consent::{ConsentError, Desk};
use carepost_kernel::{Channel, ConsentEventId, Cursor, Phi, Purpose, RecipientId};
use carepost_tenancy::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SaidBody, announce};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::json;
use crate::http::names::{ActorKindName, ChannelName, ConsentStateName, PurposeName, SourceName};
use crate::http::query::{PageQuery, PageRequest, path_id};
use crate::http::state::AppState;

/// What somebody said about consent, and what follows from it now.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentsView {
    /// Present consent, by address and purpose.
    present: Vec<ConsentView>,
    /// The evidence, the newest first.
    items: Vec<ConsentEventView>,
    /// `cursor` of the next page of the evidence; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Present consent at one address.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentView {
    /// On which channel.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// At which address; absent where it is not the person's any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+15005550006")]
    address: Option<String>,
    /// For which purpose; absent: for all that have no entry of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PurposeName>)]
    purpose: Option<Purpose>,
    /// Given or taken back.
    #[schema(value_type = ConsentStateName)]
    state: ConsentState,
    /// Since when.
    since: Timestamp,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// One entry of the evidence.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentEventView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ConsentEventId,
    /// On which channel.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// At which address; absent where it is not the person's any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+15005550006")]
    address: Option<String>,
    /// For which purpose; absent: for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PurposeName>)]
    purpose: Option<Purpose>,
    /// Given or taken back.
    #[schema(value_type = ConsentStateName)]
    state: ConsentState,
    /// How it came.
    #[schema(value_type = SourceName)]
    source: ConsentSource,
    /// The exact words.
    #[serde(skip_serializing_if = "Option::is_none")]
    wording: Option<String>,
    /// Their version.
    #[serde(skip_serializing_if = "Option::is_none")]
    wording_version: Option<String>,
    /// In which language.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// When it was said.
    at: Timestamp,
    /// Until when it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Who wrote it down.
    recorded_by: RecorderView,
}

/// Who wrote something down.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecorderView {
    /// What kind of somebody.
    #[schema(value_type = ActorKindName)]
    kind: &'static str,
    /// Their id.
    id: String,
}

/// Consent that somebody gives.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channel": "sms", "purposes": ["treatment"], "said": {"source": "form",
    "wording": "I agree to get text messages about my care.", "wording_version": "2026-01"}}))]
pub(crate) struct CreateConsentBody {
    /// On which channel.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// At which of their addresses; left out: the first that is used.
    #[serde(default)]
    #[schema(example = "+15005550006")]
    address: Option<String>,
    /// For which purposes; none: for all.
    #[serde(default)]
    #[schema(value_type = Vec<PurposeName>)]
    purposes: Vec<Purpose>,
    /// In writing: what marketing needs. Wording and version must be there.
    #[serde(default)]
    in_writing: bool,
    /// In writing, and health information may go there as well: the person was told that others may read what is sent by
    /// this channel, and still wants it. The PHI guard lets pass what is for this person and purpose. Wording and version
    /// must be there; a later grant without this ends it.
    #[serde(default)]
    unsecured: bool,
    /// Until when it holds.
    #[serde(default)]
    expires_at: Option<Timestamp>,
    /// How it was said.
    #[serde(default, deserialize_with = "json::object")]
    said: SaidBody,
}

/// Consent that somebody takes back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channel": "sms", "said": {"source": "staff", "recorded_by": "user-17"}}))]
pub(crate) struct RevokeConsentBody {
    /// On which channel; left out: on all.
    #[serde(default)]
    #[schema(value_type = Option<ChannelName>)]
    channel: Option<Channel>,
    /// At which of their addresses; left out: at all.
    #[serde(default)]
    address: Option<String>,
    /// For which purposes; none: for all.
    #[serde(default)]
    #[schema(value_type = Vec<PurposeName>)]
    purposes: Vec<Purpose>,
    /// How it was said.
    #[serde(default, deserialize_with = "json::object")]
    said: SaidBody,
}

/// What was written down.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordedView {
    /// Entries of the evidence.
    #[schema(value_type = Vec<Uuid>)]
    ids: Vec<ConsentEventId>,
}

/// Show a recipient's consent
///
/// Present consent, and one page of the evidence that it follows from, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/recipients/{id}/consents",
    tag = "consent",
    security(("api_key" = ["recipients:read"])),
    params(("id" = Uuid, Path, description = "The recipient."), PageQuery),
    responses((status = 200, body = ConsentsView)),
)]
pub(crate) async fn list_recipient_consents(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsRead)?;
    let recipient_id: RecipientId = path_id(&request, "id")?;
    let page = PageRequest::read(&request)?;
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let consents = list_consents(&desk, recipient_id, page.cursor, page.limit).await?;
    Ok(HttpResponse::Ok().json(ConsentsView::from(consents)))
}

/// Write consent down
///
/// An entry of the evidence for each purpose. Nothing of it can be changed later.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/recipients/{id}/consents",
    tag = "consent",
    security(("api_key" = ["consent:write"])),
    params(("id" = Uuid, Path, description = "The recipient.")),
    request_body = CreateConsentBody,
    responses((status = 201, body = RecordedView)),
)]
pub(crate) async fn create_recipient_consent(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::ConsentWrite)?;
    let recipient_id = path_id(&request, "id")?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let body: CreateConsentBody = json::parse(&bytes)?;
    let actor = body.said.actor(&caller)?;
    let give = GiveConsent {
        recipient_id,
        channel: body.channel,
        address: body.address.map(Phi::new),
        purposes: body.purposes,
        is_in_writing: body.in_writing,
        is_unsecured: body.unsecured,
        said: Said::from(body.said),
        expires_at: body.expires_at,
    };
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let (ids, keys) = record_consent(&desk, &give).await.map_err(below_said)?;
    tx.commit().await?;
    announce(&state, &caller.tenant, &keys).await;
    Ok(HttpResponse::Created().json(RecordedView { ids }))
}

/// Take consent back
///
/// In force at once, for what waits and what is scheduled too.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/recipients/{id}/consents/revoke",
    tag = "consent",
    security(("api_key" = ["consent:write"])),
    params(("id" = Uuid, Path, description = "The recipient.")),
    request_body = RevokeConsentBody,
    responses((status = 200, body = RecordedView)),
)]
pub(crate) async fn revoke_recipient_consent(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::ConsentWrite)?;
    let recipient_id = path_id(&request, "id")?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let body: RevokeConsentBody = json::parse(&bytes)?;
    let actor = body.said.actor(&caller)?;
    let revoke = RevokeConsent {
        recipient_id,
        channel: body.channel,
        address: body.address.map(Phi::new),
        purposes: body.purposes,
        said: Said::from(body.said),
    };
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let (ids, keys) = revoke_consent(&desk, &revoke).await.map_err(below_said)?;
    tx.commit().await?;
    announce(&state, &caller.tenant, &keys).await;
    Ok(HttpResponse::Ok().json(RecordedView { ids }))
}

/// What is wrong with the way in which it was said stands below `said` in the body.
pub(super) fn below_said(error: ConsentError) -> ConsentError {
    const OF_SAID: [&str; 4] = ["/at", "/wording", "/wording_version", "/language"];
    match error {
        ConsentError::Invalid(mut faults) => {
            for fault in faults.iter_mut().filter(|fault| OF_SAID.contains(&fault.pointer.as_str())) {
                fault.pointer.insert_str(0, "/said");
            }
            ConsentError::Invalid(faults)
        }
        other => other,
    }
}

impl From<Actor> for RecorderView {
    fn from(actor: Actor) -> Self {
        Self { kind: actor.kind.as_str(), id: actor.id }
    }
}

impl From<Consents> for ConsentsView {
    fn from(consents: Consents) -> Self {
        let addresses = consents.addresses;
        let present =
            consents.states.into_iter().map(|(key, grant)| ConsentView::new(key, grant, &addresses)).collect();
        let items = consents.events.items.into_iter().map(|event| ConsentEventView::new(event, &addresses)).collect();
        Self { present, items, next: consents.events.next.map(Cursor::encode) }
    }
}

fn shown(addresses: &BTreeMap<AddressKey, Phi<String>>, key: &AddressKey) -> Option<String> {
    addresses.get(key).map(|address| address.expose().clone())
}

impl ConsentView {
    fn new(key: AddressKey, grant: Grant, addresses: &BTreeMap<AddressKey, Phi<String>>) -> Self {
        Self {
            channel: key.channel,
            address: shown(addresses, &key),
            purpose: grant.purpose,
            state: grant.state,
            since: grant.since,
            expires_at: grant.expires_at,
        }
    }
}

impl ConsentEventView {
    fn new(event: ConsentEvent, addresses: &BTreeMap<AddressKey, Phi<String>>) -> Self {
        Self {
            id: event.evidence.event_id,
            channel: event.key.channel,
            address: shown(addresses, &event.key),
            purpose: event.evidence.purpose,
            state: event.evidence.state,
            source: event.source,
            wording: event.wording.map(Phi::into_exposed),
            wording_version: event.wording_version,
            language: event.language,
            at: event.evidence.at,
            expires_at: event.evidence.expires_at,
            recorded_by: event.actor.into(),
        }
    }
}
