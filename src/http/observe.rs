//! What every request gets: an id, a line in the access log, metrics, security headers, and a problem's instance.

use std::sync::atomic::Ordering;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, web};
use uuid::Uuid;

use super::auth::SeenTenant;
use super::error::{ApiError, Code, MOVING};
use super::metrics::{Stopwatch, count_limited, count_request};
use super::pages;
use super::relay::RELAYED;
use super::state::AppState;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// No answer of the API is a document: a browser must not run, frame or guess anything in it.
const CSP_API: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// Swagger UI: its own scripts and pictures, styles that it writes itself, and calls to this server.
const CSP_DOCS: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// The pattern of a route, as the table writes it: what logs and metrics show in place of the path, which may hold a
/// token.
#[derive(Debug, Clone, Copy)]
pub(super) struct RoutePattern(pub(super) &'static str);

/// The id of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestId(pub(super) Uuid);

impl RequestId {
    /// The id that the request was given.
    pub(super) fn of(request: &HttpRequest) -> Option<Uuid> {
        request.extensions().get::<Self>().map(|id| id.0)
    }
}

/// The middleware around everything.
pub(super) async fn observe(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let stopwatch = Stopwatch::start();
    let request_id = requested_id(request.headers()).unwrap_or_else(Uuid::new_v4);
    request.extensions_mut().insert(RequestId(request_id));
    let response = with_instance(next.call(request).await?, request_id);
    let mut response = response;
    let route = response.request().app_data::<RoutePattern>().map_or("unmatched", |pattern| pattern.0);
    let is_https = is_https(response.request());
    if is_leaving(response.request()) {
        // The caller's next request opens a connection of its own, to somebody who stays.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    secure(response.headers_mut(), route, is_https);
    if let Ok(value) = HeaderValue::from_str(request_id.hyphenated().encode_lower(&mut Uuid::encode_buffer())) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    log(&response, route, request_id, &stopwatch);
    Ok(response)
}

/// Ids of callers are taken where they are UUIDs: anything else may hold anything.
fn requested_id(headers: &HeaderMap) -> Option<Uuid> {
    Uuid::try_parse(headers.get(REQUEST_ID)?.to_str().ok()?).ok()
}

fn is_https(request: &HttpRequest) -> bool {
    request.app_data::<web::Data<AppState>>().is_some_and(|state| state.public_url.scheme() == "https")
}

fn is_leaving(request: &HttpRequest) -> bool {
    request.app_data::<web::Data<AppState>>().is_some_and(|state| state.is_leaving.load(Ordering::Acquire))
}

/// Writes the request's id into a problem; what the framework itself refused becomes a problem, too.
fn with_instance(response: ServiceResponse<BoxBody>, request_id: Uuid) -> ServiceResponse<BoxBody> {
    let Some(error) = response.response().error() else { return response };
    let problem = match error.as_error::<ApiError>() {
        Some(problem) => {
            problem.limit().into_iter().for_each(count_limited);
            problem.respond(Some(request_id))
        }
        None if response.status().is_client_error() => {
            ApiError::new(Code::InvalidRequest, "the request could not be read").respond(Some(request_id))
        }
        None => ApiError::new(Code::Internal, "the answer could not be made").respond(Some(request_id)),
    };
    response.into_response(problem)
}

fn secure(headers: &mut HeaderMap, route: &str, is_https: bool) {
    let csp = match route.get(..3) {
        _ if route.starts_with("/docs") => CSP_DOCS,
        Some("/p/" | "/u/" | "/l/") => pages::CSP.clone(),
        _ => CSP_API,
    };
    headers.insert(header::CONTENT_SECURITY_POLICY, csp);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if is_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TWO_YEARS);
    }
}

fn log(response: &ServiceResponse<BoxBody>, route: &'static str, request_id: Uuid, stopwatch: &Stopwatch) {
    let (request, status, took) = (response.request(), response.status().as_u16(), stopwatch.elapsed());
    let method = method_label(request.method());
    // A sister process that asked too early or too late asks elsewhere: no caller sees this answer.
    if !(response.headers().contains_key(MOVING) && request.headers().contains_key(RELAYED)) {
        count_request(route, method, status, took);
    }
    let tenant = request.extensions().get::<SeenTenant>().map(|seen| seen.0);
    let took_ms = took.as_secs_f64() * 1_000.0;
    tracing::info!(
        target: "carepost::access",
        method,
        route,
        status,
        took_ms,
        request.id = %request_id,
        tenant.id = tenant.map(tracing::field::display),
        "request answered"
    );
}

/// Callers can make methods up; labels cannot be.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
