//! Tenants: making them, showing them, pausing and resuming them.

use std::sync::Arc;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use carepost_kernel::{PlacementId, Secret, TenantId};
use carepost_tenancy::{NewTenant, PlacementChoice, Tenant, TenantSettings, TenantStatus};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::auth::{Admin, TenantAdmin};
use crate::http::error::{ApiError, Code};
use crate::http::gate::preset::{self, PresetBody};
use crate::http::json;
use crate::http::names::TenantStatusName;
use crate::http::query::{PageQuery, PageRequest, PageView};
use crate::http::state::AppState;

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: TenantId,
    /// Its short name.
    #[schema(example = "riverside-clinic")]
    slug: String,
    /// Its name for people.
    #[schema(example = "Riverside Clinic")]
    display_name: String,
    /// Where its rows live.
    #[schema(value_type = Uuid)]
    placement_id: PlacementId,
    /// Whether it is served.
    #[schema(value_type = TenantStatusName)]
    status: TenantStatus,
    /// Limits and policies.
    #[schema(value_type = Object)]
    settings: TenantSettings,
    /// Grows by one with each change.
    version: i64,
    /// When it was made.
    created_at: Timestamp,
    /// When it changed last.
    updated_at: Timestamp,
}

/// A tenant to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"slug": "riverside-clinic", "display_name": "Riverside Clinic"}))]
pub(crate) struct CreateTenantBody {
    /// Its short name: 2 to 63 lower case letters, digits and inner hyphens.
    slug: String,
    /// Its name for people, 1 to 200 characters.
    display_name: String,
    /// Where its rows shall live; default `pooled`.
    #[serde(default, deserialize_with = "json::optional_object")]
    placement: Option<PlacementBody>,
    /// Limits and policies that differ from the defaults.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"admission": {"per_second": 500}}))]
    settings: Option<Value>,
    /// The gate's policy to begin with, active from the start; left out: the built-in one.
    #[serde(default, deserialize_with = "json::optional_object")]
    preset: Option<PresetBody>,
}

/// Where a tenant's rows shall live.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlacementBody {
    /// How much is the tenant's own.
    kind: PlacementBodyKind,
    /// Connection string of the database, for `own_database`; sealed at once and never shown.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only)]
    url: Option<Secret<String>>,
}

/// How much of a placement is the tenant's own.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlacementBodyKind {
    /// Nothing: with others, in the pooled schema.
    Pooled,
    /// A schema in the deployment's database.
    OwnSchema,
    /// A database.
    OwnDatabase,
}

/// Make a tenant
#[utoipa::path(
    post,
    path = "/api/v1/admin/tenants",
    tag = "admin",
    security(("admin_token" = [])),
    request_body = CreateTenantBody,
    responses((status = 201, body = TenantView)),
)]
pub(crate) async fn create_tenant(
    admin: Admin,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let CreateTenantBody { slug, display_name, placement, settings, preset } = json::parse(&bytes)?;
    let defaults = TenantSettings::default();
    let settings = settings.map(|changes| defaults.patched(&changes)).transpose();
    let settings = settings.map_err(|error| ApiError::from(error).below("/settings"))?.unwrap_or_default();
    let policy = preset.map(|preset| preset.into_policy(&display_name)).transpose();
    let policy = policy.map_err(|error| error.below("/preset"))?;
    let new = NewTenant { slug, display_name, placement: choose(placement)?, settings };
    let provisioner = Arc::clone(&state.provisioner);
    let prepare = |placement| async move { provisioner.provision(placement).await };
    let tenant = state.directory.create_tenant(&admin.actor, new, prepare).await?;
    if let Some(policy) = policy {
        let now = state.clock.now();
        preset::install(&state.directory, &state.placements, &tenant, &policy, &admin.actor, now).await?;
    }
    let location = format!("/api/v1/admin/tenants/{}", tenant.tenant_id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(TenantView::from(tenant)))
}

/// List tenants
///
/// The oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/tenants",
    tag = "admin",
    security(("admin_token" = [])),
    params(PageQuery),
    responses((status = 200, body = PageView<TenantView>)),
)]
pub(crate) async fn list_tenants(
    _admin: Admin,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let page = PageRequest::read(&request)?;
    let tenants = state.directory.list_tenants(page.cursor, page.limit).await?;
    Ok(HttpResponse::Ok().json(PageView::new(tenants, TenantView::from)))
}

/// Show a tenant
#[utoipa::path(
    get,
    path = "/api/v1/admin/tenants/{tenant}",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant.")),
    responses((status = 200, body = TenantView)),
)]
pub(crate) async fn get_tenant(admin: TenantAdmin) -> HttpResponse {
    HttpResponse::Ok().json(TenantView::from(admin.tenant.tenant.clone()))
}

/// Pause a tenant
///
/// Its messages are taken and kept; nothing is sent until it is resumed.
#[utoipa::path(
    post,
    path = "/api/v1/admin/tenants/{tenant}/pause",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant.")),
    responses((status = 200, body = TenantView)),
)]
pub(crate) async fn pause_tenant(admin: TenantAdmin, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    set_status(&admin, &state, TenantStatus::Paused).await
}

/// Resume a tenant
#[utoipa::path(
    post,
    path = "/api/v1/admin/tenants/{tenant}/resume",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant.")),
    responses((status = 200, body = TenantView)),
)]
pub(crate) async fn resume_tenant(admin: TenantAdmin, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    set_status(&admin, &state, TenantStatus::Active).await
}

async fn set_status(admin: &TenantAdmin, state: &AppState, status: TenantStatus) -> Result<HttpResponse, ApiError> {
    let tenant = state.directory.set_tenant_status(&admin.actor, admin.tenant_id(), status).await?;
    Ok(HttpResponse::Ok().json(TenantView::from(tenant)))
}

fn choose(placement: Option<PlacementBody>) -> Result<PlacementChoice, ApiError> {
    let Some(PlacementBody { kind, url }) = placement else { return Ok(PlacementChoice::Pooled) };
    let invalid = |problem| ApiError::field(Code::ValidationFailed, "/placement/url", problem);
    match (kind, url) {
        (PlacementBodyKind::OwnDatabase, Some(url)) => Ok(PlacementChoice::OwnDatabase { url }),
        (PlacementBodyKind::OwnDatabase, None) => Err(invalid("is needed for a database of its own")),
        (_, Some(_)) => Err(invalid("belongs to own_database alone")),
        (PlacementBodyKind::Pooled, None) => Ok(PlacementChoice::Pooled),
        (PlacementBodyKind::OwnSchema, None) => Ok(PlacementChoice::OwnSchema),
    }
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.tenant_id,
            slug: tenant.slug,
            display_name: tenant.display_name,
            placement_id: tenant.placement_id,
            status: tenant.status,
            settings: tenant.settings,
            version: tenant.version,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
        }
    }
}
