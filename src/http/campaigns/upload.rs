//! Filling the list of a bulk send.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_campaigns::commands::{upload_key, upload_rows};
use carepost_campaigns::rules::lines::Lines;
use carepost_campaigns::types::{BadLine, UploadReport};
use carepost_consent::Desk;
use carepost_consent::types::Actor;
use carepost_kernel::BulkSendId;
use carepost_tenancy::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::UploadBody;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::json;
use crate::http::messages::create::idempotency_key;
use crate::http::query::path_id;
use crate::http::recipients::import::is_csv;
use crate::http::state::AppState;

/// What came of an upload.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadView {
    /// Lines that were stored.
    stored: u64,
    /// Lines whose recipient or address was in the list already: it is sent to once.
    duplicates: u64,
    /// The numbers of the first thousand of them.
    duplicate_lines: Vec<u64>,
    /// Lines that were left out because something is wrong with them.
    bad: u64,
    /// What is wrong with the first of them, a thousand faults at most.
    bad_lines: Vec<BadRowView>,
}

/// What is wrong with a line.
#[derive(Serialize, ToSchema)]
pub(crate) struct BadRowView {
    /// Its number: of a CSV the line of the file, its heading being 1; of a JSON list the place, the first being 1.
    line: u64,
    /// The field, as in `/phone`; empty: the line as a whole.
    field: String,
    /// What is wrong with it; never its value.
    detail: String,
}

impl From<UploadReport> for UploadView {
    fn from(report: UploadReport) -> Self {
        let UploadReport { stored, duplicates, duplicate_lines, bad, bad_lines } = report;
        let view = |BadLine { line, field, problem }| BadRowView { line, field, detail: problem };
        Self { stored, duplicates, duplicate_lines, bad, bad_lines: bad_lines.into_iter().map(view).collect() }
    }
}

/// Add recipients to a bulk send
///
/// Up to 100,000 as JSON, or as CSV with a heading, whose other columns are the template's variables. The good lines
/// stand; the bad ones come back with line, field and reason. Whoever is in the list already is left out and counted.
/// With an `Idempotency-Key` the same list is taken once, however often it is posted.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/bulk-sends/{id}/recipients",
    tag = "bulk-sends",
    security(("api_key" = ["bulk:send"])),
    params(
        ("id" = Uuid, Path, description = "The bulk send."),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters."),
    ),
    request_body(content(
        (UploadBody = "application/json"),
        (String = "text/csv", example = "external_id,visit.on\nP-101,2026-12-03\n"),
    )),
    responses((status = 200, body = UploadView)),
)]
pub(crate) async fn upload_bulk_recipients(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::BulkSend)?;
    let bulk_send_id: BulkSendId = path_id(&request, "id")?;
    let (key, is_csv) = (idempotency_key(&request)?, is_csv(&request)?);
    let body = json::read_raw(&request, payload, state.limits.bulk_body_bytes).await?;
    let key = key.map(|key| upload_key(&caller.tenant, key, &body));
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let actor = Actor::api_key(caller.principal.api_key_id);
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let read = |content: &_| if is_csv { Lines::csv(&body, content) } else { Lines::json(&body) };
    let (report, is_replayed) = upload_rows(&desk, bulk_send_id, read, key).await?;
    tx.commit().await?;
    let mut response = HttpResponse::Ok();
    if is_replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    Ok(response.json(UploadView::from(report)))
}
