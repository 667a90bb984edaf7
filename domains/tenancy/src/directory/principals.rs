//! Who calls: from the text of a key to whom it stands for.

use std::sync::Arc;

use carepost_kernel::TenantId;
use jiff::Timestamp;

use super::Directory;
use super::cache::{CachedKey, Hash};
use crate::TenancyError;
use crate::metrics::{TENANCY_AUTHENTICATIONS_TOTAL, TENANCY_LOADS_TOTAL};
use crate::rules::key_text;
use crate::store::api_keys::{self, KeyUses};
use crate::types::Principal;

/// A key's last use is written down once a minute.
const WRITE_USES_EVERY_US: i64 = 60_000_000;

impl Directory {
    /// Whom a presented key stands for. A cached key needs no database.
    ///
    /// # Errors
    /// [`TenancyError::Unauthenticated`] for a key that is malformed, unknown, revoked, expired or of a closed tenant;
    /// of kind `Unavailable` where the key is not cached and the database is away (TEN-5).
    pub async fn authenticate(&self, presented: &str) -> Result<Arc<Principal>, TenancyError> {
        let (result, authenticated) = self.authenticate_counted(presented).await;
        metrics::counter!(TENANCY_AUTHENTICATIONS_TOTAL, "result" => result).increment(1);
        authenticated
    }

    async fn authenticate_counted(&self, presented: &str) -> (&'static str, Result<Arc<Principal>, TenancyError>) {
        const REFUSED: &str = "refused";
        if !key_text::is_key(presented) {
            return (REFUSED, Err(TenancyError::Unauthenticated));
        }
        let hash = key_text::hash(presented);
        if let Some(known) = self.known_key(&hash) {
            return (if known.is_ok() { "cached" } else { REFUSED }, known);
        }
        let _turn = self.caches().turn(&hash).await;
        // Whoever had the turn before may have loaded it.
        if let Some(known) = self.known_key(&hash) {
            return (if known.is_ok() { "cached" } else { REFUSED }, known);
        }
        match self.load_key(hash).await {
            Ok(principal) => ("loaded", Ok(principal)),
            Err(TenancyError::Unauthenticated) => (REFUSED, Err(TenancyError::Unauthenticated)),
            Err(error) => ("unavailable", Err(error)),
        }
    }

    /// Whom a presented key stands for, if that is known without the database.
    #[must_use]
    pub fn cached_principal(&self, presented: &str) -> Option<Arc<Principal>> {
        self.known_key(&key_text::hash(presented)).and_then(Result::ok)
    }

    fn known_key(&self, hash: &Hash) -> Option<Result<Arc<Principal>, TenancyError>> {
        let now = self.now();
        let cached = self.caches().keys.get(hash).map(|entry| Arc::clone(&entry));
        let Some(key) = cached else {
            return self.caches().is_refused(hash, now).then_some(Err(TenancyError::Unauthenticated));
        };
        if is_expired(&key.principal, now) {
            self.caches().revoke(*hash, now);
            return Some(Err(TenancyError::Unauthenticated));
        }
        key.mark_used(now);
        Some(Ok(Arc::clone(&key.principal)))
    }

    async fn load_key(&self, hash: Hash) -> Result<Arc<Principal>, TenancyError> {
        metrics::counter!(TENANCY_LOADS_TOTAL, "what" => "key").increment(1);
        let generation = self.caches().generation();
        let found = api_keys::find_principal(&self.engine().await?, &hash).await?;
        let now = self.now();
        let Some(principal) = found.filter(|principal| !is_expired(principal, now)) else {
            self.caches().refuse(hash, now);
            return Err(TenancyError::Unauthenticated);
        };
        let principal = Arc::new(principal);
        let key = CachedKey::new(Arc::clone(&principal));
        key.mark_used(now);
        self.caches().fill(&self.caches().keys, hash, Arc::new(key), generation);
        Ok(principal)
    }

    /// Writes down when keys were last used, at most once a minute for each; returns how many.
    ///
    /// # Errors
    /// Where the database is away: the uses are kept for the next call.
    pub async fn flush_key_uses(&self) -> Result<u64, TenancyError> {
        let mut uses = KeyUses::default();
        let mut written = Vec::new();
        for entry in &self.caches().keys {
            let Some(used_at_us) = entry.unwritten_use(WRITE_USES_EVERY_US) else { continue };
            let Ok(used_at) = Timestamp::from_microsecond(used_at_us) else { continue };
            uses.tenant_ids.push(entry.principal.tenant_id.as_uuid());
            uses.api_key_ids.push(entry.principal.api_key_id.as_uuid());
            uses.used_at.push(used_at);
            written.push((Arc::clone(&entry), used_at_us));
        }
        if written.is_empty() {
            return Ok(0);
        }
        let count = api_keys::touch_api_keys(&self.engine().await?, &uses).await?;
        for (key, used_at_us) in written {
            key.mark_written(used_at_us);
        }
        Ok(count)
    }

    /// Makes a key open nothing here, before the command that revoked it returns (TEN-4).
    pub(crate) fn key_revoked(&self, hash: Hash) -> bool {
        self.caches().advance();
        self.caches().revoke(hash, self.now())
    }

    /// Lets a new key in, whatever was asked for before.
    pub(crate) fn key_created(&self, hash: &Hash) {
        self.caches().admit(hash);
    }

    pub(crate) fn tenant_closed(&self, tenant_id: TenantId) {
        self.caches().advance();
        self.caches().drop_keys_of(tenant_id);
    }
}

fn is_expired(principal: &Principal, now: Timestamp) -> bool {
    principal.expires_at.is_some_and(|expires_at| expires_at <= now)
}
