//! Requests for a tenant that lives in another process (DEL-10): they are passed on to it as they are, key and all, and
//! its answer goes back. Any process can be asked for anything.
//!
//! The other process checks the caller by itself, so that nothing is trusted between processes. A request is passed on
//! once at most; while a tenant is on its way it is held here until somebody has it.

use std::pin::pin;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes};
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};
use carepost_actors::{EngineError, Seat};
use carepost_consent::tokens;
use carepost_delivery::links::LinkToken;
use carepost_kernel::{Chain, TenantId};
use futures_util::StreamExt as _;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::auth::authenticate;
use super::error::{ApiError, MOVING};
use super::intake::Place;
use super::json;
use super::metrics::count_relayed;
use super::observe::{REQUEST_ID, RequestId};
use super::opens;
use super::state::AppState;

/// Marks a request that was passed on: whoever gets it serves it or refuses it.
pub(super) const RELAYED: HeaderName = HeaderName::from_static("carepost-relayed");
/// The one route that honours an idempotency key in the header.
const CREATE_MESSAGE: &str = "/api/v1/messaging/messages";
/// What is done twice where it is asked for twice.
const CREATE_BATCH: &str = "/api/v1/messaging/messages/batch";
const REDRIVE: &str = "/api/v1/messaging/messages/redrive";
/// Somebody without an id of the caller's own is made again, and what was said is written down again.
const CREATE_RECIPIENT: &str = "/api/v1/messaging/recipients";
const CONSENTS: &str = "/consents";
const PIXELS: &str = "/o/";
const LOST: &str = "the process that works for the tenant broke off: what was asked may have been done, so look first";
/// A request with more than this is not held: where its tenant moves at that very moment, its sender is told so.
const HELD_BYTES: usize = 1 << 20;
/// How old the knowledge of a tenant's place may be: where it is wrong, the process that was asked says so.
const KNOWN_FOR: Duration = Duration::from_secs(10);
/// And after it has proved wrong.
pub(super) const WRONG_FOR: Duration = Duration::from_millis(100);
/// How long a request is held for a tenant that is on its way: longer than a take-over after a kill.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long it rests before it is tried again: at first, and at most. Each rest is twice the one before.
const RESTS: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(500)];
/// After so long without an answer it is asked whether the tenant is still there.
const STILL_THERE: Duration = Duration::from_millis(500);
/// Who has given the tenant up may take so long to answer what was begun before.
const LAST_WORD: Duration = Duration::from_secs(2);
/// What belongs to one connection (RFC 9110, section 7.6.1), and what the client sets by itself.
const HOP_BY_HOP: [HeaderName; 10] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
    header::CONTENT_LENGTH,
];

/// The middleware of routes that only the tenant's own process can serve.
pub(super) async fn to_owner(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    // A sister process wants to know what is in the way, a mail program its picture.
    let is_for_a_picture = request.path().starts_with(PIXELS) && !request.headers().contains_key(RELAYED);
    let response = by_owner(request, next).await?;
    Ok(if is_for_a_picture { opens::in_any_case(response) } else { response })
}

async fn by_owner(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(state) = request.app_data::<web::Data<AppState>>().cloned() else { return next.call(request).await };
    // Whatever is wrong with a request, its handler says it best.
    let Some(tenant_id) = tenant_of(request.request(), &state).await else { return next.call(request).await };
    let is_relayed = request.headers().contains_key(RELAYED);
    let seat = if is_relayed { Ok(Seat::Here) } else { state.engine.seat(tenant_id, KNOWN_FOR).await };
    if seat == Ok(Seat::Here)
        && is_intake(request.request())
        && let Err(error) = take_place(request.request(), &state, tenant_id)
    {
        return Ok(refuse(request, error).await);
    }
    match seat {
        Ok(Seat::Here) if is_relayed || !can_be_held(request.request()) => next.call(request).await,
        Err(error) if error != EngineError::Moving => next.call(request).await,
        seat => serve(request, next, &state, tenant_id, seat).await,
    }
}

/// Refuses, and throws away what is still to come: with an unread body on it the connection would be closed, and who comes
/// again would have to open another one.
async fn refuse(mut request: ServiceRequest, error: ApiError) -> ServiceResponse<BoxBody> {
    if can_be_held(request.request()) {
        json::discard(request.take_payload()).await;
    }
    request.error_response(error)
}

/// Leaves a place for its body with the request, or says why there is none.
fn take_place(request: &HttpRequest, state: &AppState, tenant_id: TenantId) -> Result<(), ApiError> {
    // A body of unknown size is taken for a large one.
    let is_known = !request.headers().contains_key(header::TRANSFER_ENCODING);
    let body_bytes = if is_known { declared_bytes(request) } else { HELD_BYTES };
    let place = state.intake.place(tenant_id, body_bytes)?;
    request.extensions_mut().insert(place);
    Ok(())
}

async fn tenant_of(request: &HttpRequest, state: &AppState) -> Option<TenantId> {
    let token = request.match_info().get("token");
    if let Some(token) = token.filter(|_| is_recipients(request)) {
        return tenant_of_link(token, state).await;
    }
    if let Some(token) = token {
        return state.directory.account_by_webhook_token(token).await.ok().map(|account| account.tenant_id);
    }
    let caller = authenticate(request).await.ok()?;
    let tenant_id = caller.tenant_id();
    request.extensions_mut().insert(caller);
    Some(tenant_id)
}

/// Pages, short links and pixels, which recipients have been sent.
fn is_recipients(request: &HttpRequest) -> bool {
    ["/l/", PIXELS, "/p/", "/u/"].into_iter().any(|start| request.path().starts_with(start))
}

/// Nothing is proved here: whoever serves the request looks at the token again. Of two tenants with one tag the first
/// one's process looks in both.
async fn tenant_of_link(token: &str, state: &AppState) -> Option<TenantId> {
    match LinkToken::parse(token) {
        Some(short) => state.directory.tenants_by_link_tag(short.tag()).await.ok()?.first().copied(),
        // One of no tenant costs a look at each visit and nothing more.
        None => Some(state.directory.tenant(tokens::tenant_of(token)?).await.ok()?.tenant.tenant_id),
    }
}

/// A body of a known and modest size, or none.
fn can_be_held(request: &HttpRequest) -> bool {
    !request.headers().contains_key(header::TRANSFER_ENCODING) && declared_bytes(request) <= HELD_BYTES
}

/// What is no number is refused by whoever reads the body.
fn declared_bytes(request: &HttpRequest) -> usize {
    let length = request.headers().get(header::CONTENT_LENGTH);
    length.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// It brings new messages.
fn is_intake(request: &HttpRequest) -> bool {
    request.method() == Method::POST && matches!(request.path(), CREATE_MESSAGE | CREATE_BATCH)
}

/// Here or there, until somebody has the tenant: it may move under our hands.
async fn serve(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
    state: &AppState,
    tenant_id: TenantId,
    mut seat: Result<Seat, EngineError>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let payload = request.extract::<web::Payload>().await?;
    let body = match json::read_raw(request.request(), payload, state.limits.batch_body_bytes).await {
        Ok(body) => body,
        Err(error) => return Ok(request.error_response(error)),
    };
    json::hold(request.request(), body.clone());
    let (deadline, mut rest, mut was_away) = (instant() + PATIENCE, RESTS[0], false);
    loop {
        let turn = match &seat {
            Ok(Seat::Here) => here(request, &next, was_away).await?,
            Ok(Seat::At(address)) => {
                was_away = true;
                there(request, &body, state, (tenant_id, address)).await
            }
            Err(EngineError::Moving) => Turn::NotYet(request),
            Err(error) => return Ok(request.error_response(ApiError::from(error.clone()))),
        };
        request = match turn {
            Turn::Answered(response) => return Ok(response),
            Turn::NotYet(request) => request,
        };
        if instant() >= deadline {
            count_relayed("given_up");
            tracing::warn!(tenant.id = %tenant_id, seat = ?seat, "give a request up: nobody takes its tenant");
            return Ok(request.error_response(ApiError::from(EngineError::Moving)));
        }
        // One that waits for its tenant takes nobody's time.
        request.request().extensions_mut().remove::<Place>();
        sleep(rest).await;
        rest = (rest * 2).min(RESTS[1]);
        seat = state.engine.seat(tenant_id, WRONG_FOR).await;
    }
}

/// What came of asking once.
enum Turn {
    Answered(ServiceResponse<BoxBody>),
    /// The tenant is on its way: nothing was done.
    NotYet(ServiceRequest),
}

async fn here(request: ServiceRequest, next: &Next<BoxBody>, was_away: bool) -> Result<Turn, Error> {
    let response = next.call(request).await?;
    if response.headers().contains_key(MOVING) {
        let (begun, _refusal) = response.into_parts();
        return Ok(Turn::NotYet(ServiceRequest::from_parts(begun, Payload::None)));
    }
    if was_away {
        count_relayed("came_here");
    }
    Ok(Turn::Answered(response))
}

async fn there(request: ServiceRequest, body: &Bytes, state: &AppState, seat: (TenantId, &String)) -> Turn {
    match pass_on(request.request(), body, state, seat).await {
        Passed::NotYet => Turn::NotYet(request),
        Passed::Answered(response) => {
            count_relayed("answered");
            Turn::Answered(request.into_response(response))
        }
        Passed::Lost => {
            count_relayed("lost");
            Turn::Answered(request.error_response(ApiError::unavailable(LOST)))
        }
    }
}

/// What became of a request that was passed on.
enum Passed {
    Answered(HttpResponse),
    /// The other one does not have the tenant yet or any more, or cannot be reached: nothing was done.
    NotYet,
    /// It broke off: what was done is unknown.
    Lost,
}

async fn pass_on(
    request: &HttpRequest,
    body: &Bytes,
    state: &AppState,
    (tenant_id, address): (TenantId, &String),
) -> Passed {
    let Some(url) = target(address, request) else { return Passed::NotYet };
    let mut headers = passed_on(request.headers());
    let may_be_repeated = may_be_repeated(request, &headers);
    headers.insert(RELAYED, HeaderValue::from_static("1"));
    if let Some(id) = RequestId::of(request).and_then(|id| HeaderValue::from_str(&id.to_string()).ok()) {
        headers.insert(REQUEST_ID, id);
    }
    let outgoing = reqwest_headers(&headers);
    let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes()).unwrap_or_default();
    let mut sending = pin!(state.peers.request(method, url).headers(outgoing).body(Bytes::clone(body)).send());
    let mut gone_since = None;
    let sent = loop {
        if let Ok(sent) = timeout(STILL_THERE, &mut sending).await {
            break sent.map_err(|error| {
                let is_before_the_first_byte = error.is_connect();
                tracing::info!(error = %Chain(&error.without_url()), peer = address, "pass a request on");
                is_before_the_first_byte
            });
        }
        // One that is frozen answers nobody, until its lease has run out. One that has just handed the tenant over does.
        let is_there = match state.engine.seat(tenant_id, STILL_THERE).await {
            Ok(Seat::At(there)) => there == *address,
            Ok(Seat::Here) => false,
            Err(_) => true,
        };
        let now = instant();
        gone_since = if is_there { None } else { gone_since.or(Some(now)) };
        if gone_since.is_some_and(|since| now.duration_since(since) >= LAST_WORD) {
            break Err(false);
        }
    };
    let passed = match sent {
        Ok(response) if response.headers().contains_key(MOVING.as_str()) => Passed::NotYet,
        Ok(response) => answer(response, state).await,
        Err(is_before_the_first_byte) if is_before_the_first_byte => Passed::NotYet,
        Err(_) => Passed::Lost,
    };
    match passed {
        Passed::Lost if may_be_repeated => Passed::NotYet,
        passed => passed,
    }
}

/// A key makes one message of a request, however often it is sent (DEL-2); all the rest but batches, redrives, new
/// people and what they say comes to the same however often it is done.
fn may_be_repeated(request: &HttpRequest, passed_on: &HeaderMap) -> bool {
    match request.path() {
        CREATE_MESSAGE => passed_on.contains_key("idempotency-key"),
        CREATE_BATCH | REDRIVE | CREATE_RECIPIENT => false,
        path if path.contains(CONSENTS) => false,
        _ => true,
    }
}

fn target(address: &str, request: &HttpRequest) -> Option<Url> {
    let path = request.uri().path_and_query()?.as_str();
    format!("{}{path}", address.trim_end_matches('/')).parse().ok()
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<&str> = headers
        .get_all(header::CONNECTION)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
        .collect();
    let stays = |name: &HeaderName| {
        HOP_BY_HOP.contains(name) || named.iter().any(|listed| listed.eq_ignore_ascii_case(name.as_str()))
    };
    headers.iter().filter(|(name, _)| !stays(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Both libraries have types of their own for the same headers.
fn reqwest_headers(headers: &HeaderMap) -> reqwest::header::HeaderMap {
    let convert = |(name, value): (&HeaderName, &HeaderValue)| {
        let name = reqwest::header::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, reqwest::header::HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    let mut converted = reqwest::header::HeaderMap::new();
    for (name, value) in headers.iter().filter_map(convert) {
        converted.append(name, value);
    }
    converted
}

/// The other one's answer as it is; a stream goes on until either end or this process stops.
async fn answer(response: reqwest::Response, state: &AppState) -> Passed {
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut builder = HttpResponse::build(status);
    for (name, value) in response.headers() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value)
            && !HOP_BY_HOP.contains(&name)
        {
            builder.append_header((name, value));
        }
    }
    if response.content_length().is_none() {
        let stream = response.bytes_stream().take_until(Box::pin(state.streams.ended()));
        return Passed::Answered(builder.streaming(stream));
    }
    match response.bytes().await {
        Ok(body) => Passed::Answered(builder.body(body)),
        Err(_) => Passed::Lost,
    }
}

#[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
fn instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
