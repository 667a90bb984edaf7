//! DEL-10: one owner for each tenant, fenced.
//!
//! # What a lease is
//! A row `(tenant, owner, epoch, expires_at)`. The epoch grows with each change of owner and never falls. An instance
//! also holds, on a connection of its own, a session-level advisory lock that names it: PostgreSQL drops the lock with
//! the connection, so a killed process is seen as dead at once and not only when its leases run out.
//! A lease can be claimed when it is free, ours, run out, or its owner holds no such lock.
//!
//! # Why a former owner cannot write
//! Each schema has a gate, an advisory lock for the length of a transaction.
//! 1. A claim takes the gate alone before it changes an owner, and keeps it until its commit.
//! 2. A batch writer first takes the gate shared and then, in a later statement, reads the leases of its tenants
//!    ([`fence`]); it keeps the gate until its own commit.
//! 3. PostgreSQL lets go of a transaction's locks only after the transaction can be seen by new snapshots, and at READ
//!    COMMITTED each statement takes a new snapshot. So the reading of step 2 sees every claim that held the gate
//!    before, and no claim can come between that reading and the writer's commit.
//!
//! Hence a write either commits before the new owner's claim does, and the new owner reads it, or it is refused.
//! Nothing here leans on clocks: an `expires_at` that is judged by a wrong clock costs a take-over, never a double write.
//! Renewing and releasing change no owner to somebody else, so they need no gate.
//!
//! The liveness lock is shared, not exclusive: after a broken connection the instance takes it again while
//! PostgreSQL may not have noticed the break yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carepost_kernel::{InstanceId, TenantId};
use deadpool_postgres::ClientWrapper;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::database::Role;
use crate::transaction::execute;
use crate::{EngineTx, Placement, StoreError, metrics};

const LOCK_INSTANCE: &str = include_str!("sql/lock_instance.sql");
const LOCK_GATE: &str = include_str!("sql/lock_gate.sql");
const SHARE_GATE: &str = include_str!("sql/share_gate.sql");
const CLAIM_LEASES: &str = include_str!("sql/claim_leases.sql");
const RENEW_LEASES: &str = include_str!("sql/renew_leases.sql");
const RELEASE_LEASES: &str = include_str!("sql/release_leases.sql");
const LIST_REFUSED: &str = include_str!("sql/list_refused_tenants.sql");

/// The right to be a tenant's one writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease {
    /// Whose rows.
    pub tenant_id: TenantId,
    /// Which tenure; written down by whoever writes, checked by [`fence`].
    pub epoch: i64,
}

/// The leases of one instance in one placement. Dropped, it counts as dead, and its tenants can be claimed at once.
pub struct Leases {
    placement: Placement,
    instance: InstanceId,
    held: Mutex<BTreeMap<TenantId, i64>>,
    liveness: tokio::sync::Mutex<ClientWrapper>,
}

impl Leases {
    /// Shows the instance as alive. It holds nothing yet.
    ///
    /// # Errors
    /// Where the database is away or refuses.
    pub async fn start(placement: &Placement, instance: InstanceId) -> Result<Self, StoreError> {
        let liveness = tokio::sync::Mutex::new(show_life(placement, instance).await?);
        Ok(Self { placement: placement.clone(), instance, held: Mutex::default(), liveness })
    }

    /// Who holds these leases.
    #[must_use]
    pub const fn instance(&self) -> InstanceId {
        self.instance
    }

    pub(crate) const fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Takes what can be taken of these tenants, until `now + ttl`; what somebody else holds is left out of the answer.
    ///
    /// # Errors
    /// Where the database is away; nothing is held then that was not held before.
    pub async fn claim(&self, tenants: &[TenantId], now: Timestamp, ttl: Duration) -> Result<Vec<Lease>, StoreError> {
        self.stay_alive().await?;
        let mut connection = self.placement.engine().await?;
        let tx = connection.begin().await?;
        let (owner, wanted, expires_at) = (self.instance.as_uuid(), uuids(tenants), end_of(now, ttl));
        let rows = tx.in_order((LOCK_GATE, &[]), (CLAIM_LEASES, &[&wanted, &owner, &now, &expires_at])).await?;
        tx.commit().await?;
        let claimed = rows.iter().map(lease).collect::<Result<Vec<_>, _>>()?;
        self.change(|held| held.extend(claimed.iter().map(|lease| (lease.tenant_id, lease.epoch))));
        Ok(claimed)
    }

    /// Moves the end of all our leases to `now + ttl`; returns the tenants that we lost since the last time. One whose
    /// release did not reach the database is not renewed, and runs out.
    ///
    /// # Errors
    /// Where the database is away: then nothing is known, and whoever waits longer than `ttl` should stop working.
    pub async fn renew_all(&self, now: Timestamp, ttl: Duration) -> Result<Vec<TenantId>, StoreError> {
        self.stay_alive().await?;
        let before = self.held().clone();
        let believed: Vec<Uuid> = before.keys().map(|tenant| tenant.as_uuid()).collect();
        let connection = self.placement.engine().await?;
        let rows = connection.query(RENEW_LEASES, &[&self.instance.as_uuid(), &end_of(now, ttl), &believed]).await?;
        let ours = rows.iter().map(lease).collect::<Result<BTreeSet<_>, _>>()?;
        let is_ours = |(tenant_id, epoch): (TenantId, i64)| ours.contains(&Lease { tenant_id, epoch });
        let missing = before.into_iter().filter(|entry| !is_ours(*entry));
        // A claim or a release that ran meanwhile has changed the map: only an unchanged entry can be lost.
        let lost: Vec<TenantId> = self.change(|held| {
            let mut take = |(tenant, epoch)| (held.get(&tenant) == Some(&epoch)).then(|| held.remove(&tenant));
            missing.filter_map(|entry| take(entry).map(|_| entry.0)).collect()
        });
        metrics::record_leases_lost(lost.len());
        Ok(lost)
    }

    /// Gives tenants back; anybody may claim them at once, and writes under the old epoch are refused.
    ///
    /// # Errors
    /// Where the database is away; the leases then run out by themselves.
    pub async fn release(&self, tenants: &[TenantId]) -> Result<(), StoreError> {
        let given: BTreeSet<&TenantId> = tenants.iter().collect();
        self.change(|held| held.retain(|tenant, _| !given.contains(tenant)));
        let connection = self.placement.engine().await?;
        connection.execute(RELEASE_LEASES, &[&self.instance.as_uuid(), &uuids(tenants)]).await?;
        Ok(())
    }

    /// Gives everything back: the clean stop, after which others need not wait.
    ///
    /// # Errors
    /// As [`Self::release`].
    pub async fn release_all(&self) -> Result<(), StoreError> {
        let tenants: Vec<TenantId> = self.held().keys().copied().collect();
        self.release(&tenants).await
    }

    /// Everything that we hold, as far as we know.
    #[must_use]
    pub fn list(&self) -> Vec<Lease> {
        self.held().iter().map(|(tenant_id, epoch)| Lease { tenant_id: *tenant_id, epoch: *epoch }).collect()
    }

    /// Our tenure of a tenant, as far as we know; `None` where it is not ours.
    #[must_use]
    pub fn epoch(&self, tenant: TenantId) -> Option<i64> {
        self.held().get(&tenant).copied()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<TenantId, i64>> {
        // A poisoned lock still holds a whole map: no code between lock and unlock stops half-way.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<TenantId, i64>) -> T) -> T {
        let mut held = self.held();
        let before = held.len();
        let answer = change(&mut held);
        metrics::record_leases_held(before, held.len());
        answer
    }

    /// Shows life again after the connection broke, for example because PostgreSQL was restarted.
    async fn stay_alive(&self) -> Result<(), StoreError> {
        let mut liveness = self.liveness.lock().await;
        if liveness.is_closed() {
            *liveness = show_life(&self.placement, self.instance).await?;
        }
        Ok(())
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        metrics::record_leases_held(self.held().len(), 0);
    }
}

impl std::fmt::Debug for Leases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Leases({} holds {})", self.instance, self.held().len())
    }
}

/// The first thing that a batch writer does in its transaction: shuts claims out until it commits, and names the
/// tenants of `held` (with the epoch of each row to be written) that `owner` may not write any more.
///
/// One round trip. Keep the transaction short: a claim waits for it, and later batches wait for the claim.
/// The writer leaves the refused tenants' rows out and tells their waiters.
///
/// # Errors
/// Where the connection fails; the transaction can then only be dropped.
pub async fn fence(
    tx: &EngineTx<'_>,
    owner: InstanceId,
    held: &[(TenantId, i64)],
) -> Result<Vec<TenantId>, StoreError> {
    let tenants: Vec<Uuid> = held.iter().map(|(tenant, _)| tenant.as_uuid()).collect();
    let epochs: Vec<i64> = held.iter().map(|(_, epoch)| *epoch).collect();
    let rows = tx.in_order((SHARE_GATE, &[]), (LIST_REFUSED, &[&tenants, &epochs, &owner.as_uuid()])).await?;
    let refused = rows.iter().map(tenant_id).collect::<Result<Vec<_>, _>>()?;
    metrics::record_fence_refusals(refused.len());
    Ok(refused)
}

async fn show_life(placement: &Placement, instance: InstanceId) -> Result<ClientWrapper, StoreError> {
    let connection = placement.dedicated(Role::Engine).await?;
    execute(&connection, LOCK_INSTANCE, &[&instance.as_uuid()]).await?;
    Ok(connection)
}

fn end_of(now: Timestamp, ttl: Duration) -> Timestamp {
    let ttl = SignedDuration::try_from(ttl).unwrap_or(SignedDuration::MAX);
    now.saturating_add(ttl).unwrap_or(Timestamp::MAX)
}

fn uuids(tenants: &[TenantId]) -> Vec<Uuid> {
    tenants.iter().map(|tenant| tenant.as_uuid()).collect()
}

fn tenant_id(row: &Row) -> Result<TenantId, StoreError> {
    Ok(TenantId::from_uuid(row.try_get("tenant_id")?))
}

fn lease(row: &Row) -> Result<Lease, StoreError> {
    Ok(Lease { tenant_id: tenant_id(row)?, epoch: row.try_get("epoch")? })
}
