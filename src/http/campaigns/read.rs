//! Bulk sends as they are watched.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_campaigns::commands::get_progress;
use carepost_campaigns::store::{RowFilter, find_send, list_rows, list_sends};
use carepost_kernel::BulkSendId;
use carepost_tenancy::Scope;
use utoipa::IntoParams;

use super::view::{BulkRowView, BulkSendView, ProgressView};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::names::{RowStateName, RowVerdictName};
use crate::http::query::{PageQuery, PageRequest, PageView, Parameters, path_id};
use crate::http::state::AppState;

/// List bulk sends
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/bulk-sends",
    tag = "bulk-sends",
    security(("api_key" = ["bulk:send"])),
    params(PageQuery),
    responses((status = 200, body = PageView<BulkSendView>)),
)]
pub(crate) async fn list_bulk_sends(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::BulkSend)?;
    let page = PageRequest::read(&request)?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let sends = list_sends(&tx, &caller.tenant, page.cursor, page.limit).await?;
    Ok(HttpResponse::Ok().json(PageView::new(sends, BulkSendView::from)))
}

/// Get a bulk send
///
/// With its progress: rows by state, the gate's verdicts by code, deliveries by state.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/bulk-sends/{id}",
    tag = "bulk-sends",
    security(("api_key" = ["bulk:send"])),
    params(("id" = Uuid, Path, description = "The bulk send.")),
    responses((status = 200, body = ProgressView)),
)]
pub(crate) async fn get_bulk_send(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::BulkSend)?;
    let bulk_send_id: BulkSendId = path_id(&request, "id")?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let progress = get_progress(&tx, &caller.tenant, bulk_send_id).await?;
    Ok(HttpResponse::Ok().json(ProgressView::from(progress)))
}

/// Which rows, and which page of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes to the OpenAPI document what `list_bulk_rows` reads")]
pub(crate) struct ListBulkRowsQuery {
    /// `next` of the page before, as it came.
    cursor: Option<String>,
    /// How many at most: 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Only rows in this state.
    #[param(value_type = Option<RowStateName>)]
    state: Option<String>,
    /// Only rows of which the gate said this last.
    #[param(value_type = Option<RowVerdictName>)]
    verdict: Option<String>,
}

/// List the rows of a bulk send
///
/// By number, each with the gate's verdict: ids and codes, nothing of the recipient.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/bulk-sends/{id}/rows",
    tag = "bulk-sends",
    security(("api_key" = ["bulk:send"])),
    params(("id" = Uuid, Path, description = "The bulk send."), ListBulkRowsQuery),
    responses((status = 200, body = PageView<BulkRowView>)),
)]
pub(crate) async fn list_bulk_rows(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::BulkSend)?;
    let bulk_send_id: BulkSendId = path_id(&request, "id")?;
    let mut parameters = Parameters::read(&request, &["cursor", "limit", "state", "verdict"]);
    let page = parameters.page();
    let filter = RowFilter {
        state: parameters.get("state", "must be a state of a row", |text| text.parse().ok()),
        verdict: parameters.get("verdict", "must be a verdict on a row", |text| text.parse().ok()),
    };
    parameters.finish()?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    find_send(&tx, &caller.tenant, bulk_send_id).await?;
    let rows = list_rows(&tx, bulk_send_id, filter, page.cursor, page.limit).await?;
    Ok(HttpResponse::Ok().json(PageView::new(rows, BulkRowView::from)))
}
