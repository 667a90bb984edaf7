//! Addresses that get nothing: listed, added, lifted. Addresses stand in bodies, never in a URL (DEL-9).

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_consent::Desk;
use carepost_consent::commands::{Suppress, lift, list_suppressions as load_suppressions, suppress};
use carepost_consent::store::SuppressionFilter;
use carepost_consent::types::{Actor, ConsentSource, Said, Suppression, SuppressionReason};
use carepost_kernel::{Channel, Phi, SuppressionId};
use carepost_tenancy::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::consents::{RecorderView, below_said};
use super::{SaidBody, actor_of, announce};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::json;
use crate::http::names::{ChannelName, SourceName, SuppressionReasonName};
use crate::http::query::{PageView, Parameters};
use crate::http::state::AppState;

/// Which suppressions, and which page of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes to the OpenAPI document what `list_suppressions` reads")]
pub(crate) struct ListSuppressionsQuery {
    /// `next` of the page before, as it came.
    cursor: Option<String>,
    /// How many at most: 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Of this reason alone.
    #[param(value_type = Option<SuppressionReasonName>)]
    reason: Option<String>,
    /// Of this channel alone.
    #[param(value_type = Option<ChannelName>)]
    channel: Option<String>,
    /// `all` shows lifted ones and those that have run out, too.
    #[param(example = "all")]
    show: Option<String>,
}

/// Something that keeps an address from getting anything.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuppressionView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: SuppressionId,
    /// On which channel.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// The address, where somebody knew it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+15005550006")]
    address: Option<String>,
    /// Why.
    #[schema(value_type = SuppressionReasonName)]
    reason: SuppressionReason,
    /// How it came to us.
    #[schema(value_type = SourceName)]
    source: ConsentSource,
    /// Since when.
    since: Timestamp,
    /// Until when; absent: until it is lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// When it was lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted_at: Option<Timestamp>,
    /// Who wrote it down.
    recorded_by: RecorderView,
}

/// An address that shall get nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channel": "sms", "address": "+15005550006", "reason": "staff", "source": "staff"}))]
pub(crate) struct CreateSuppressionBody {
    /// On which channel.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// The address.
    #[schema(example = "+15005550006")]
    address: String,
    /// Why. `opted_out` is written down as the word of everybody who reads there.
    #[schema(value_type = SuppressionReasonName)]
    reason: SuppressionReason,
    /// How we know; `api` where it is not said.
    #[schema(value_type = Option<SourceName>)]
    source: Option<ConsentSource>,
    /// Until when; left out: for good, or three days for `soft_bounce`.
    until: Option<Timestamp>,
    /// Your id of the member of staff who wrote it down: 1 to 100 visible ASCII characters, no name.
    recorded_by: Option<String>,
}

/// A suppression that shall not hold any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiftSuppressionBody {
    /// Which.
    #[schema(value_type = Uuid)]
    id: SuppressionId,
    /// How it was said: lifting `opted_out` is the word of the reader that they want to hear again.
    #[serde(default, deserialize_with = "json::object")]
    said: SaidBody,
}

/// What a change of a suppression came to.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuppressedView {
    /// It was not so before.
    changed: bool,
}

/// List suppressions
///
/// The newest first; those that hold now, or all.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/suppressions",
    tag = "consent",
    security(("api_key" = ["recipients:read"])),
    params(ListSuppressionsQuery),
    responses((status = 200, body = PageView<SuppressionView>)),
)]
pub(crate) async fn list_suppressions(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsRead)?;
    let now = state.clock.now();
    let mut parameters = Parameters::read(&request, &["cursor", "limit", "reason", "channel", "show"]);
    let page = parameters.page();
    let show_all = parameters.get("show", "must be all", |text| (text == "all").then_some(()));
    let filter = SuppressionFilter {
        reason: parameters.get("reason", "must be a reason", |text| text.parse().ok()),
        channel: parameters.get("channel", "must be a channel", |text| text.parse().ok()),
        live_at: if show_all.is_some() { None } else { Some(now) },
    };
    parameters.finish()?;
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now };
    let found = load_suppressions(&desk, filter, page.cursor, page.limit).await?;
    Ok(HttpResponse::Ok().json(PageView::new(found, SuppressionView::from)))
}

/// Suppress an address
///
/// It gets nothing more, in force at once. May be repeated: the longer time wins.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/suppressions",
    tag = "consent",
    security(("api_key" = ["consent:write"])),
    request_body = CreateSuppressionBody,
    responses((status = 200, body = SuppressedView)),
)]
pub(crate) async fn create_suppression(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::ConsentWrite)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let body: CreateSuppressionBody = json::parse(&bytes)?;
    let actor = actor_of(&caller, body.recorded_by.as_deref())?;
    let new = Suppress {
        channel: body.channel,
        address: Phi::new(body.address),
        reason: body.reason,
        source: body.source.unwrap_or(ConsentSource::Api),
        until: body.until,
        at: None,
    };
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let (changed, keys) = suppress(&desk, &new).await?;
    tx.commit().await?;
    announce(&state, &caller.tenant, &keys).await;
    Ok(HttpResponse::Ok().json(SuppressedView { changed }))
}

/// Lift a suppression
///
/// The address gets messages again, where nothing else is in the way. May be repeated.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/suppressions/lift",
    tag = "consent",
    security(("api_key" = ["consent:write"])),
    request_body = LiftSuppressionBody,
    responses(
        (status = 200, body = SuppressedView),
        (status = 404, body = crate::http::error::ProblemView, content_type = "application/problem+json",
            description = "There is no such suppression."),
    ),
)]
pub(crate) async fn lift_suppression(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::ConsentWrite)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let LiftSuppressionBody { id, said } = json::parse(&bytes)?;
    let actor = said.actor(&caller)?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let (changed, keys) = lift(&desk, id, &Said::from(said)).await.map_err(below_said)?;
    tx.commit().await?;
    announce(&state, &caller.tenant, &keys).await;
    Ok(HttpResponse::Ok().json(SuppressedView { changed }))
}

impl From<Suppression> for SuppressionView {
    fn from(one: Suppression) -> Self {
        Self {
            id: one.suppression_id,
            channel: one.key.channel,
            address: one.address.map(Phi::into_exposed),
            reason: one.reason,
            source: one.source,
            since: one.since,
            until: one.until,
            lifted_at: one.lifted_at,
            recorded_by: one.actor.into(),
        }
    }
}
