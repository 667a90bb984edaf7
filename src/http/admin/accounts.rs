//! Provider accounts: made, shown without their credentials, changed, paused, closed.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_kernel::{Channel, ProviderAccountId, Secret};
use carepost_providers::Vendor;
use carepost_tenancy::{AccountChange, AccountStatus, FieldProblem, NewAccount, ProviderAccount, RouteChange};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::auth::TenantAdmin;
use crate::http::error::{ApiError, Code};
use crate::http::json;
use crate::http::names::{AccountStatusName, ChannelName};
use crate::http::query::{PageQuery, PageRequest, PageView, path_id};
use crate::http::state::{AppState, Providers};
use crate::http::webhooks::webhook_url;

/// An account at a vendor. Credentials can be written and replaced, never read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderAccountView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ProviderAccountId,
    /// Its name for people.
    #[schema(example = "main line")]
    name: String,
    /// Which vendor.
    #[schema(example = "twilio")]
    vendor: String,
    /// What it sends.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// What the vendor needs besides secrets.
    #[schema(value_type = Object)]
    settings: Value,
    /// Runs on the simulators.
    sandbox: bool,
    /// Whether it has credentials.
    has_credentials: bool,
    /// Whether it is used.
    #[schema(value_type = AccountStatusName)]
    status: AccountStatus,
    /// Where the vendor shall send its webhooks. Treat it like a password.
    webhook_url: String,
    /// Lower goes first.
    route_order: i16,
    /// Among equals of the order: the share.
    route_weight: i16,
    /// Calls per second; absent is no set rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_second: Option<u32>,
    /// Calls at a time.
    max_in_flight: u32,
    /// How long one call may take, in milliseconds.
    timeout_ms: u32,
    /// Stands in for the vendor's own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    /// Grows by one with each change.
    version: i64,
    /// When it was made.
    created_at: Timestamp,
    /// When it changed last.
    updated_at: Timestamp,
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "sandbox line", "vendor": "twilio", "sandbox": true}))]
pub(crate) struct CreateProviderAccountBody {
    /// Its name for people, 1 to 100 characters.
    name: String,
    /// `twilio`, `vonage_sms`, `vonage_messages`, `sendgrid`, `ses`, `smtp` or `in_app`.
    vendor: String,
    /// What the vendor needs besides secrets; see the vendor's page in `docs/api.md`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// The vendor's secrets: an object. Sealed at once, never shown.
    #[serde(default)]
    #[schema(value_type = Option<Object>, write_only)]
    credentials: Option<Box<RawValue>>,
    /// Run it on the simulators: no account at the vendor is needed.
    #[serde(default)]
    sandbox: bool,
    /// Stands in for the vendor's own address.
    #[serde(default)]
    base_url: Option<String>,
    /// Lower goes first; default 0.
    #[serde(default)]
    route_order: Option<i16>,
    /// Among equals of the order: the share; default 1.
    #[serde(default)]
    route_weight: Option<i16>,
    /// Calls per second; left out: no set rate.
    #[serde(default)]
    rate_per_second: Option<u32>,
    /// Calls at a time; default 64.
    #[serde(default)]
    max_in_flight: Option<u32>,
    /// How long one call may take, in milliseconds; default 10,000.
    #[serde(default)]
    timeout_ms: Option<u32>,
}

/// What shall be different about an account; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"rate_per_second": 25}))]
pub(crate) struct UpdateProviderAccountBody {
    /// Its name for people.
    #[serde(default)]
    name: Option<String>,
    /// Replaces the vendor's settings.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// Replaces the credentials.
    #[serde(default)]
    #[schema(value_type = Option<Object>, write_only)]
    credentials: Option<Box<RawValue>>,
    /// Stands in for the vendor's own address; null takes it away.
    #[serde(default, deserialize_with = "json::present")]
    #[schema(value_type = Option<String>)]
    base_url: Option<Option<String>>,
    /// Lower goes first.
    #[serde(default)]
    route_order: Option<i16>,
    /// Among equals of the order: the share.
    #[serde(default)]
    route_weight: Option<i16>,
    /// Calls per second; null is no set rate.
    #[serde(default, deserialize_with = "json::present")]
    #[schema(value_type = Option<u32>)]
    rate_per_second: Option<Option<u32>>,
    /// Calls at a time.
    #[serde(default)]
    max_in_flight: Option<u32>,
    /// How long one call may take, in milliseconds.
    #[serde(default)]
    timeout_ms: Option<u32>,
}

/// Make a provider account
///
/// With `sandbox: true` it runs on the simulators, so that everything can be tried without a vendor's account.
#[utoipa::path(
    post,
    path = "/api/v1/admin/tenants/{tenant}/provider-accounts",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant.")),
    request_body = CreateProviderAccountBody,
    responses((status = 201, body = ProviderAccountView)),
)]
pub(crate) async fn create_provider_account(
    admin: TenantAdmin,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let new = new_account(json::parse(&bytes)?)?;
    let check = checked_by(&*state.providers);
    let account = state.directory.create_account(&admin.actor, admin.tenant_id(), new, check).await?;
    Ok(HttpResponse::Created().json(show(account, &state).await?))
}

/// List provider accounts
///
/// Closed ones too, the oldest first; never their credentials.
#[utoipa::path(
    get,
    path = "/api/v1/admin/tenants/{tenant}/provider-accounts",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant."), PageQuery),
    responses((status = 200, body = PageView<ProviderAccountView>)),
)]
pub(crate) async fn list_provider_accounts(
    admin: TenantAdmin,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let page = PageRequest::read(&request)?;
    let accounts = state.directory.list_accounts(admin.tenant_id(), page.cursor, page.limit).await?;
    let mut shown = Vec::with_capacity(accounts.items.len());
    for account in accounts.items {
        shown.push(show(account, &state).await?);
    }
    let page = carepost_kernel::Page { items: shown, next: accounts.next };
    Ok(HttpResponse::Ok().json(PageView::new(page, |view| view)))
}

/// Change a provider account
///
/// Effective at once, for waiting messages too.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/tenants/{tenant}/provider-accounts/{id}",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant."), ("id" = Uuid, Path, description = "The account.")),
    request_body = UpdateProviderAccountBody,
    responses((status = 200, body = ProviderAccountView)),
)]
pub(crate) async fn update_provider_account(
    admin: TenantAdmin,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account_id = path_id(&request, "id")?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let change = account_change(json::parse(&bytes)?);
    let check = checked_by(&*state.providers);
    let account = state.directory.update_account(&admin.actor, admin.tenant_id(), account_id, change, check).await?;
    Ok(HttpResponse::Ok().json(show(account, &state).await?))
}

/// Pause a provider account
///
/// Nothing is sent over it until it is resumed; its messages wait, or go over the next account of the route.
#[utoipa::path(
    post,
    path = "/api/v1/admin/tenants/{tenant}/provider-accounts/{id}/pause",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant."), ("id" = Uuid, Path, description = "The account.")),
    responses((status = 200, body = ProviderAccountView)),
)]
pub(crate) async fn pause_provider_account(
    admin: TenantAdmin,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    set_status(&admin, &request, &state, AccountStatus::Paused).await
}

/// Resume a provider account
#[utoipa::path(
    post,
    path = "/api/v1/admin/tenants/{tenant}/provider-accounts/{id}/resume",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant."), ("id" = Uuid, Path, description = "The account.")),
    responses((status = 200, body = ProviderAccountView)),
)]
pub(crate) async fn resume_provider_account(
    admin: TenantAdmin,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    set_status(&admin, &request, &state, AccountStatus::Active).await
}

/// Close a provider account
///
/// For good. Receipts of what went over it still come in.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/tenants/{tenant}/provider-accounts/{id}",
    tag = "admin",
    security(("admin_token" = []), ("api_key" = ["admin:tenant"])),
    params(("tenant" = Uuid, Path, description = "The tenant."), ("id" = Uuid, Path, description = "The account.")),
    responses((status = 200, body = ProviderAccountView)),
)]
pub(crate) async fn close_provider_account(
    admin: TenantAdmin,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    set_status(&admin, &request, &state, AccountStatus::Closed).await
}

async fn set_status(
    admin: &TenantAdmin,
    request: &HttpRequest,
    state: &AppState,
    status: AccountStatus,
) -> Result<HttpResponse, ApiError> {
    let account_id = path_id(request, "id")?;
    let account = state.directory.set_account_status(&admin.actor, admin.tenant_id(), account_id, status).await?;
    Ok(HttpResponse::Ok().json(show(account, state).await?))
}

/// The vendor's own check, as the directory wants it.
fn checked_by(providers: &dyn Providers) -> impl Fn(&NewAccount) -> Result<(), FieldProblem> {
    |account| providers.check(account).map_err(|fault| FieldProblem::new(fault.pointer, fault.problem))
}

fn new_account(body: CreateProviderAccountBody) -> Result<NewAccount, ApiError> {
    let vendor: Result<Vendor, _> = body.vendor.parse();
    let vendor = vendor.map_err(|fault| ApiError::field(Code::ValidationFailed, fault.pointer, fault.problem))?;
    Ok(NewAccount {
        name: body.name,
        channel: vendor.channel(),
        vendor: vendor.as_str().to_owned(),
        settings: body.settings.unwrap_or_else(|| Value::Object(serde_json::Map::new())),
        credentials: secret(body.credentials),
        sandbox: body.sandbox,
        route: RouteChange {
            route_order: body.route_order,
            route_weight: body.route_weight,
            rate_per_second: body.rate_per_second.map(Some),
            max_in_flight: body.max_in_flight,
            timeout_ms: body.timeout_ms,
        },
        base_url: body.base_url,
    })
}

fn account_change(body: UpdateProviderAccountBody) -> AccountChange {
    AccountChange {
        name: body.name,
        settings: body.settings,
        credentials: secret(body.credentials),
        route: RouteChange {
            route_order: body.route_order,
            route_weight: body.route_weight,
            rate_per_second: body.rate_per_second,
            max_in_flight: body.max_in_flight,
            timeout_ms: body.timeout_ms,
        },
        base_url: body.base_url,
        status: None,
    }
}

fn secret(raw: Option<Box<RawValue>>) -> Option<Secret<String>> {
    raw.map(|raw| Secret::new(String::from(Box::<str>::from(raw))))
}

async fn show(account: ProviderAccount, state: &AppState) -> Result<ProviderAccountView, ApiError> {
    let token = state.directory.open_webhook_token(&account).await?;
    let url = webhook_url(&state.public_url, &account.vendor, token.expose());
    let url = url.ok_or_else(|| ApiError::new(Code::Internal, "the public address of this server is not usable"))?;
    Ok(ProviderAccountView {
        id: account.account_id,
        has_credentials: account.has_credentials(),
        name: account.name,
        vendor: account.vendor,
        channel: account.channel,
        settings: account.settings,
        sandbox: account.sandbox,
        status: account.status,
        webhook_url: url.into(),
        route_order: account.route_order,
        route_weight: account.route_weight,
        rate_per_second: account.rate_per_second,
        max_in_flight: account.max_in_flight,
        timeout_ms: account.timeout_ms,
        base_url: account.base_url,
        version: account.version,
        created_at: account.created_at,
        updated_at: account.updated_at,
    })
}
