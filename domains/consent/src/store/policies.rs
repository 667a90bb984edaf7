//! Versions of tenants' policies.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use carepost_kernel::{Cursor, Page, TenantId};
use carepost_store::{EngineConnection, Row, TenantTx, ToSql};

use super::rows::{Result, get, number};
use crate::ConsentError;
use crate::error::Tried as _;
use crate::policy::CompiledPolicy;
use crate::types::{PolicyState, PolicyVersion};

pub(super) const FIND_POLICY: &str = include_str!("../sql/find_policy.sql");
pub(super) const FIND_POLICY_IN_FORCE: &str = include_str!("../sql/find_policy_in_force.sql");
pub(super) const INSERT_POLICY: &str = include_str!("../sql/insert_policy.sql");
pub(super) const LIST_DUE_POLICIES: &str = include_str!("../sql/list_due_policies.sql");
pub(super) const LIST_POLICIES: &str = include_str!("../sql/list_policies.sql");
pub(super) const LOCK_POLICIES: &str = include_str!("../sql/lock_policies.sql");
pub(super) const RETIRE_POLICY: &str = include_str!("../sql/retire_policy.sql");
pub(super) const UPDATE_POLICY_STATE: &str = include_str!("../sql/update_policy_state.sql");
pub(super) const WITHDRAW_POLICY_PLANS: &str = include_str!("../sql/withdraw_policy_plans.sql");

/// Makes others who change the tenant's policies wait until this transaction ends.
pub(crate) async fn lock_policies(tx: &TenantTx<'_>) -> Result<()> {
    tx.query(LOCK_POLICIES, &[&tx.tenant_id().as_uuid()]).await.tried("lock policies").map(|_locked| ())
}

/// Stores a draft; its version. The policies must be locked.
pub(crate) async fn insert_policy(tx: &TenantTx<'_>, body: &Value, created_by: &str, now: Timestamp) -> Result<u32> {
    let params: [&(dyn ToSql + Sync); 4] = [&tx.tenant_id().as_uuid(), body, &now, &created_by];
    let row = tx.query_one(INSERT_POLICY, &params).await.tried("store a version of the policy")?;
    version(&row)
}

/// One version of the policy of the transaction's tenant.
///
/// # Errors
/// Where there is none, the database fails or the row cannot be read.
pub async fn find_policy(tx: &TenantTx<'_>, version: u32) -> Result<PolicyVersion> {
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &i64::from(version)];
    let row = tx.query_opt(FIND_POLICY, &params).await.tried("find a version of the policy")?;
    read(&row.ok_or(ConsentError::PolicyNotFound(version))?)
}

/// A page of the versions of the policy of the transaction's tenant, the newest first.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_policies(tx: &TenantTx<'_>, cursor: Option<Cursor>, limit: usize) -> Result<Page<PolicyVersion>> {
    let (after, limit, fetch) = super::page_bounds(cursor, limit);
    let before = after.map_or(i64::MAX, |after| i64::try_from(after.as_u128()).unwrap_or(i64::MAX));
    let params: [&(dyn ToSql + Sync); 3] = [&tx.tenant_id().as_uuid(), &before, &fetch];
    let rows = tx.query(LIST_POLICIES, &params).await.tried("list versions of the policy")?;
    let versions = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(Page::from_rows(versions, limit, |one| Uuid::from_u128(one.version.into())))
}

/// The version that holds at an instant; none: the built-in rules.
///
/// # Errors
/// Where the database fails or the row cannot be read.
pub async fn policy_in_force(tx: &TenantTx<'_>, now: Timestamp) -> Result<Option<PolicyVersion>> {
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &now];
    let row = tx.query_opt(FIND_POLICY_IN_FORCE, &params).await.tried("find the policy in force")?;
    row.as_ref().map(read).transpose()
}

/// The policy that holds at an instant, ready to be asked: the built-in one where the tenant has set none.
///
/// # Errors
/// As [`policy_in_force`].
pub async fn rules_in_force(tx: &TenantTx<'_>, now: Timestamp) -> Result<CompiledPolicy> {
    let in_force = policy_in_force(tx, now).await?;
    Ok(in_force.map_or_else(CompiledPolicy::built_in, |stored| CompiledPolicy::of_stored(&stored.body).0))
}

/// The same version for the engine.
///
/// # Errors
/// As [`policy_in_force`].
pub async fn find_policy_in_force(
    connection: &EngineConnection,
    tenant_id: TenantId,
    now: Timestamp,
) -> Result<Option<PolicyVersion>> {
    let params: [&(dyn ToSql + Sync); 2] = [&tenant_id.as_uuid(), &now];
    let row = connection.query_opt(FIND_POLICY_IN_FORCE, &params).await.tried("find the policy in force")?;
    row.as_ref().map(read).transpose()
}

/// Tenants with a draft whose time has come, of all tenants.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_due_policies(connection: &EngineConnection, now: Timestamp) -> Result<Vec<TenantId>> {
    let rows = connection.query(LIST_DUE_POLICIES, &[&now]).await.tried("list policies whose time has come")?;
    rows.iter().map(|row| Ok(TenantId::from_uuid(get(row, "tenant_id")?))).collect()
}

/// Ends the active version; which it was.
pub(crate) async fn retire_policy(tx: &TenantTx<'_>) -> Result<Option<u32>> {
    let row = tx.query_opt(RETIRE_POLICY, &[&tx.tenant_id().as_uuid()]).await.tried("retire the policy")?;
    row.as_ref().map(version).transpose()
}

/// Says whether a version holds, or from when on.
pub(crate) async fn update_policy_state(tx: &TenantTx<'_>, changed: &PolicyVersion) -> Result<()> {
    let (number, state) = (i64::from(changed.version), changed.state.as_i16());
    let params: [&(dyn ToSql + Sync); 4] = [&tx.tenant_id().as_uuid(), &number, &state, &changed.activates_at];
    tx.execute(UPDATE_POLICY_STATE, &params).await.tried("change the state of a policy").map(|_rows| ())
}

/// Takes back whatever was to hold later.
pub(crate) async fn withdraw_policy_plans(tx: &TenantTx<'_>) -> Result<u64> {
    tx.execute(WITHDRAW_POLICY_PLANS, &[&tx.tenant_id().as_uuid()]).await.tried("withdraw plans of the policy")
}

fn version(row: &Row) -> Result<u32> {
    u32::try_from(get::<i64>(row, "version")?).map_err(|_| ConsentError::Row { column: "version" })
}

fn read(row: &Row) -> Result<PolicyVersion> {
    Ok(PolicyVersion {
        version: version(row)?,
        state: number(row, "state", PolicyState::from_i16)?,
        body: get(row, "body")?,
        created_at: get(row, "created_at")?,
        created_by: get(row, "created_by")?,
        activates_at: get(row, "activates_at")?,
    })
}
