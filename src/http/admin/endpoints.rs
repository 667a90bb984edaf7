//! Places that want to be told of events (Standard Webhooks): made, shown, changed, removed.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_delivery::EventKind;
use carepost_kernel::{EventId, WebhookEndpointId};
use carepost_tenancy::{EndpointChange, EndpointStatus, NewEndpoint, WebhookEndpoint};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::auth::TenantAdmin;
use crate::http::error::{ApiError, Code};
use crate::http::json;
use crate::http::names::{EndpointStatusName, EventTypeName};
use crate::http::query::{PageQuery, PageRequest, PageView, path_id};
use crate::http::state::AppState;

/// A place that wants to be told of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookEndpointView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: WebhookEndpointId,
    /// Its address.
    #[schema(example = "https://hooks.example.com/carepost")]
    url: String,
    /// What it wants to hear of; none is everything.
    #[schema(value_type = Vec<EventTypeName>, example = json!(["delivery.receipt_merged"]))]
    event_types: Vec<String>,
    /// Whether it is told.
    #[schema(value_type = EndpointStatusName)]
    status: EndpointStatus,
    /// The last event that it has taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    last_event_id: Option<EventId>,
    /// Failed tries since then.
    failures: u32,
    /// When it is tried again after failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_at: Option<Timestamp>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed by hand.
    updated_at: Timestamp,
}

/// An endpoint to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://hooks.example.com/carepost"}))]
pub(crate) struct CreateWebhookEndpointBody {
    /// Its address: `https` and public.
    url: String,
    /// What it wants to hear of; none is everything.
    #[serde(default)]
    #[schema(value_type = Vec<EventTypeName>)]
    event_types: Vec<String>,
    /// Events after this one are told; left out: from the next one on.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    start_after: Option<EventId>,
}

/// What shall be different about an endpoint; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"status": "paused"}))]
pub(crate) struct UpdateWebhookEndpointBody {
    /// Its address.
    #[serde(default)]
    url: Option<String>,
    /// What it wants to hear of.
    #[serde(default)]
    #[schema(value_type = Option<Vec<EventTypeName>>)]
    event_types: Option<Vec<String>>,
    /// `active` or `paused`.
    #[serde(default)]
    #[schema(value_type = Option<EndpointStatusName>)]
    status: Option<EndpointStatus>,
}

/// A new endpoint.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedWebhookEndpointView {
    /// The endpoint.
    webhook_endpoint: WebhookEndpointView,
    /// What its calls are signed with (`whsec_`), shown this once.
    secret: String,
}

/// Make a webhook endpoint
///
/// Its secret is in the answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/admin/tenants/{tenant}/webhook-endpoints",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant.")),
    request_body = CreateWebhookEndpointBody,
    responses((status = 201, body = CreatedWebhookEndpointView)),
)]
pub(crate) async fn create_webhook_endpoint(
    admin: TenantAdmin,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let CreateWebhookEndpointBody { url, event_types, start_after } = json::parse(&bytes)?;
    check_event_types(&event_types)?;
    let new = NewEndpoint { url, event_types, start_after };
    let (endpoint, secret) = state.directory.create_endpoint(&admin.actor, admin.tenant_id(), new).await?;
    let view = CreatedWebhookEndpointView { webhook_endpoint: endpoint.into(), secret: secret.expose().clone() };
    Ok(HttpResponse::Created().json(view))
}

/// List webhook endpoints
///
/// The oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/tenants/{tenant}/webhook-endpoints",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant."), PageQuery),
    responses((status = 200, body = PageView<WebhookEndpointView>)),
)]
pub(crate) async fn list_webhook_endpoints(
    admin: TenantAdmin,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let page = PageRequest::read(&request)?;
    let endpoints = state.directory.list_endpoints(admin.tenant_id(), page.cursor, page.limit).await?;
    Ok(HttpResponse::Ok().json(PageView::new(endpoints, WebhookEndpointView::from)))
}

/// Show a webhook endpoint
#[utoipa::path(
    get,
    path = "/api/v1/admin/tenants/{tenant}/webhook-endpoints/{id}",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant."), ("id" = Uuid, Path, description = "The endpoint.")),
    responses((status = 200, body = WebhookEndpointView)),
)]
pub(crate) async fn get_webhook_endpoint(
    admin: TenantAdmin,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let endpoint = state.directory.endpoint(admin.tenant_id(), path_id(&request, "id")?).await?;
    Ok(HttpResponse::Ok().json(WebhookEndpointView::from(endpoint)))
}

/// Change a webhook endpoint
///
/// Pausing, too; resuming forgets its failures.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/tenants/{tenant}/webhook-endpoints/{id}",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant."), ("id" = Uuid, Path, description = "The endpoint.")),
    request_body = UpdateWebhookEndpointBody,
    responses((status = 200, body = WebhookEndpointView)),
)]
pub(crate) async fn update_webhook_endpoint(
    admin: TenantAdmin,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let endpoint_id = path_id(&request, "id")?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let UpdateWebhookEndpointBody { url, event_types, status } = json::parse(&bytes)?;
    check_event_types(event_types.as_deref().unwrap_or_default())?;
    let change = EndpointChange { url, event_types, status };
    let endpoint = state.directory.update_endpoint(&admin.actor, admin.tenant_id(), endpoint_id, change).await?;
    Ok(HttpResponse::Ok().json(WebhookEndpointView::from(endpoint)))
}

/// Remove a webhook endpoint
#[utoipa::path(
    delete,
    path = "/api/v1/admin/tenants/{tenant}/webhook-endpoints/{id}",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant."), ("id" = Uuid, Path, description = "The endpoint.")),
    responses((status = 204, description = "Removed.")),
)]
pub(crate) async fn remove_webhook_endpoint(
    admin: TenantAdmin,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    state.directory.remove_endpoint(&admin.actor, admin.tenant_id(), path_id(&request, "id")?).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<WebhookEndpoint> for WebhookEndpointView {
    fn from(endpoint: WebhookEndpoint) -> Self {
        Self {
            id: endpoint.webhook_endpoint_id,
            url: endpoint.url,
            event_types: endpoint.event_types,
            status: endpoint.status,
            last_event_id: endpoint.last_event_id,
            failures: endpoint.failures,
            next_try_at: endpoint.next_try_at,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// A name that is no event's would wait for ever.
fn check_event_types(event_types: &[String]) -> Result<(), ApiError> {
    let is_known = |name: &String| name.strip_prefix("delivery.").is_some_and(|kind| kind.parse::<EventKind>().is_ok());
    match event_types.iter().position(|name| !is_known(name)) {
        Some(i) => Err(ApiError::field(Code::ValidationFailed, format!("/event_types/{i}"), "is no type of event")),
        None => Ok(()),
    }
}
