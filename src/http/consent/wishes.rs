//! Preferences of a recipient with their history, and the terms of messaging that they accept.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_consent::Desk;
use carepost_consent::commands::{
    Terms, accept_terms, get_preferences, get_recipient, list_preference_history, put_preferences,
};
use carepost_consent::store::list_terms;
use carepost_consent::types::{AcceptedTerms, Actor, ConsentSource, PreferenceVersion, Preferences, PreferencesRecord};
use carepost_kernel::{Channel, Phi, RecipientId, Topic};
use carepost_tenancy::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::consents::RecorderView;
use super::{actor_of, announce};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::json;
use crate::http::names::{ChannelName, SourceName, TopicName};
use crate::http::query::path_id;
use crate::http::state::AppState;

/// What a recipient wishes; what is left out or null is as the practice has it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes to the OpenAPI document what the room's own type reads and writes")]
pub(crate) struct PreferencesView {
    /// Channels that are not wanted, by topic.
    #[schema(value_type = BTreeMap<String, Vec<ChannelName>>, example = json!({"marketing": ["sms", "email"]}))]
    off: BTreeMap<Topic, BTreeSet<Channel>>,
    /// The channel that is tried first.
    #[schema(value_type = Option<ChannelName>)]
    first_channel: Option<Channel>,
    /// Nothing between these times of the recipient's own day.
    quiet: Option<QuietHoursView>,
    /// At most so many messages a week that are not urgent.
    most_per_week: Option<u16>,
    /// Messages of these topics come gathered.
    digest: Option<DigestView>,
}

/// A stretch of every day; it may go over midnight.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes to the OpenAPI document what the room's own type reads and writes")]
pub(crate) struct QuietHoursView {
    /// Local time at which it begins.
    #[schema(example = "21:00:00")]
    from: String,
    /// Local time at which it ends.
    #[schema(example = "08:00:00")]
    until: String,
}

/// Messages are held until a time of day, on set days.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes to the OpenAPI document what the room's own type reads and writes")]
pub(crate) struct DigestView {
    /// Of which topics.
    #[schema(value_type = Vec<TopicName>)]
    topics: Vec<String>,
    /// The time of the recipient's day.
    #[schema(example = "17:00:00")]
    at: String,
    /// On this day of the week, as in `monday`; null: daily.
    on: Option<String>,
}

/// What a recipient wishes now.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreferencesStateView {
    /// The wishes.
    #[schema(value_type = PreferencesView)]
    preferences: Preferences,
    /// Grows by one with each change; 0 where nothing was ever said.
    version: i64,
    /// When they changed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Timestamp>,
}

/// Wishes in the place of those that are there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"preferences": {"off": {"marketing": ["sms", "email"]}}, "source": "portal"}))]
pub(crate) struct PutPreferencesBody {
    /// The wishes.
    #[serde(deserialize_with = "json::object")]
    #[schema(value_type = PreferencesView)]
    preferences: Preferences,
    /// How they came; `api` where it is not said.
    #[schema(value_type = Option<SourceName>)]
    source: Option<ConsentSource>,
    /// Only where this version is still the present one.
    version: Option<i64>,
    /// Your id of the member of staff who wrote it down: 1 to 100 visible ASCII characters, no name.
    recorded_by: Option<String>,
}

/// The wishes of a recipient over time.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreferenceHistoryView {
    /// The newest first; the last 200.
    items: Vec<PreferenceVersionView>,
}

/// What a recipient wished once.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreferenceVersionView {
    /// The wishes.
    #[schema(value_type = PreferencesView)]
    preferences: Preferences,
    /// Which version.
    version: i64,
    /// How they came.
    #[schema(value_type = SourceName)]
    source: ConsentSource,
    /// Who wrote them down.
    recorded_by: RecorderView,
    /// When.
    at: Timestamp,
}

/// Terms of messaging that a recipient accepts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"terms_version": "2026-01", "source": "portal"}))]
pub(crate) struct AcceptTermsBody {
    /// Which version of them.
    terms_version: String,
    /// The exact words that were shown.
    wording: Option<String>,
    /// In which language: two letters.
    language: Option<String>,
    /// How we know; `api` where it is not said.
    #[schema(value_type = Option<SourceName>)]
    source: Option<ConsentSource>,
    /// Your id of the member of staff who wrote it down: 1 to 100 visible ASCII characters, no name.
    recorded_by: Option<String>,
}

/// Terms that a recipient has accepted.
#[derive(Serialize, ToSchema)]
pub(crate) struct AcceptedTermsListView {
    /// The newest first.
    items: Vec<AcceptedTermsView>,
}

/// Terms that a recipient has accepted.
#[derive(Serialize, ToSchema)]
pub(crate) struct AcceptedTermsView {
    /// Which version of them.
    terms_version: String,
    /// In which language.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// How we know.
    #[schema(value_type = SourceName)]
    source: ConsentSource,
    /// Who wrote it down.
    recorded_by: RecorderView,
    /// When.
    accepted_at: Timestamp,
}

/// Show a recipient's preferences
#[utoipa::path(
    get,
    path = "/api/v1/messaging/recipients/{id}/preferences",
    tag = "consent",
    security(("api_key" = ["recipients:read"])),
    params(("id" = Uuid, Path, description = "The recipient.")),
    responses((status = 200, body = PreferencesStateView)),
)]
pub(crate) async fn get_recipient_preferences(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsRead)?;
    let recipient_id = path_id(&request, "id")?;
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    Ok(HttpResponse::Ok().json(PreferencesStateView::from(get_preferences(&desk, recipient_id).await?)))
}

/// Write a recipient's preferences
///
/// In the place of those that are there; the history keeps those. In force at once.
#[utoipa::path(
    put,
    path = "/api/v1/messaging/recipients/{id}/preferences",
    tag = "consent",
    security(("api_key" = ["consent:write"])),
    params(("id" = Uuid, Path, description = "The recipient.")),
    request_body = PutPreferencesBody,
    responses((status = 200, body = PreferencesStateView)),
)]
pub(crate) async fn put_recipient_preferences(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::ConsentWrite)?;
    let recipient_id = path_id(&request, "id")?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let PutPreferencesBody { preferences, source, version, recorded_by } = json::parse(&bytes)?;
    let actor = actor_of(&caller, recorded_by.as_deref())?;
    let source = source.unwrap_or(ConsentSource::Api);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let written = put_preferences(&desk, recipient_id, preferences, source, version).await;
    let (record, keys) = written.map_err(|error| ApiError::from(error).below("/preferences"))?;
    tx.commit().await?;
    announce(&state, &caller.tenant, &keys).await;
    Ok(HttpResponse::Ok().json(PreferencesStateView::from(record)))
}

/// List what a recipient wished over time
#[utoipa::path(
    get,
    path = "/api/v1/messaging/recipients/{id}/preferences/history",
    tag = "consent",
    security(("api_key" = ["recipients:read"])),
    params(("id" = Uuid, Path, description = "The recipient.")),
    responses((status = 200, body = PreferenceHistoryView)),
)]
pub(crate) async fn list_recipient_preference_history(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsRead)?;
    let recipient_id = path_id(&request, "id")?;
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let history = list_preference_history(&desk, recipient_id).await?;
    let items = history.into_iter().map(PreferenceVersionView::from).collect();
    Ok(HttpResponse::Ok().json(PreferenceHistoryView { items }))
}

/// List terms that a recipient has accepted
#[utoipa::path(
    get,
    path = "/api/v1/messaging/recipients/{id}/terms",
    tag = "consent",
    security(("api_key" = ["recipients:read"])),
    params(("id" = Uuid, Path, description = "The recipient.")),
    responses((status = 200, body = AcceptedTermsListView)),
)]
pub(crate) async fn list_recipient_terms(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsRead)?;
    let recipient_id: RecipientId = path_id(&request, "id")?;
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let known = get_recipient(&desk, recipient_id).await?;
    let terms = list_terms(&tx, known.merged_into.unwrap_or(recipient_id)).await?;
    Ok(HttpResponse::Ok().json(AcceptedTermsListView { items: terms.into_iter().map(Into::into).collect() }))
}

/// Accept the terms of messaging
///
/// The first time stands: 201 then, 200 where this version was accepted before.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/recipients/{id}/terms",
    tag = "consent",
    security(("api_key" = ["consent:write"])),
    params(("id" = Uuid, Path, description = "The recipient.")),
    request_body = AcceptTermsBody,
    responses(
        (status = 201, description = "Accepted."),
        (status = 200, description = "Accepted before."),
    ),
)]
pub(crate) async fn accept_recipient_terms(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::ConsentWrite)?;
    let recipient_id = path_id(&request, "id")?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let AcceptTermsBody { terms_version, wording, language, source, recorded_by } = json::parse(&bytes)?;
    let actor = actor_of(&caller, recorded_by.as_deref())?;
    let source = source.unwrap_or(ConsentSource::Api);
    let terms = Terms { terms_version, wording: wording.map(Phi::new), language, source };
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let is_first = accept_terms(&desk, recipient_id, &terms).await?;
    tx.commit().await?;
    Ok(if is_first { HttpResponse::Created().finish() } else { HttpResponse::Ok().finish() })
}

impl From<PreferencesRecord> for PreferencesStateView {
    fn from(record: PreferencesRecord) -> Self {
        Self { preferences: record.preferences, version: record.version, updated_at: record.updated_at }
    }
}

impl From<PreferenceVersion> for PreferenceVersionView {
    fn from(version: PreferenceVersion) -> Self {
        let PreferenceVersion { preferences, version, source, actor, at } = version;
        Self { preferences, version, source, recorded_by: actor.into(), at }
    }
}

impl From<AcceptedTerms> for AcceptedTermsView {
    fn from(terms: AcceptedTerms) -> Self {
        Self {
            terms_version: terms.terms_version,
            language: terms.language,
            source: terms.source,
            recorded_by: terms.actor.into(),
            accepted_at: terms.accepted_at,
        }
    }
}
