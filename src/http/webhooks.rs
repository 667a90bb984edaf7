//! What vendors tell: receipts and messages from outside. The token in the path names the account, the signature
//! proves the sender, and the answer comes when everything is durable.

use std::sync::Arc;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use carepost_providers::{Received, Vendor, WebhookRequest};
use carepost_tenancy::ProviderAccount;
use url::Url;

use super::error::{ApiError, Code};
use super::json;
use super::metrics::count_webhook;
use super::state::AppState;

/// The address that a vendor is told for an account: its webhooks are signed over it.
#[must_use]
pub fn webhook_url(public_url: &Url, vendor: &str, token: &str) -> Option<Url> {
    format!("{}/webhooks/{vendor}/{token}", base(public_url)).parse().ok()
}

/// The public address without a slash at its end.
fn base(public_url: &Url) -> &str {
    public_url.as_str().trim_end_matches('/')
}

/// Take a vendor's webhook
///
/// Receipts of messages and messages from outside, in the vendor's own format. Vendors call the `webhook_url` of a
/// provider account.
#[utoipa::path(
    post,
    path = "/webhooks/{vendor}/{token}",
    tag = "webhooks",
    params(
        ("vendor" = String, Path, description = "The vendor's name."),
        ("token" = String, Path, description = "The account's opaque token."),
    ),
    request_body(content = String, content_type = "*/*", description = "As the vendor sends it."),
    responses(
        (status = 200, description = "Durable; the body is what the vendor wants to read."),
        (status = 204, description = "Durable."),
    ),
)]
pub(crate) async fn receive_webhook(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let named = request.match_info().get("vendor").and_then(|vendor| vendor.parse().ok());
    let Some(vendor): Option<Vendor> = named else { return Err(unknown()) };
    let taken = take(vendor, &request, payload, &state).await;
    let result = match &taken {
        Ok(_) => "taken",
        Err(error) => match error.code() {
            Code::WebhookRefused | Code::MalformedWebhook => "refused",
            Code::NotFound => "unknown",
            _ => "failed",
        },
    };
    count_webhook(vendor.as_str(), result);
    taken
}

/// Take a vendor's webhook by GET
///
/// As by POST, for vendors that put their news into the query.
#[utoipa::path(
    get,
    path = "/webhooks/{vendor}/{token}",
    tag = "webhooks",
    params(
        ("vendor" = String, Path, description = "The vendor's name."),
        ("token" = String, Path, description = "The account's opaque token."),
    ),
    responses(
        (status = 200, description = "Durable; the body is what the vendor wants to read."),
        (status = 204, description = "Durable."),
    ),
)]
pub(crate) async fn receive_webhook_by_get(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    receive_webhook(request, payload, state).await
}

async fn take(
    vendor: Vendor,
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> Result<HttpResponse, ApiError> {
    let token = request.match_info().get("token").unwrap_or_default();
    let account = state.directory.account_by_webhook_token(token).await?;
    if account.vendor != vendor.as_str() {
        return Err(unknown());
    }
    let body = json::read_raw(request, payload, state.limits.webhook_body_bytes).await?;
    let provider = state.providers.provider(&account).await;
    // Whatever ails the account, the vendor's news must not be lost: it comes again.
    let provider = provider.map_err(|_| ApiError::unavailable("the account's configuration does not hold up"))?;
    let received = provider.receive(&as_it_came(request, Bytes::clone(&body), state)).await?;
    store(&account, received, state).await
}

async fn store(account: &Arc<ProviderAccount>, received: Received, state: &AppState) -> Result<HttpResponse, ApiError> {
    let Received { receipts, inbound, reply } = received;
    if !inbound.is_empty() {
        state.engine.receive_inbound(account, inbound).await?;
    }
    if !receipts.is_empty() {
        state.engine.receive(account, receipts).await?;
    }
    Ok(match reply {
        Some((content_type, body)) => HttpResponse::Ok().insert_header((CONTENT_TYPE, content_type)).body(body),
        None => HttpResponse::NoContent().finish(),
    })
}

/// The address is built from our public one: the header `Host` is whatever the caller likes.
fn as_it_came(request: &HttpRequest, body: Bytes, state: &AppState) -> WebhookRequest {
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    WebhookRequest {
        method: request.method().as_str().to_owned(),
        url: format!("{}{path}", base(&state.public_url)),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
            .collect(),
        body,
        received_at: state.clock.now(),
    }
}

fn unknown() -> ApiError {
    ApiError::not_found("no such webhook")
}
