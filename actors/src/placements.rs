//! The placements that this process has open, and where providers come from: what `compose` hands to the actors.

use std::sync::Arc;

use async_trait::async_trait;
use dashmap::DashMap;

use carepost_kernel::PlacementId;
use carepost_providers::{ConfigError, Provider};
use carepost_store::Placement;
use carepost_tenancy::ProviderAccount;

/// The open placements. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Placements(Arc<DashMap<PlacementId, Placement>>);

impl Placements {
    /// Adds one, or puts a new one in its place.
    pub fn insert(&self, placement: Placement) {
        self.0.insert(placement.id(), placement);
    }

    /// The one of this id, if it is open.
    #[must_use]
    pub fn get(&self, placement_id: PlacementId) -> Option<Placement> {
        self.0.get(&placement_id).map(|found| found.clone())
    }

    /// All of them.
    #[must_use]
    pub fn list(&self) -> Vec<Placement> {
        self.0.iter().map(|found| found.clone()).collect()
    }
}

/// Makes a provider of an account: opens its credentials, or points it at a simulator.
#[async_trait]
pub trait ProviderSource: Send + Sync {
    /// The provider of an account, ready to use.
    ///
    /// # Errors
    /// Where the account's configuration does not hold up.
    async fn provider(&self, account: &Arc<ProviderAccount>) -> Result<Arc<dyn Provider>, ConfigError>;
}
