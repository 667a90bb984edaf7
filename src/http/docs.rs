//! Pages for people: the browsable API, and what each error code means. Everything comes out of the binary.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa_swagger_ui::{Config, serve};

use super::error::{ApiError, Code, page};
use super::state::AppState;

/// Where the document is.
pub(super) const DOCUMENT: &str = "/api/v1/openapi.json";
const ONE_HOUR: &str = "public, max-age=3600";

/// The OpenAPI document.
pub(super) async fn get_document(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(state.openapi.clone())
}

/// To the page with a slash at its end, from which its parts are found.
pub(super) async fn get_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}

/// What an error code means.
pub(super) async fn get_error_page(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let text = request.match_info().get("code").and_then(page);
    let text = text.ok_or_else(|| ApiError::new(Code::RouteNotFound, "no such page"))?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, ONE_HOUR))
        .content_type("text/markdown; charset=utf-8")
        .body(text))
}

/// A file of the browsable API.
pub(super) async fn get_docs_file(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let name = request.match_info().get("file").unwrap_or_default();
    let config = Config::new([DOCUMENT]).try_it_out_enabled(true).persist_authorization(false);
    let file =
        serve(name, Arc::new(config)).map_err(|_| ApiError::new(Code::Internal, "the page could not be made"))?;
    let file = file.ok_or_else(|| ApiError::new(Code::RouteNotFound, "no such page"))?;
    let mut response = HttpResponse::Ok();
    Ok(response.insert_header((CACHE_CONTROL, ONE_HOUR)).content_type(file.content_type).body(file.bytes.into_owned()))
}
