//! The tenant's own rules of the gate: made as drafts, put in force now or from an instant on, and never changed.
//!
//! One version is active, and at most one is to follow it. Whoever activates a version decides what holds from then on:
//! whatever was to follow before is a mere draft again. A version whose time has come holds from that instant, whether or not
//! somebody has written it down yet; [`settle_policies`] does so, and every command here begins with it.

use jiff::Timestamp;

use carepost_store::TenantTx;

use super::Desk;
use crate::policy::{GatePolicy, PolicyFault};
use crate::store::policies as store;
use crate::store::{find_policy, insert_consent_changes, policy_in_force};
use crate::types::{Activation, Actor, ChangeKind, PolicyState, PolicyVersion};
use crate::{ConsentError, FieldFault};

/// The version of a tenant's first policy.
const FIRST: u32 = 1;

/// Stores a version as a draft, which changes nothing yet.
///
/// # Errors
/// All faults of the policy, by their pointers; where the database fails.
pub async fn create_policy(desk: &Desk<'_, '_>, policy: &GatePolicy) -> Result<PolicyVersion, ConsentError> {
    create(desk.tx, policy, desk.actor, desk.now).await
}

/// Stores the first version of a new tenant, active from now on.
///
/// # Errors
/// As [`create_policy`]; `Conflict` where the tenant has a policy already.
pub async fn install_policy(
    tx: &TenantTx<'_>,
    policy: &GatePolicy,
    actor: &Actor,
    now: Timestamp,
) -> Result<PolicyVersion, ConsentError> {
    store::lock_policies(tx).await?;
    match find_policy(tx, FIRST).await {
        Err(ConsentError::PolicyNotFound(_)) => {}
        Err(error) => return Err(error),
        Ok(_) => {
            return Err(ConsentError::Conflict { tried: "install a policy", problem: "the tenant has one already" });
        }
    }
    let made = create(tx, policy, actor, now).await?;
    put_in_force(tx, made, now).await
}

/// Makes a version hold from now on, or from a later instant. To activate what is active already changes nothing, but that
/// nothing follows it any more.
///
/// # Errors
/// Where there is no such version; its faults where it cannot be used (any more); `Conflict` where it has been retired, or
/// is active and shall begin later.
pub async fn activate_policy(
    desk: &Desk<'_, '_>,
    version: u32,
    from: Option<Timestamp>,
) -> Result<Activation, ConsentError> {
    const TRIED: &str = "activate a policy";
    let Desk { tx, now, .. } = *desk;
    store::lock_policies(tx).await?;
    settle(tx, now).await?;
    let found = find_policy(tx, version).await?;
    let conflict = |problem| Err(ConsentError::Conflict { tried: TRIED, problem });
    let later = from.filter(|from| *from > now);
    match (found.state, later) {
        (PolicyState::Retired, _) => return conflict("the version was retired: make a new one of it"),
        (PolicyState::Active, Some(_)) => return conflict("the version is active already"),
        _ => {}
    }
    found.policy().map_err(invalid)?;
    store::withdraw_policy_plans(tx).await?;
    if found.state == PolicyState::Active {
        return Ok(Activation { version: found, former: None, is_news: false });
    }
    if let Some(later) = later {
        let planned = PolicyVersion { activates_at: Some(later), ..found };
        store::update_policy_state(tx, &planned).await?;
        return Ok(Activation { version: planned, former: None, is_news: false });
    }
    let former = store::retire_policy(tx).await?;
    let version = put_in_force(tx, PolicyVersion { activates_at: Some(now), ..found }, now).await?;
    Ok(Activation { version, former, is_news: true })
}

/// Writes down that a draft's time has come, with the news of it; whether there was one. May be done by several processes.
///
/// # Errors
/// Where the database fails.
pub async fn settle_policies(tx: &TenantTx<'_>, now: Timestamp) -> Result<bool, ConsentError> {
    store::lock_policies(tx).await?;
    settle(tx, now).await
}

async fn settle(tx: &TenantTx<'_>, now: Timestamp) -> Result<bool, ConsentError> {
    let Some(due) = policy_in_force(tx, now).await?.filter(|found| found.state == PolicyState::Draft) else {
        return Ok(false);
    };
    store::retire_policy(tx).await?;
    put_in_force(tx, due, now).await?;
    Ok(true)
}

async fn create(
    tx: &TenantTx<'_>,
    policy: &GatePolicy,
    actor: &Actor,
    now: Timestamp,
) -> Result<PolicyVersion, ConsentError> {
    let faults = policy.validate();
    if !faults.is_empty() {
        return Err(invalid(faults));
    }
    // Names, times and lists: nothing in a policy can fail to serialize.
    let body = serde_json::to_value(policy).map_err(|_| ConsentError::Row { column: "body" })?;
    let created_by = format!("{}:{}", actor.kind.as_str(), actor.id);
    store::lock_policies(tx).await?;
    let version = store::insert_policy(tx, &body, &created_by, now).await?;
    Ok(PolicyVersion { version, state: PolicyState::Draft, body, created_at: now, created_by, activates_at: None })
}

/// No version is active when this is called.
async fn put_in_force(
    tx: &TenantTx<'_>,
    version: PolicyVersion,
    now: Timestamp,
) -> Result<PolicyVersion, ConsentError> {
    let activates_at = version.activates_at.or(Some(now));
    let active = PolicyVersion { state: PolicyState::Active, activates_at, ..version };
    store::update_policy_state(tx, &active).await?;
    insert_consent_changes(tx, &[None], ChangeKind::Policy, now).await?;
    Ok(active)
}

fn invalid(faults: Vec<PolicyFault>) -> ConsentError {
    ConsentError::Invalid(faults.into_iter().map(|fault| FieldFault::new(fault.pointer, fault.problem)).collect())
}
