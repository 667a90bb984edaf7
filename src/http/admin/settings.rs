//! A tenant's limits and policies: shown, replaced, and what they were before.

use actix_web::http::header::{ETAG, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use carepost_tenancy::TenantSettings;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::auth::TenantAdmin;
use crate::http::error::{ApiError, Code, FaultView};
use crate::http::json;
use crate::http::state::AppState;

/// A tenant's limits and policies.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettingsView {
    /// As they are.
    #[schema(value_type = Object)]
    settings: TenantSettings,
    /// As they were before this change: put them back to take it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    previous: Option<TenantSettings>,
    /// Version of the tenant, as in the header `ETag`.
    version: i64,
}

/// Show a tenant's settings
#[utoipa::path(
    get,
    path = "/api/v1/admin/tenants/{tenant}/settings",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant.")),
    responses((status = 200, body = SettingsView)),
)]
pub(crate) async fn get_settings(admin: TenantAdmin) -> HttpResponse {
    let tenant = &admin.tenant.tenant;
    respond(SettingsView { settings: tenant.settings.clone(), previous: None, version: tenant.version })
}

/// Replace a tenant's settings
///
/// Fields that are left out take their defaults. Effective at once; the answer holds what was before.
#[utoipa::path(
    put,
    path = "/api/v1/admin/tenants/{tenant}/settings",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(
        ("tenant" = Uuid, Path, description = "The tenant."),
        ("If-Match" = Option<String>, Header, description = "Only where the version is still this `ETag`; else 409."),
    ),
    request_body(content = Object, example = json!({"admission": {"per_second": 500, "burst": 1000}})),
    responses((status = 200, body = SettingsView)),
)]
pub(crate) async fn put_settings(
    admin: TenantAdmin,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let expected_version = if_match(&request)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let body: Value = json::parse(&bytes)?;
    let settings = TenantSettings::default().patched(&body)?;
    let change = state.directory.update_settings(&admin.actor, admin.tenant_id(), settings, expected_version).await?;
    let (settings, version) = (change.tenant.settings, change.tenant.version);
    Ok(respond(SettingsView { settings, previous: Some(change.previous), version }))
}

fn respond(view: SettingsView) -> HttpResponse {
    HttpResponse::Ok().insert_header((ETAG, format!("\"{}\"", view.version))).json(view)
}

fn if_match(request: &HttpRequest) -> Result<Option<i64>, ApiError> {
    let Some(header) = request.headers().get(IF_MATCH) else { return Ok(None) };
    let version = header.to_str().ok().and_then(|text| text.trim().trim_matches('"').parse().ok());
    let fault = || FaultView::header("If-Match", "must be the ETag of the settings");
    version.map(Some).ok_or_else(|| ApiError::faults(Code::InvalidRequest, vec![fault()]))
}
