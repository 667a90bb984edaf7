//! From the first bytes of a short link's token to the tenant whose link it is.

use std::sync::Arc;

use carepost_kernel::TenantId;

use super::Directory;
use crate::TenancyError;
use crate::metrics::TENANCY_LOADS_TOTAL;
use crate::rules::key_text;
use crate::store::tenants;
use crate::types::LinkTag;

impl Directory {
    /// The tenants with this tag: none, one, or in the course of ages two. Closed ones are among them.
    ///
    /// # Errors
    /// Of kind `Unavailable` where they are not cached and the database is away.
    pub async fn tenants_by_link_tag(&self, tag: LinkTag) -> Result<Arc<[TenantId]>, TenancyError> {
        if let Some(found) = self.caches().link_tags.get(&tag) {
            return Ok(Arc::clone(&found));
        }
        if self.is_given() {
            let known = self.caches().tenants.iter().map(|entry| *entry.key());
            return Ok(known.filter(|tenant_id| LinkTag::of(*tenant_id) == tag).collect());
        }
        let hash = key_text::hash(&format!("link tag {}", hex::encode(tag.as_bytes())));
        let _turn = self.caches().turn(&hash).await;
        if self.caches().is_refused(&hash, self.now()) {
            return Ok(Arc::default());
        }
        metrics::counter!(TENANCY_LOADS_TOTAL, "what" => "link_tag").increment(1);
        let found: Arc<[TenantId]> = tenants::list_tenants_by_link_tag(&self.engine().await?, tag).await?.into();
        if found.is_empty() {
            self.caches().refuse(hash, self.now());
        } else {
            // No more entries than there are tenants: strangers cannot fill it (DEL-12).
            self.caches().link_tags.insert(tag, Arc::clone(&found));
        }
        Ok(found)
    }
}
