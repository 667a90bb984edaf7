//! Keys of the public API: made (and shown once), listed, revoked.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_kernel::ApiKeyId;
use carepost_tenancy::{ApiKey, NewApiKey, Scope, Scopes};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::auth::TenantAdmin;
use crate::http::error::ApiError;
use crate::http::json;
use crate::http::names::ScopeName;
use crate::http::query::{PageQuery, PageRequest, PageView, path_id};
use crate::http::state::AppState;

/// A key, without what opens anything.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKeyView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ApiKeyId,
    /// Its name for people.
    #[schema(example = "scheduling system")]
    name: String,
    /// The readable start of its text.
    prefix: String,
    /// What it may do.
    #[schema(value_type = Vec<ScopeName>)]
    scopes: Scopes,
    /// When it was made.
    created_at: Timestamp,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
}

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "scheduling system", "scopes": ["messages:write", "messages:read"]}))]
pub(crate) struct CreateApiKeyBody {
    /// Its name for people, 1 to 100 characters.
    name: String,
    /// What it may do; at least one.
    #[serde(default)]
    #[schema(value_type = Vec<ScopeName>, min_items = 1)]
    scopes: Vec<Scope>,
    /// When it ends by itself.
    expires_at: Option<Timestamp>,
}

/// A new key.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedApiKeyView {
    /// The key.
    api_key: ApiKeyView,
    /// Its text, shown this once.
    secret: String,
}

/// Make an API key
///
/// Its text is in the answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/admin/tenants/{tenant}/api-keys",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant.")),
    request_body = CreateApiKeyBody,
    responses((status = 201, body = CreatedApiKeyView)),
)]
pub(crate) async fn create_api_key(
    admin: TenantAdmin,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let CreateApiKeyBody { name, scopes, expires_at } = json::parse(&bytes)?;
    let new = NewApiKey { name, scopes, expires_at };
    let (key, secret) = state.directory.create_api_key(&admin.actor, admin.tenant_id(), new).await?;
    let view = CreatedApiKeyView { api_key: key.into(), secret: secret.expose().clone() };
    Ok(HttpResponse::Created().json(view))
}

/// List API keys
///
/// Revoked ones too, the oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/tenants/{tenant}/api-keys",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant."), PageQuery),
    responses((status = 200, body = PageView<ApiKeyView>)),
)]
pub(crate) async fn list_api_keys(
    admin: TenantAdmin,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let page = PageRequest::read(&request)?;
    let keys = state.directory.list_api_keys(admin.tenant_id(), page.cursor, page.limit).await?;
    Ok(HttpResponse::Ok().json(PageView::new(keys, ApiKeyView::from)))
}

/// Revoke an API key
///
/// It opens nothing from now on; it stays in the list.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/tenants/{tenant}/api-keys/{id}",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant."), ("id" = Uuid, Path, description = "The key.")),
    responses((status = 200, body = ApiKeyView)),
)]
pub(crate) async fn revoke_api_key(
    admin: TenantAdmin,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let api_key_id = path_id(&request, "id")?;
    let key = state.directory.revoke_api_key(&admin.actor, admin.tenant_id(), api_key_id).await?;
    Ok(HttpResponse::Ok().json(ApiKeyView::from(key)))
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.api_key_id,
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes,
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
        }
    }
}
