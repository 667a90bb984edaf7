//! Bulk sends by HTTP: made, filled, counted, started, held, ended, watched. Nothing of a recipient stands in an answer
//! but ids, codes and the names of variables.

pub(super) mod act;
pub(super) mod body;
pub(super) mod read;
pub(super) mod upload;
pub(super) mod view;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use carepost_campaigns::commands;
use carepost_tenancy::Scope;

use body::CreateBulkSendBody;
use view::BulkSendView;

use super::auth::Caller;
use super::error::ApiError;
use super::json;
use super::state::AppState;

/// Make a bulk send
///
/// A template, or the same words for everybody, with an empty list. What it says is kept as it is now: a template that
/// changes later changes nothing here. Fill the list, count it, start it.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/bulk-sends",
    tag = "bulk-sends",
    security(("api_key" = ["bulk:send"])),
    request_body = CreateBulkSendBody,
    responses((status = 201, body = BulkSendView, headers(("Location" = String, description = "Path of the bulk send.")))),
)]
pub(crate) async fn create_bulk_send(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::BulkSend)?;
    let bytes = json::read(&request, payload, state.limits.message_body_bytes).await?;
    let body: CreateBulkSendBody = json::parse(&bytes)?;
    let new = body.into_new(caller.principal.api_key_id)?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let made = commands::create_bulk_send(&tx, &caller.tenant, new, &state.public_url, state.clock.now()).await?;
    tx.commit().await?;
    let location = format!("/api/v1/messaging/bulk-sends/{}", made.bulk_send_id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(BulkSendView::from(made)))
}
