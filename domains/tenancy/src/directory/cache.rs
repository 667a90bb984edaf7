//! The maps behind the directory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use carepost_kernel::{Channel, ProviderAccountId, TenantId, WebhookEndpointId};
use dashmap::{DashMap, Entry};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::MutexGuard;

use crate::keys::TenantHandle;
use crate::types::{AccountStatus, LinkTag, Principal, ProviderAccount};

/// A SHA-256 of a key or a webhook token.
pub(super) type Hash = [u8; 32];

/// Refused keys and tokens that are remembered, so that one of them asked for in a loop costs no database work.
const REFUSED_MAX: usize = 10_000;
/// How long they are.
const REFUSED_FOR: SignedDuration = SignedDuration::from_secs(5);
/// Loads at a time: what else misses a cache queues here, and finds it filled.
const TURNS: usize = 16;

/// All caches of a process.
pub(super) struct Caches {
    /// Moves with each change; see `directory.rs`.
    generation: AtomicU64,
    turns: [tokio::sync::Mutex<()>; TURNS],
    pub(super) tenants: DashMap<TenantId, Arc<TenantHandle>>,
    pub(super) accounts: DashMap<TenantId, Arc<TenantAccounts>>,
    pub(super) keys: DashMap<Hash, Arc<CachedKey>>,
    pub(super) tokens: DashMap<Hash, (TenantId, ProviderAccountId)>,
    /// Tenants by the tag of their short links. Ids never change, so that neither do these.
    pub(super) link_tags: DashMap<LinkTag, Arc<[TenantId]>>,
    pub(super) endpoint_versions: DashMap<WebhookEndpointId, i64>,
    refused: DashMap<Hash, Timestamp>,
    polled_at: Mutex<Timestamp>,
}

/// A live key, and when it was used.
pub(super) struct CachedKey {
    pub(super) principal: Arc<Principal>,
    /// Microseconds of the last use; 0 for none.
    used_at: AtomicI64,
    /// Microseconds of the last use that was written down.
    written_at: AtomicI64,
}

impl CachedKey {
    pub(super) fn new(principal: Arc<Principal>) -> Self {
        Self { principal, used_at: AtomicI64::new(0), written_at: AtomicI64::new(0) }
    }

    pub(super) fn mark_used(&self, now: Timestamp) {
        self.used_at.store(now.as_microsecond(), Ordering::Relaxed);
    }

    /// The last use, where it is to be written down: at most one in `at_least_us`.
    pub(super) fn unwritten_use(&self, at_least_us: i64) -> Option<i64> {
        let used_at = self.used_at.load(Ordering::Relaxed);
        (used_at.saturating_sub(self.written_at.load(Ordering::Relaxed)) >= at_least_us).then_some(used_at)
    }

    pub(super) fn mark_written(&self, used_at: i64) {
        self.written_at.fetch_max(used_at, Ordering::Relaxed);
    }
}

/// All accounts of a tenant.
pub(super) struct TenantAccounts {
    by_id: HashMap<ProviderAccountId, Arc<ProviderAccount>>,
    routes: HashMap<Channel, Arc<[Arc<ProviderAccount>]>>,
}

impl TenantAccounts {
    /// Takes accounts in route order.
    pub(super) fn new(accounts: Vec<ProviderAccount>) -> Self {
        let accounts: Vec<_> = accounts.into_iter().map(Arc::new).collect();
        let route = |channel| {
            let is_routed =
                |account: &&Arc<ProviderAccount>| account.channel == channel && account.status != AccountStatus::Closed;
            (channel, accounts.iter().filter(is_routed).cloned().collect())
        };
        let routes = Channel::ALL.into_iter().map(route).collect();
        Self { by_id: accounts.into_iter().map(|account| (account.account_id, account)).collect(), routes }
    }

    pub(super) fn find(&self, account_id: ProviderAccountId) -> Option<Arc<ProviderAccount>> {
        self.by_id.get(&account_id).cloned()
    }

    pub(super) fn route(&self, channel: Channel) -> Arc<[Arc<ProviderAccount>]> {
        self.routes.get(&channel).cloned().unwrap_or_default()
    }
}

impl Caches {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            generation: AtomicU64::new(0),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
            tenants: DashMap::new(),
            accounts: DashMap::new(),
            keys: DashMap::new(),
            tokens: DashMap::new(),
            link_tags: DashMap::new(),
            endpoint_versions: DashMap::new(),
            refused: DashMap::new(),
            polled_at: Mutex::new(now),
        }
    }

    /// Waits for the turn of a key, so that a thousand callers with one miss make one load.
    pub(super) async fn turn(&self, key: &[u8]) -> MutexGuard<'_, ()> {
        let number = key.last().copied().unwrap_or_default();
        self.turns[usize::from(number) % TURNS].lock().await
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Keeps what was loaded, unless something changed since `generation`: then nothing is kept, not even what was
    /// there. Both happen under the entry's lock, so that no reader sees a value that a finished change has outdated.
    pub(super) fn fill<Key, Value>(&self, map: &DashMap<Key, Value>, key: Key, value: Value, generation: u64)
    where
        Key: Eq + std::hash::Hash,
    {
        match map.entry(key) {
            entry if self.generation() == generation => drop(entry.insert(value)),
            Entry::Occupied(entry) => drop(entry.remove()),
            Entry::Vacant(_) => {}
        }
    }

    /// To be called after a change has committed and before the caches are corrected.
    pub(super) fn advance(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn is_refused(&self, hash: &Hash, now: Timestamp) -> bool {
        self.refused.get(hash).is_some_and(|until| *until > now)
    }

    /// Remembers a refusal for a while. The map is bounded (DEL-12): at worst something is asked for again.
    pub(super) fn refuse(&self, hash: Hash, now: Timestamp) {
        if self.refused.len() >= REFUSED_MAX {
            self.refused.retain(|_, until| *until > now);
            if self.refused.len() >= REFUSED_MAX {
                self.refused.clear();
            }
        }
        self.refused.insert(hash, now.saturating_add(REFUSED_FOR).unwrap_or(Timestamp::MAX));
    }

    /// Forgets a refusal, because there is such a key or token now.
    pub(super) fn admit(&self, hash: &Hash) {
        self.refused.remove(hash);
    }

    /// Takes a key out for good.
    pub(super) fn revoke(&self, hash: Hash, now: Timestamp) -> bool {
        self.refuse(hash, now);
        self.keys.remove(&hash).is_some()
    }

    /// Takes out all keys of a tenant that was closed.
    pub(super) fn drop_keys_of(&self, tenant_id: TenantId) {
        self.keys.retain(|_, key| key.principal.tenant_id != tenant_id);
    }

    pub(super) fn polled_at(&self) -> Timestamp {
        *self.polled_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_polled_at(&self, now: Timestamp) {
        *self.polled_at.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

#[cfg(test)]
mod tests;
