//! Who calls. Keys come in the header `Authorization: Bearer <key>` and nowhere else.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use carepost_audit::Actor;
use carepost_kernel::TenantId;
use carepost_tenancy::{Principal, Scope, TenantHandle};
use futures_util::future::LocalBoxFuture;

use super::error::{ApiError, Code};
use super::query::path_id;
use super::state::AppState;

/// The name under which the administrator's token stands in the audit trail.
const ADMIN: &str = "platform-token";

/// A program with a key of the public API.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// What its key may do.
    pub(super) principal: Arc<Principal>,
    /// Whose it is, with the keys to the data.
    pub(super) tenant: Arc<TenantHandle>,
}

impl Caller {
    /// Whose it is.
    pub(super) fn tenant_id(&self) -> TenantId {
        self.tenant.tenant.tenant_id
    }

    /// Lets only keys with this scope pass.
    ///
    /// # Errors
    /// 403 names the scope that is missing.
    pub(super) fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.principal.may(scope) {
            Ok(())
        } else {
            Err(ApiError::new(Code::Forbidden, format!("the key lacks the scope {}", scope.as_str())))
        }
    }
}

/// Left with the request for the access log.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeenTenant(pub(super) TenantId);

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // The way to the tenant's process had to know as well.
        if let Some(known) = request.extensions_mut().remove::<Self>() {
            return Box::pin(std::future::ready(Ok(known)));
        }
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await })
    }
}

/// Who calls, once more: a stream asks again while it is open.
///
/// # Errors
/// 401, or 503 where nobody can tell now.
pub(super) async fn authenticate(request: &HttpRequest) -> Result<Caller, ApiError> {
    let directory = &state(request)?.directory;
    let principal = directory.authenticate(bearer(request)?).await?;
    let tenant = directory.tenant(principal.tenant_id).await?;
    request.extensions_mut().insert(SeenTenant(principal.tenant_id));
    Ok(Caller { principal, tenant })
}

fn state(request: &HttpRequest) -> Result<&AppState, ApiError> {
    let state = request.app_data::<web::Data<AppState>>();
    state.map(|state| state.get_ref()).ok_or_else(|| ApiError::new(Code::Internal, "the server is not composed"))
}

fn bearer(request: &HttpRequest) -> Result<&str, ApiError> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let presented = header.and_then(|text| {
        let (scheme, presented) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| presented.trim())
    });
    presented.ok_or_else(|| ApiError::new(Code::Unauthenticated, "the header Authorization must be Bearer and a key"))
}

fn is_admin(state: &AppState, presented: &str) -> bool {
    let hash = digest(&SHA256, presented.as_bytes());
    state.admin_token_hash.is_some_and(|expected| verify_slices_are_equal(&expected, hash.as_ref()).is_ok())
}

/// An administrator of the whole deployment.
#[derive(Debug, Clone)]
pub(super) struct Admin {
    /// How it stands in the audit trail.
    pub(super) actor: Actor,
}

impl FromRequest for Admin {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            if is_admin(state(&request)?, bearer(&request)?) {
                return Ok(Self { actor: Actor::Admin(ADMIN.to_owned()) });
            }
            // A tenant's key is told that it is known and not enough; anything else is 401.
            authenticate(&request).await?;
            Err(ApiError::new(Code::Forbidden, "this needs the administrator's token"))
        })
    }
}

/// Who may change the configuration of the tenant in the path: an administrator of the deployment, or a key of that
/// very tenant with `admin:tenant`.
#[derive(Debug, Clone)]
pub(super) struct TenantAdmin {
    /// How it stands in the audit trail.
    pub(super) actor: Actor,
    /// The tenant in the path; it exists.
    pub(super) tenant: Arc<TenantHandle>,
}

impl TenantAdmin {
    /// The tenant in the path.
    pub(super) fn tenant_id(&self) -> TenantId {
        self.tenant.tenant.tenant_id
    }
}

impl FromRequest for TenantAdmin {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = state(&request)?;
            if is_admin(state, bearer(&request)?) {
                let tenant = state.directory.tenant(path_id(&request, "tenant")?).await?;
                return Ok(Self { actor: Actor::Admin(ADMIN.to_owned()), tenant });
            }
            let caller = authenticate(&request).await?;
            caller.require(Scope::AdminTenant)?;
            if path_id::<TenantId>(&request, "tenant")? != caller.tenant_id() {
                return Err(ApiError::not_found("no such tenant"));
            }
            Ok(Self { actor: Actor::ApiKey(caller.principal.api_key_id), tenant: caller.tenant })
        })
    }
}
