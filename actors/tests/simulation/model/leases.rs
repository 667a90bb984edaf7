//! Leases and instances, as `store/src/sql/*_leases.sql` and its neighbours do it.

use std::collections::BTreeSet;

use carepost_kernel::{InstanceId, TenantId};
use carepost_store::{Lease, Peer};
use jiff::Timestamp;

use super::{InstanceRow, LeaseRow, Tables};

impl Tables {
    pub(crate) fn claim(
        &mut self,
        owner: InstanceId,
        tenants: &[TenantId],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Vec<Lease> {
        let wanted: BTreeSet<TenantId> = tenants.iter().copied().collect();
        let mut claimed = Vec::new();
        for tenant_id in wanted {
            let epoch = match self.leases.get(&tenant_id) {
                None => 1,
                Some(lease) if lease.owner == Some(owner) => lease.epoch,
                Some(lease) => {
                    let is_owned = lease.owner.is_some_and(|owner| self.alive.contains(&owner));
                    if is_owned && lease.expires_at > now {
                        continue;
                    }
                    lease.epoch + 1
                }
            };
            self.leases.insert(tenant_id, LeaseRow { owner: Some(owner), epoch, expires_at });
            claimed.push(Lease { tenant_id, epoch });
        }
        claimed
    }

    pub(crate) fn renew(&mut self, owner: InstanceId, believed: &[TenantId], expires_at: Timestamp) -> Vec<Lease> {
        let mut renewed = Vec::new();
        for tenant_id in believed {
            if let Some(lease) = self.leases.get_mut(tenant_id).filter(|lease| lease.owner == Some(owner)) {
                lease.expires_at = expires_at;
                renewed.push(Lease { tenant_id: *tenant_id, epoch: lease.epoch });
            }
        }
        renewed
    }

    pub(crate) fn release(&mut self, owner: InstanceId, tenants: &[TenantId]) {
        for tenant_id in tenants {
            if let Some(lease) = self.leases.get_mut(tenant_id).filter(|lease| lease.owner == Some(owner)) {
                lease.owner = None;
            }
        }
    }

    pub(crate) fn announce(&mut self, instance: InstanceId, address: &str, is_leaving: bool, now: Timestamp) {
        let was_leaving = self.instances.get(&instance).is_some_and(|row| row.is_leaving);
        let is_leaving = is_leaving || was_leaving;
        self.instances.insert(instance, InstanceRow { address: address.to_owned(), is_leaving, seen_at: now });
    }

    pub(crate) fn list_peers(&self, seen_after: Timestamp) -> Vec<Peer> {
        let is_there =
            |(instance, row): &(&InstanceId, &InstanceRow)| row.seen_at > seen_after && self.alive.contains(*instance);
        self.instances.iter().filter(is_there).map(|(instance, row)| peer(*instance, row)).collect()
    }

    pub(crate) fn find_owner(&self, tenant_id: TenantId, now: Timestamp) -> Option<Peer> {
        let owner = self.leases.get(&tenant_id).filter(|lease| lease.expires_at > now)?.owner?;
        let row = self.instances.get(&owner).filter(|_| self.alive.contains(&owner))?;
        Some(peer(owner, row))
    }
}

fn peer(instance: InstanceId, row: &InstanceRow) -> Peer {
    Peer { instance, address: row.address.clone(), is_leaving: row.is_leaving }
}
