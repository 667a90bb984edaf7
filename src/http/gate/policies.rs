//! Versions of the practice's policy.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use carepost_audit::Actor;
use carepost_consent::Desk;
use carepost_consent::commands::{activate_policy as activate, create_policy as create};
use carepost_consent::policy::{GatePolicy, PolicyFault};
use carepost_consent::store::{find_policy, find_policy_in_force, list_policies, policy_in_force};
use carepost_consent::types::{Actor as Worker, PolicyState, PolicyVersion};
use carepost_delivery::gate::Rulebook;
use carepost_tenancy::{Scope, TenantHandle};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::path_version;
use super::preset::{PresetBody, trail};
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code, FaultView};
use crate::http::json;
use crate::http::names::PolicyStateName;
use crate::http::query::{PageQuery, PageRequest, PageView};
use crate::http::state::AppState;

/// A version of the policy. Its rules never change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyView {
    /// Its number; 0 is the built-in policy.
    version: u32,
    /// Whether it holds.
    #[schema(value_type = PolicyStateName)]
    state: PolicyState,
    /// From when on it holds, or held. A draft with an instant holds from then on by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    activates_at: Option<Timestamp>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    /// Who made it: kind and id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "api_key:01920000-0000-7000-8000-000000000000")]
    created_by: Option<String>,
    /// The rules; what is left out is as in the built-in policy.
    #[schema(value_type = Object)]
    policy: Value,
    /// Why it cannot be used (any more) as it is; then stricter rules stand in for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<FaultView>,
}

/// A version of the policy to be made; exactly one of the three.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"policy": {"caps": {"per_day": 3}, "practice": {"zones": ["America/Chicago"]}}}))]
pub(crate) struct CreatePolicyBody {
    /// The rules; what is left out is as in the built-in policy.
    #[serde(default, deserialize_with = "json::optional_object")]
    #[schema(value_type = Option<Object>)]
    policy: Option<GatePolicy>,
    /// The rules of an earlier version, once more.
    #[serde(default)]
    from_version: Option<u32>,
    /// Rules to begin with.
    #[serde(default, deserialize_with = "json::optional_object")]
    preset: Option<PresetBody>,
}

/// From when on a version shall hold.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivatePolicyBody {
    /// From this instant on; left out, or past: at once.
    #[serde(default)]
    activates_at: Option<Timestamp>,
}

/// Show the policy in force
#[utoipa::path(
    get,
    path = "/api/v1/messaging/gate/policy",
    tag = "gate",
    security(("api_key" = ["gate:read"])),
    responses((status = 200, body = PolicyView)),
)]
pub(crate) async fn get_policy(caller: Caller, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::GateRead)?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let now = state.clock.now();
    let view = policy_in_force(&tx, now).await?.map_or_else(PolicyView::built_in, |found| PolicyView::new(found, now));
    Ok(HttpResponse::Ok().json(view))
}

/// List versions of the policy
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/gate/policies",
    tag = "gate",
    security(("api_key" = ["gate:read"])),
    params(PageQuery),
    responses((status = 200, body = PageView<PolicyView>)),
)]
pub(crate) async fn list_gate_policies(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::GateRead)?;
    let page = PageRequest::read(&request)?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let found = list_policies(&tx, page.cursor, page.limit).await?;
    let now = state.clock.now();
    Ok(HttpResponse::Ok().json(PageView::new(found, |one| PolicyView::new(one, now))))
}

/// Show a version of the policy
#[utoipa::path(
    get,
    path = "/api/v1/messaging/gate/policies/{version}",
    tag = "gate",
    security(("api_key" = ["gate:read"])),
    params(("version" = u32, Path, description = "Its number.")),
    responses((status = 200, body = PolicyView)),
)]
pub(crate) async fn get_gate_policy(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::GateRead)?;
    let version = path_version(&request)?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let found = find_policy(&tx, version).await?;
    Ok(HttpResponse::Ok().json(PolicyView::new(found, state.clock.now())))
}

/// Make a version of the policy
///
/// It is a draft and changes nothing: dry-run it, then activate it.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/gate/policies",
    tag = "gate",
    security(("api_key" = ["gate:manage"])),
    request_body = CreatePolicyBody,
    responses((status = 201, body = PolicyView)),
)]
pub(crate) async fn create_gate_policy(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::GateManage)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let body: CreatePolicyBody = json::parse(&bytes)?;
    let now = state.clock.now();
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let (policy, place) = match body {
        CreatePolicyBody { policy: Some(policy), from_version: None, preset: None } => (policy, "/policy"),
        CreatePolicyBody { policy: None, from_version: Some(version), preset: None } => {
            let found = find_policy(&tx, version).await?;
            (found.policy().map_err(|faults| invalid(&faults).below("/from_version"))?, "/from_version")
        }
        CreatePolicyBody { policy: None, from_version: None, preset: Some(preset) } => {
            let name = &caller.tenant.tenant.display_name;
            (preset.into_policy(name).map_err(|error| error.below("/preset"))?, "/preset")
        }
        _ => {
            let problem = "takes exactly one of policy, from_version and preset";
            return Err(ApiError::field(Code::ValidationFailed, "", problem));
        }
    };
    check(&policy).map_err(|error| error.below(place))?;
    let worker = Worker::api_key(caller.principal.api_key_id);
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &worker, now };
    let made = create(&desk, &policy).await?;
    let detail = json!({ "version": made.version });
    record(&state, &caller, "gate_policy.create", made.version, detail).await?;
    tx.commit().await?;
    let location = format!("/api/v1/messaging/gate/policies/{}", made.version);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(PolicyView::new(made, now)))
}

/// Activate a version of the policy
///
/// At once, or from an instant on. One version is active, and at most one is to follow it: what was to follow before is a
/// mere draft again. What waits for hours, caps or digests is asked about again by the new rules.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/gate/policies/{version}/activate",
    tag = "gate",
    security(("api_key" = ["gate:manage"])),
    params(("version" = u32, Path, description = "Its number.")),
    request_body = ActivatePolicyBody,
    responses((status = 200, body = PolicyView)),
)]
pub(crate) async fn activate_gate_policy(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::GateManage)?;
    let version = path_version(&request)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let ActivatePolicyBody { activates_at } = json::parse(&bytes)?;
    let now = state.clock.now();
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let worker = Worker::api_key(caller.principal.api_key_id);
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &worker, now };
    let done = activate(&desk, version, activates_at).await?;
    check(&done.version.policy().map_err(|faults| invalid(&faults))?)?;
    let detail = json!({ "version": version, "former": done.former, "activates_at": done.version.activates_at });
    record(&state, &caller, "gate_policy.activate", version, detail).await?;
    tx.commit().await?;
    if done.is_news {
        state.engine.policy_changed(caller.tenant_id()).await;
    }
    Ok(HttpResponse::Ok().json(PolicyView::new(done.version, now)))
}

/// The trail is first: see [`carepost_tenancy::Directory::record_change`].
async fn record(
    state: &AppState,
    caller: &Caller,
    action: &'static str,
    version: u32,
    detail: Value,
) -> Result<(), ApiError> {
    let by = Actor::ApiKey(caller.principal.api_key_id);
    Ok(state.directory.record_change(&trail(&by, caller.tenant_id(), action, version, detail)).await?)
}

/// The rules that hold at an instant, ready to be asked.
pub(super) async fn rulebook_in_force(
    state: &AppState,
    tenant: &TenantHandle,
    now: Timestamp,
) -> Result<Rulebook, ApiError> {
    let tenant_id = tenant.tenant.tenant_id;
    let connection = state.placement(tenant)?.engine().await?;
    let found = find_policy_in_force(&connection, tenant_id, now).await?;
    Ok(Rulebook::of_stored(tenant_id, found.as_ref()))
}

/// A version's rules, ready to be asked.
///
/// # Errors
/// 422 with its faults.
pub(super) fn rulebook_of(found: &PolicyVersion) -> Result<Rulebook, ApiError> {
    let policy = found.policy().map_err(|faults| invalid(&faults))?;
    rulebook(found.version, policy)
}

/// What a policy's own check cannot know: whether its words make a dictionary.
fn check(policy: &GatePolicy) -> Result<(), ApiError> {
    rulebook(0, policy.clone()).map(drop)
}

fn rulebook(version: u32, policy: GatePolicy) -> Result<Rulebook, ApiError> {
    let compiled = policy.compile().map_err(|faults| invalid(&faults))?;
    let unusable = |_| ApiError::field(Code::ValidationFailed, "/phi/extra_terms", "cannot be made a dictionary");
    Rulebook::new(version, compiled).map_err(unusable)
}

fn invalid(faults: &[PolicyFault]) -> ApiError {
    ApiError::faults(Code::ValidationFailed, faults.iter().map(fault).collect())
}

fn fault(fault: &PolicyFault) -> FaultView {
    FaultView::field(fault.pointer.clone(), fault.problem)
}

impl PolicyView {
    fn new(found: PolicyVersion, now: Timestamp) -> Self {
        let faults = found.policy().err().unwrap_or_default().iter().map(fault).collect();
        // A draft whose time has come holds before somebody has written that down.
        let state = if found.holds(now) { PolicyState::Active } else { found.state };
        Self {
            version: found.version,
            state,
            activates_at: found.activates_at,
            created_at: Some(found.created_at),
            created_by: Some(found.created_by),
            policy: found.body,
            faults,
        }
    }

    fn built_in() -> Self {
        // Names, times and lists: nothing in a policy can fail to serialize.
        let policy = serde_json::to_value(GatePolicy::default()).unwrap_or_default();
        let (activates_at, created_at, created_by) = (None, None, None);
        Self {
            version: 0,
            state: PolicyState::Active,
            activates_at,
            created_at,
            created_by,
            policy,
            faults: Vec::new(),
        }
    }
}
