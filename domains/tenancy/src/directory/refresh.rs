//! News of other processes: one statement each second, compared with what is cached.

use jiff::SignedDuration;

use super::Directory;
use crate::TenancyError;
use crate::events::TenancyEvent;
use crate::metrics::{TENANCY_CACHED_KEYS, TENANCY_CACHED_TENANTS, TENANCY_FOREIGN_CHANGES_TOTAL};
use crate::store::changes::{self, Change};

/// A change is stamped before it commits, and by its own process's clock. So each poll looks back further than the
/// last one by this much; versions tell what is new.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

impl Directory {
    /// Looks for changes that other processes made; returns how many were news. Call it once a second.
    ///
    /// # Errors
    /// Where the database is away: the caches stay as they are, and the next call looks back far enough.
    pub async fn refresh(&self) -> Result<usize, TenancyError> {
        if self.is_given() {
            return Ok(0);
        }
        let now = self.now();
        let since = self.caches().polled_at().min(now).saturating_sub(OVERLAP).unwrap_or(jiff::Timestamp::MIN);
        let changes = changes::list_changes(&self.engine().await?, since).await?;
        let mut news = 0;
        for change in changes {
            news += usize::from(self.apply(change).await);
        }
        self.caches().set_polled_at(now);
        metrics::counter!(TENANCY_FOREIGN_CHANGES_TOTAL).increment(news as u64);
        metrics::gauge!(TENANCY_CACHED_TENANTS).set(self.caches().tenants.len() as f64);
        metrics::gauge!(TENANCY_CACHED_KEYS).set(self.caches().keys.len() as f64);
        Ok(news)
    }

    /// Whether it was news. What is not cached needs no correction.
    async fn apply(&self, change: Change) -> bool {
        match change {
            Change::Tenant { tenant_id, version, is_closed } => {
                if is_closed {
                    // Its keys may be cached although the tenant is not.
                    self.tenant_closed(tenant_id);
                }
                let is_news = self.cached_tenant(tenant_id).is_some_and(|handle| handle.tenant.version != version);
                if is_news {
                    self.tenant_changed(tenant_id).await;
                }
                is_news
            }
            Change::Account { tenant_id, account_id, version } => {
                let is_news = self
                    .cached_account_set(tenant_id)
                    .is_some_and(|accounts| accounts.find(account_id).is_none_or(|account| account.version != version));
                if is_news {
                    self.account_changed(tenant_id, account_id).await;
                }
                is_news
            }
            Change::KeyCreated { key_hash } => {
                self.key_created(&key_hash);
                false
            }
            Change::KeyRevoked { tenant_id, api_key_id, key_hash } => {
                let is_news = self.caches().keys.contains_key(&key_hash) && self.key_revoked(key_hash);
                if is_news {
                    self.tell(TenancyEvent::ApiKeyRevoked { tenant_id, api_key_id });
                }
                is_news
            }
            Change::Endpoint { tenant_id, webhook_endpoint_id, version } => {
                let is_news = self.endpoint_changed(webhook_endpoint_id, version);
                if is_news {
                    self.tell(TenancyEvent::WebhookEndpointChanged { tenant_id, webhook_endpoint_id });
                }
                is_news
            }
        }
    }

    /// Notes the version of an endpoint; false where it is the one that is known.
    pub(crate) fn endpoint_changed(
        &self,
        webhook_endpoint_id: carepost_kernel::WebhookEndpointId,
        version: i64,
    ) -> bool {
        self.caches().endpoint_versions.insert(webhook_endpoint_id, version) != Some(version)
    }

    pub(crate) fn endpoint_removed(&self, webhook_endpoint_id: carepost_kernel::WebhookEndpointId) {
        self.caches().endpoint_versions.remove(&webhook_endpoint_id);
    }
}
