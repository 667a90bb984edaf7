//! Lists of people, as JSON or CSV: the good lines stand, the bad ones come back with line, field and reason.

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use carepost_consent::FieldFault;
use carepost_consent::commands::{BadLine, Imported, LINES_MAX, Lines, import, read_csv};
use carepost_consent::types::{Actor, RecipientInput};
use carepost_tenancy::Scope;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::body::RecipientInputBody;
use crate::http::auth::Caller;
use crate::http::consent::announce;
use crate::http::error::{ApiError, Code, FaultView};
use crate::http::json;
use crate::http::state::AppState;

/// What came of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportView {
    /// People who were not known before.
    created: usize,
    /// People of whom something has changed.
    updated: usize,
    /// People of whom nothing has changed.
    unchanged: usize,
    /// Lines that were left out, by their number.
    rejected: Vec<BadLineView>,
}

/// A line that was left out.
#[derive(Serialize, ToSchema)]
pub(crate) struct BadLineView {
    /// Its number: of a CSV the line of the file, its heading being 1; of a JSON list the place, the first being 1.
    line: usize,
    /// What is wrong with it; never a value.
    errors: Vec<FaultView>,
}

/// Import recipients
///
/// A JSON list of recipients, or a CSV with a heading; up to 10,000, each with its `external_id`. Each line stands for
/// itself: a faulty one comes back and does not stop the others. The same list again changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/recipients/import",
    tag = "recipients",
    security(("api_key" = ["recipients:write"])),
    request_body(content(
        (Vec<RecipientInputBody> = "application/json"),
        (String = "text/csv", example = "external_id,given_name,phone\nP-101,Tomas,+15005550006\n"),
    )),
    responses((status = 200, body = ImportView)),
)]
pub(crate) async fn import_recipients(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsWrite)?;
    let is_csv = is_csv(&request)?;
    let lines = {
        let bytes = json::read_raw(&request, payload, state.limits.batch_body_bytes).await?;
        if is_csv { read_csv(&bytes)? } else { read_json(&bytes)? }
    };
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let imported = import(&mut connection, &caller.tenant, (&actor, state.clock.now()), lines).await?;
    announce(&state, &caller.tenant, &imported.keys).await;
    Ok(HttpResponse::Ok().json(ImportView::from(imported)))
}

/// Whether a list comes as CSV; else it is JSON.
///
/// # Errors
/// 415 for anything else.
pub(in crate::http) fn is_csv(request: &HttpRequest) -> Result<bool, ApiError> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if header(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(ApiError::new(Code::UnsupportedMediaType, "the body must not be compressed"));
    }
    match header(CONTENT_TYPE).and_then(|text| text.split(';').next()).unwrap_or_default().trim() {
        essence if essence.eq_ignore_ascii_case("text/csv") => Ok(true),
        essence if essence.eq_ignore_ascii_case("application/json") => Ok(false),
        _ => {
            let problem = "the header Content-Type must be application/json or text/csv";
            Err(ApiError::new(Code::UnsupportedMediaType, problem))
        }
    }
}

/// Each element is read by itself: a faulty one must not take the others with it.
fn read_json(bytes: &[u8]) -> Result<Lines, ApiError> {
    let items: Vec<&RawValue> = json::parse_list(bytes)?;
    if items.len() > LINES_MAX {
        return Err(ApiError::field(Code::ValidationFailed, "", "holds more than 10,000 recipients"));
    }
    let mut lines = Lines::default();
    for (line, item) in (1..).zip(items) {
        match json::parse::<RecipientInputBody>(item.get().as_bytes()) {
            Ok(body) => lines.good.push((line, RecipientInput::from(body))),
            Err(error) => lines.bad.push(BadLine { line, faults: faults_of(&error) }),
        }
    }
    Ok(lines)
}

fn faults_of(error: &ApiError) -> Vec<FieldFault> {
    let fault = |fault: &FaultView| {
        let problem = match &fault.detail {
            std::borrow::Cow::Borrowed(problem) => problem,
            std::borrow::Cow::Owned(_) => "is not in its form",
        };
        FieldFault::new(fault.pointer.clone().unwrap_or_default(), problem)
    };
    error.field_faults().iter().map(fault).collect()
}

impl From<Imported> for ImportView {
    fn from(imported: Imported) -> Self {
        let Imported { created, updated, unchanged, bad, .. } = imported;
        Self { created, updated, unchanged, rejected: bad.into_iter().map(BadLineView::from).collect() }
    }
}

impl From<BadLine> for BadLineView {
    fn from(bad: BadLine) -> Self {
        let view = |fault: FieldFault| FaultView::field(fault.pointer, fault.problem);
        Self { line: bad.line, errors: bad.faults.into_iter().map(view).collect() }
    }
}
