//! Two records of one person, joined and parted again.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_consent::Desk;
use carepost_consent::commands::{merge, unmerge};
use carepost_consent::types::{Actor, Merge};
use carepost_kernel::{MergeId, RecipientId};
use carepost_tenancy::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::auth::Caller;
use crate::http::consent::announce;
use crate::http::error::ApiError;
use crate::http::json;
use crate::http::query::path_id;
use crate::http::state::AppState;

/// Which record shall stand for the one in the path.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MergeRecipientBody {
    /// The record that stays.
    #[schema(value_type = Uuid)]
    into: RecipientId,
}

/// A merge, or its undoing.
#[derive(Serialize, ToSchema)]
pub(crate) struct MergeView {
    /// The deed.
    #[schema(value_type = Uuid)]
    id: MergeId,
    /// The record that another stands for.
    #[schema(value_type = Uuid)]
    merged: RecipientId,
    /// The record that stays.
    #[schema(value_type = Uuid)]
    into: RecipientId,
}

/// Merge a recipient into another one
///
/// Addresses, consent, guardians and refusals become the other's; its id still leads to them. 409 where either is merged
/// already.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/recipients/{id}/merge",
    tag = "recipients",
    security(("api_key" = ["recipients:write"])),
    params(("id" = Uuid, Path, description = "The record that goes.")),
    request_body = MergeRecipientBody,
    responses((status = 200, body = MergeView)),
)]
pub(crate) async fn merge_recipient(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsWrite)?;
    let merged_id = path_id(&request, "id")?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let MergeRecipientBody { into } = json::parse(&bytes)?;
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let (done, keys) = merge(&desk, merged_id, into).await?;
    tx.commit().await?;
    announce(&state, &caller.tenant, &keys).await;
    Ok(HttpResponse::Ok().json(MergeView::from(done)))
}

/// Part a merged recipient again
///
/// What the merge moved goes back, no more and no less. 409 where the record is not merged.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/recipients/{id}/unmerge",
    tag = "recipients",
    security(("api_key" = ["recipients:write"])),
    params(("id" = Uuid, Path, description = "The record that was merged.")),
    responses((status = 200, body = MergeView)),
)]
pub(crate) async fn unmerge_recipient(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsWrite)?;
    let merged_id = path_id(&request, "id")?;
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let (undone, keys) = unmerge(&desk, merged_id).await?;
    tx.commit().await?;
    announce(&state, &caller.tenant, &keys).await;
    Ok(HttpResponse::Ok().json(MergeView::from(undone)))
}

impl From<Merge> for MergeView {
    fn from(merge: Merge) -> Self {
        Self { id: merge.merge_id, merged: merge.merged_id, into: merge.survivor_id }
    }
}
