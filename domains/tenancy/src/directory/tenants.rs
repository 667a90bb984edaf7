//! Tenants with their keys, and placements.

use std::sync::Arc;

use carepost_kernel::{Chain, Cursor, Page, PlacementId, TenantId};

use super::Directory;
use crate::TenancyError;
use crate::events::TenancyEvent;
use crate::keys::TenantHandle;
use crate::metrics::TENANCY_LOADS_TOTAL;
use crate::store::tenants;
use crate::types::{PlacementRecord, Tenant, TenantStatus};

impl Directory {
    /// A tenant with the keys to its data, whatever its status.
    ///
    /// # Errors
    /// [`TenancyError::TenantNotFound`]; of kind `Unavailable` where it is not cached and the database is away;
    /// [`TenancyError::MasterKeyMissing`] where its keys cannot be unwrapped.
    pub async fn tenant(&self, tenant_id: TenantId) -> Result<Arc<TenantHandle>, TenancyError> {
        if let Some(handle) = self.cached_tenant(tenant_id) {
            return Ok(handle);
        }
        let _turn = self.caches().turn(tenant_id.as_uuid().as_bytes()).await;
        match self.cached_tenant(tenant_id) {
            Some(handle) => Ok(handle),
            None => self.load_tenant(tenant_id).await,
        }
    }

    /// A tenant, if it is known without the database.
    #[must_use]
    pub fn cached_tenant(&self, tenant_id: TenantId) -> Option<Arc<TenantHandle>> {
        self.caches().tenants.get(&tenant_id).map(|entry| Arc::clone(&entry))
    }

    /// Where a tenant's rows live.
    ///
    /// # Errors
    /// As [`Self::tenant`].
    pub async fn placement_of(&self, tenant_id: TenantId) -> Result<PlacementId, TenancyError> {
        Ok(self.tenant(tenant_id).await?.tenant.placement_id)
    }

    /// All placements, for whoever opens them. Not cached.
    ///
    /// # Errors
    /// Where the database is away or an address does not open under any master key.
    pub async fn placements(&self) -> Result<Vec<PlacementRecord>, TenancyError> {
        tenants::list_placements(&self.engine().await?, self.master_keys()).await
    }

    /// One placement, for whoever opens it. Not cached.
    ///
    /// # Errors
    /// [`TenancyError::PlacementNotFound`], or as [`Self::placements`].
    pub async fn placement(&self, placement_id: PlacementId) -> Result<PlacementRecord, TenancyError> {
        let mut placements = self.placements().await?.into_iter();
        placements
            .find(|placement| placement.placement_id == placement_id)
            .ok_or(TenancyError::PlacementNotFound(placement_id))
    }

    /// One page of all tenants, the oldest first: for administrators of the deployment.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn list_tenants(&self, cursor: Option<Cursor>, limit: usize) -> Result<Page<Tenant>, TenancyError> {
        tenants::list_tenants(&self.engine().await?, cursor, limit).await
    }

    /// A tenant by its short name: for administrators of the deployment.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn find_tenant_by_slug(&self, slug: &str) -> Result<Option<Tenant>, TenancyError> {
        tenants::find_tenant_by_slug(&self.engine().await?, slug).await
    }

    async fn load_tenant(&self, tenant_id: TenantId) -> Result<Arc<TenantHandle>, TenancyError> {
        metrics::counter!(TENANCY_LOADS_TOTAL, "what" => "tenant").increment(1);
        let generation = self.caches().generation();
        let engine = self.engine().await?;
        let tenant = tenants::find_tenant(&engine, tenant_id).await?;
        let tenant = tenant.ok_or(TenancyError::TenantNotFound(tenant_id))?;
        let keys = tenants::list_tenant_keys(&engine, tenant_id, self.master_keys()).await?;
        let handle = TenantHandle::new(tenant, keys)
            .ok_or(TenancyError::Row { table: "tenant_keys", column: "key_version" })
            .map(Arc::new)?;
        self.caches().fill(&self.caches().tenants, tenant_id, Arc::clone(&handle), generation);
        Ok(handle)
    }

    /// Brings a changed tenant into the cache and tells. A failed load leaves it to the next reader.
    pub(crate) async fn tenant_changed(&self, tenant_id: TenantId) {
        self.caches().advance();
        match self.load_tenant(tenant_id).await {
            Ok(handle) if handle.tenant.status == TenantStatus::Closed => self.tenant_closed(tenant_id),
            Ok(_) => {}
            Err(error) => {
                self.caches().tenants.remove(&tenant_id);
                tracing::warn!(tenant.id = %tenant_id, error = %Chain(&error), "could not read a changed tenant at once");
            }
        }
        self.tell(TenancyEvent::TenantChanged(tenant_id));
    }
}
