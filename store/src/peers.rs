//! The processes that work on one placement, and where they are reached (DEL-10). The lease says whose a tenant is; this
//! says how to get there.

use std::time::Duration;

use carepost_kernel::{InstanceId, TenantId};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{Leases, StoreError};

const ANNOUNCE_INSTANCE: &str = include_str!("sql/announce_instance.sql");
const LIST_INSTANCES: &str = include_str!("sql/list_instances.sql");
const FIND_OWNER: &str = include_str!("sql/find_owner.sql");

/// Rows of instances that were not seen for so long are forgotten.
const FORGET_AFTER: Duration = Duration::from_hours(24);

/// A process that is alive: its liveness lock is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Which one.
    pub instance: InstanceId,
    /// Base address of its API, as other processes reach it.
    pub address: String,
    /// It is stopping: nobody should give it tenants.
    pub is_leaving: bool,
}

impl Leases {
    /// Tells the others where we are reached, and whether we are about to leave.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn announce(&self, address: &str, is_leaving: bool) -> Result<(), StoreError> {
        let connection = self.placement().engine().await?;
        let us = self.instance().as_uuid();
        connection.execute(ANNOUNCE_INSTANCE, &[&us, &address, &is_leaving, &FORGET_AFTER.as_secs_f64()]).await?;
        Ok(())
    }

    /// Everybody who is alive and was seen no longer ago than this, ourselves included, in one order for all.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn list_peers(&self, seen_within: Duration) -> Result<Vec<Peer>, StoreError> {
        let connection = self.placement().engine().await?;
        connection.query(LIST_INSTANCES, &[&seen_within.as_secs_f64()]).await?.iter().map(peer).collect()
    }

    /// Who works for a tenant and is alive, if anybody is.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn find_owner(&self, tenant: TenantId, now: Timestamp) -> Result<Option<Peer>, StoreError> {
        let connection = self.placement().engine().await?;
        connection.query_opt(FIND_OWNER, &[&tenant.as_uuid(), &now]).await?.as_ref().map(peer).transpose()
    }
}

fn peer(row: &Row) -> Result<Peer, StoreError> {
    Ok(Peer {
        instance: InstanceId::from_uuid(row.try_get("instance_id")?),
        address: row.try_get("address")?,
        is_leaving: row.try_get("is_leaving")?,
    })
}
