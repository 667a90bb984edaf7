//! Short links `/l/{token}` (HUB-022): to where they were made to lead, and nowhere else.
//!
//! A person's visit is kept with its moment, and makes its message `clicked` once, by the way that receipts take
//! (DEL-6). Nothing of the visitor is kept. Whatever ails the counting, the visitor gets there.

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, LOCATION, USER_AGENT};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use carepost_actors::EngineError;
use carepost_delivery::links::{LinkToken, Visitor, click_key, seal_owner};
use carepost_delivery::store::{LinkRecord, get_link, insert_link_click};
use carepost_kernel::{Chain, Channel, ErrorKind, MessageId, ReceiptStatus};
use carepost_providers::ReceiptEvent;
use carepost_tenancy::{TenantHandle, TenantStatus};
use jiff::Timestamp;
use std::sync::Arc;
use zeroize::Zeroizing;

use super::auth::SeenTenant;
use super::error::{ApiError, Code};
use super::metrics::count_click;
use super::pages;
use super::state::AppState;
use super::visits::Visit;

/// What browsers and their elders say where they fetch ahead of a wish.
const AHEAD: [(&str, &str); 4] =
    [("sec-purpose", "prefetch"), ("purpose", "prefetch"), ("x-moz", "prefetch"), ("x-purpose", "preview")];

/// A link or a pixel that was found.
pub(super) struct Found {
    pub(super) tenant: Arc<TenantHandle>,
    pub(super) record: LinkRecord,
}

/// Follow a short link
///
/// To where it was made to lead and nowhere else; whatever is no link gets the same page. Following it makes its message
/// `clicked`, once.
#[utoipa::path(
    get,
    path = "/l/{token}",
    tag = "pages",
    params(("token" = String, Path, description = "The token of the link.")),
    responses(
        (status = 302, description = "The way there.", headers(("Location" = String, description = "Where it leads."))),
        (status = 404, description = "The link opens nothing, or not any more: a page.", content_type = "text/html", body = String),
        (status = 500, description = "Something failed: a page.", content_type = "text/html", body = String),
        (status = 503, description = "Nobody can tell now; nothing was changed: a page.", content_type = "text/html", body = String),
    ),
)]
pub(crate) async fn follow_link(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    follow(&request, &state).await.or_else(|error| pages::failed(&request, error))
}

async fn follow(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    let text = request.match_info().get("token").unwrap_or_default();
    let found = find(text, state).await?;
    let target = found.as_ref().map(open).transpose()?.flatten();
    // A pixel leads nowhere.
    let (Some(found), Some(target)) = (found, target) else {
        count_click("unknown");
        return Ok(pages::missing(request));
    };
    request.extensions_mut().insert(SeenTenant(found.tenant.tenant.tenant_id));
    if is_machine(request) {
        count_click("machine");
    } else if !state.visits.may(Visit::Link, text, state.clock.now()) {
        count_click("too_often");
    } else {
        count(&found, state).await?;
    }
    let mut response = HttpResponse::Found();
    Ok(response.insert_header((LOCATION, target.as_str())).finish())
}

/// By its token, with all tenants that it may be of.
pub(super) async fn find(text: &str, state: &AppState) -> Result<Option<Found>, ApiError> {
    let Some(token) = LinkToken::parse(text) else { return Ok(None) };
    for tenant_id in state.directory.tenants_by_link_tag(token.tag()).await?.iter() {
        let tenant = state.directory.tenant(*tenant_id).await?;
        if tenant.tenant.status == TenantStatus::Closed {
            continue;
        }
        let mut connection = state.connection(&tenant).await?;
        let tx = connection.begin().await?;
        let found = get_link(&tx, &token.hash(tenant.hash_key()), state.clock.now()).await?;
        let Some(record) = found else { continue };
        return Ok(Some(Found { tenant, record }));
    }
    Ok(None)
}

fn open(Found { tenant, record }: &Found) -> Result<Option<Zeroizing<String>>, ApiError> {
    let Some(target_sealed) = &record.target_sealed else { return Ok(None) };
    let broken = || ApiError::new(Code::Internal, "the link does not open");
    let owner = seal_owner(tenant.tenant.tenant_id, record.link_id);
    let plain = tenant.open(&owner, target_sealed).map_err(|_| broken())?;
    std::str::from_utf8(&plain).map(|text| Some(Zeroizing::new(text.to_owned()))).map_err(|_| broken())
}

/// Whether a visit is that of a program, as far as can be told.
pub(super) fn is_machine(request: &HttpRequest) -> bool {
    request.method() == Method::HEAD || visitor(request.headers()).is_machine()
}

fn visitor(headers: &HeaderMap) -> Visitor<'_> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_ahead =
        |(name, word): &(&str, &str)| header(name).is_some_and(|value| value.to_ascii_lowercase().contains(word));
    Visitor { user_agent: header(USER_AGENT.as_str()), is_prefetch: AHEAD.iter().any(is_ahead) }
}

/// Keeps the visit. Where the tenant is on its way to another process the request is held until it is there: see
/// `relay.rs`. All other trouble costs the count and not the visitor.
async fn count(found: &Found, state: &AppState) -> Result<(), ApiError> {
    let now = state.clock.now();
    match tell_engine(found, (ReceiptStatus::Clicked, click_key), now, state).await {
        Err(error) if error.is_moving() => return Err(error),
        Err(error) => {
            count_click("lost");
            tracing::warn!(tenant.id = %found.tenant.tenant.tenant_id, error = %Chain(&error), "count a click");
            return Ok(());
        }
        Ok(_) => {}
    }
    match keep(found, now, state).await {
        Ok(()) => count_click("counted"),
        Err(error) => {
            count_click("lost");
            tracing::warn!(tenant.id = %found.tenant.tenant.tenant_id, error = %Chain(&error), "keep a click");
        }
    }
    Ok(())
}

/// Tells the news by the way that receipts take; false where there is nobody to tell it to: the message has not left, or
/// is past retention.
pub(super) async fn tell_engine(
    found: &Found,
    (status, key): (ReceiptStatus, fn(MessageId, Channel) -> String),
    now: Timestamp,
    state: &AppState,
) -> Result<bool, ApiError> {
    let Some((attempt, account_id)) = found.record.attempt else { return Ok(false) };
    let account = state.directory.account(found.tenant.tenant.tenant_id, account_id).await?;
    let receipt = ReceiptEvent {
        provider_ref: attempt.into(),
        attempt: Some(attempt),
        status,
        failure: None,
        occurred_at: Some(now),
        dedup_key: key(attempt.message_id, attempt.channel),
    };
    match state.engine.receive(&account, vec![receipt]).await {
        Err(error) if error == EngineError::NotFound || error.kind() == ErrorKind::NotFound => Ok(false),
        told => Ok(told.map(|()| true)?),
    }
}

async fn keep(found: &Found, now: Timestamp, state: &AppState) -> Result<(), ApiError> {
    let mut connection = state.connection(&found.tenant).await?;
    let tx = connection.begin().await?;
    insert_link_click(&tx, found.record.link_id, now).await?;
    Ok(tx.commit().await?)
}
