//! Policies to begin with: what a kind of practice needs, in the practice's own name.

use carepost_actors::Placements;
use carepost_audit::{Actor, AuditEvent};
use carepost_consent::commands::install_policy;
use carepost_consent::policy::{GatePolicy, PolicyFault, Practice, Preset};
use carepost_consent::types::{self as consent, ActorKind};
use carepost_kernel::{Chain, TenantId};
use carepost_tenancy::{Directory, Tenant};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::error::{ApiError, Code, FaultView};
use crate::http::json;
use crate::http::names::PresetName;

/// A policy to begin with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "medical", "practice": {
    "name": "Riverside Clinic", "postal_address": "1 Example Street, Springfield, IL 62701",
    "phone": "+12025550143", "portal_url": "https://portal.example", "zones": ["America/Chicago"]}}))]
pub(crate) struct PresetBody {
    /// Which kind of practice.
    #[schema(value_type = PresetName)]
    kind: Preset,
    /// Who speaks: `name`, `postal_address`, `phone`, `email`, `portal_url`, `zones`, `states`, `language`, as
    /// in a policy.
    #[serde(deserialize_with = "json::object")]
    #[schema(value_type = Object)]
    practice: Practice,
}

impl PresetBody {
    /// The policy, checked; `name` stands in for a practice without one.
    ///
    /// # Errors
    /// 422 with all faults, by pointers below the preset.
    pub(crate) fn into_policy(self, name: &str) -> Result<GatePolicy, ApiError> {
        preset_policy(self.kind, self.practice, name).map_err(invalid)
    }
}

/// The policy of a preset in the name of a practice.
///
/// # Errors
/// What is missing or wrong, by pointers of a policy.
pub(crate) fn preset_policy(preset: Preset, practice: Practice, name: &str) -> Result<GatePolicy, Vec<PolicyFault>> {
    let own_name = if practice.name.trim().is_empty() { name.to_owned() } else { practice.name };
    let policy = GatePolicy { practice: Practice { name: own_name, ..practice }, ..GatePolicy::preset(preset) };
    let mut faults = policy.validate();
    if policy.practice.zones.is_empty() {
        // Else quiet hours would not hold for people whose zone is unknown.
        let problem = "must name the time zones of the practice's sites";
        faults.push(PolicyFault { pointer: "/practice/zones".to_owned(), problem });
    }
    if faults.is_empty() { Ok(policy) } else { Err(faults) }
}

fn invalid(faults: Vec<PolicyFault>) -> ApiError {
    let view = |fault: PolicyFault| FaultView::field(fault.pointer, fault.problem);
    ApiError::faults(Code::ValidationFailed, faults.into_iter().map(view).collect())
}

/// Stores a new tenant's first policy, active from now on. Nobody has a key of the tenant yet: nothing is sent before it holds.
///
/// # Errors
/// Where something is away: the tenant is there then, on the built-in rules.
pub(crate) async fn install(
    directory: &Directory,
    placements: &Placements,
    tenant: &Tenant,
    policy: &GatePolicy,
    by: &Actor,
    now: Timestamp,
) -> Result<(), ApiError> {
    let work = async {
        let placement = placements.get(tenant.placement_id);
        let placement = placement.ok_or_else(|| ApiError::unavailable("the tenant's database is not open yet"))?;
        let mut connection = placement.tenant(tenant.tenant_id).await?;
        let tx = connection.begin().await?;
        let made = install_policy(&tx, policy, &worker(by), now).await?;
        let detail = json!({ "version": made.version, "former": 0, "preset": true });
        directory.record_change(&trail(by, tenant.tenant_id, "gate_policy.activate", made.version, detail)).await?;
        Ok::<_, ApiError>(tx.commit().await?)
    };
    work.await.map_err(|error| {
        tracing::warn!(tenant.id = %tenant.tenant_id, error = %Chain(&error), "install the policy of a new tenant");
        ApiError::unavailable("the tenant was made, its policy was not: make a version of it and activate it")
    })
}

/// An entry of the trail about a version of the policy.
pub(super) fn trail(by: &Actor, tenant_id: TenantId, action: &'static str, version: u32, detail: Value) -> AuditEvent {
    AuditEvent { tenant_id, actor: by.clone(), action, subject: ("gate_policy", version.to_string()), detail }
}

/// Who works, as it stands beside a version.
fn worker(by: &Actor) -> consent::Actor {
    let kind = match by {
        Actor::ApiKey(_) => ActorKind::ApiKey,
        Actor::Cli(_) | Actor::Admin(_) => ActorKind::Staff,
        Actor::System => ActorKind::System,
    };
    consent::Actor { kind, id: by.id() }
}
