//! The audit trail of a tenant's configuration, read.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_audit::AuditEventRow;
use carepost_kernel::AuditEventId;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::auth::TenantAdmin;
use crate::http::error::ApiError;
use crate::http::query::{PageQuery, PageRequest, PageView};
use crate::http::state::AppState;

/// An entry of the trail.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEventView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: AuditEventId,
    /// When.
    at: Timestamp,
    /// `cli`, `api_key`, `admin` or `system`.
    #[schema(example = "api_key")]
    actor_kind: String,
    /// Name or id of who changed it.
    actor_id: String,
    /// What was done.
    #[schema(example = "provider_account.update")]
    action: String,
    /// Kind of the thing that changed.
    #[schema(example = "provider_account")]
    subject_kind: String,
    /// Its id.
    subject_id: String,
    /// What changed.
    #[schema(value_type = Object)]
    detail: Value,
}

/// List audit events
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/tenants/{tenant}/audit",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant."), PageQuery),
    responses((status = 200, body = PageView<AuditEventView>)),
)]
pub(crate) async fn list_audit_events(
    admin: TenantAdmin,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let page = PageRequest::read(&request)?;
    let events = state.directory.list_audit_events(admin.tenant_id(), page.cursor, page.limit).await?;
    Ok(HttpResponse::Ok().json(PageView::new(events, AuditEventView::from)))
}

impl From<AuditEventRow> for AuditEventView {
    fn from(row: AuditEventRow) -> Self {
        Self {
            id: row.audit_event_id,
            at: row.at,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            action: row.action,
            subject_kind: row.subject_kind,
            subject_id: row.subject_id,
            detail: row.detail,
        }
    }
}
