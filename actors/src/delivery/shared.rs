//! What the actors of one process share: look-ups in `dashmap`s, the time, and the ways to each other.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use jiff::Timestamp;
use tokio::time::Instant;

use carepost_consent::types::{AddressKey, ContactFacts};
use carepost_delivery::DeliveryError;
use carepost_delivery::gate::Rulebook;
use carepost_delivery::types::DeliveryKey;
use carepost_kernel::{Chain, Channel, Clock, Dice, InstanceId, PlacementId, ProviderAccountId, TenantId};
use carepost_store::Peer;
use carepost_tenancy::{Directory, TenantHandle};

use crate::campaigns::CampaignsActor;
use crate::engine::{EngineError, Seat};
use crate::journal::{Journal, JournalSource, LeaseBook};
use crate::keeper::{Arbiters, Handle};
use crate::placements::ProviderSource;
use crate::root::Tuning;
use crate::tree::Tree;

use super::channel::{ChannelActor, StateChanged};
use super::floor::DueFloor;
use super::hub::EventHub;
use super::ingest::IngestActor;
use super::lane::Lanes;
use super::ledger::LedgerActor;
use super::provider::ProviderActor;
use super::tenant::TenantActor;
use super::turns::Turns;

/// Everything that outlives a single actor.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) dice: Dice,
    pub(crate) instance: InstanceId,
    pub(crate) directory: Directory,
    pub(crate) journals: Arc<dyn JournalSource>,
    pub(crate) providers: Arc<dyn ProviderSource>,
    pub(crate) tuning: Tuning,
    pub(crate) tree: Tree,
    pub(crate) arbiters: Arbiters,
    pub(crate) hub: EventHub,
    pub(crate) lanes: Lanes,
    /// Bytes of payload in the windows of all channels.
    pub(crate) window_bytes: Arc<super::channel::ByteBudget>,
    /// The batch writers and leases of each open placement.
    pub(crate) writers: DashMap<PlacementId, Arc<Writers>>,
    /// Live tenants.
    pub(crate) tenants: DashMap<TenantId, Arc<LiveTenant>>,
    /// Live provider accounts.
    pub(crate) accounts: DashMap<ProviderAccountId, Handle<ProviderActor>>,
    /// Deliveries that calls of this process are under way for, and how many: a channel that was rebuilt may ask for a
    /// call that its predecessor has set going, and the ledger lets one of them start.
    pub(crate) calling: DashMap<DeliveryKey, u32>,
    /// Starts of attempts that may or may not be written down.
    pub(crate) uncertain: super::uncertain::Uncertain,
    /// Webhook endpoints whose task is to panic.
    #[cfg(feature = "fault-injection")]
    pub(crate) doomed: DashMap<carepost_kernel::WebhookEndpointId, ()>,
    /// Where other processes reach this one.
    pub(crate) peer_address: String,
    /// Our address as recipients see it: links lead there.
    pub(crate) public_url: url::Url,
    /// Tenants are being handed over to other processes.
    pub(crate) leaving: AtomicBool,
    /// No new work is taken in.
    pub(crate) draining: AtomicBool,
    /// One activation or retirement of a tenant at a time, so that it is never live twice.
    pub(crate) activation: Turns<TenantId>,
    /// Where tenants of other processes were seen of late, and when.
    pub(crate) seats: DashMap<TenantId, (Instant, Seat)>,
    /// One look for a tenant at a time.
    pub(crate) seating: Turns<TenantId>,
    /// A placement is opened by one at a time.
    pub(crate) opening: Turns<PlacementId>,
}

/// The batch writers of a placement.
pub(crate) struct Writers {
    pub(crate) placement_id: PlacementId,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) leases: Arc<dyn LeaseBook>,
    /// Where looks for due deliveries begin.
    pub(crate) due_floor: DueFloor,
    /// What of the changes to consent was seen already.
    pub(crate) consent_news: super::news::Seen,
    /// Who is alive, as of the last look.
    pub(crate) known_peers: Mutex<Arc<[Peer]>>,
    /// The same, as somebody needed to know it last, and when that was.
    pub(crate) recent_peers: Mutex<Option<(Instant, Arc<[Peer]>)>>,
    pub(crate) ingest: Handle<IngestActor>,
    pub(crate) ledger: Handle<LedgerActor>,
    /// One batch of the ledger at a time, whichever incarnation has begun it.
    pub(crate) ledger_turn: tokio::sync::Mutex<()>,
}

/// A tenant that this process owns and works for.
pub(crate) struct LiveTenant {
    pub(crate) tenant_id: TenantId,
    pub(crate) writers: Arc<Writers>,
    pub(crate) actor: Handle<TenantActor>,
    pub(crate) channels: DashMap<Channel, Handle<ChannelActor>>,
    /// Deliveries that are due, or about to be, and not yet with a provider, as far as this process knows.
    pub(crate) waiting: AtomicI64,
    /// When they are counted again.
    pub(crate) counted: Mutex<Option<Instant>>,
    /// What is to be looked at again, because something has changed.
    pub(crate) reconsidering: super::news::Reconsidering,
    /// What its gate knows.
    pub(crate) book: Arc<super::book::FactsBook>,
    /// The tenant's own sending limit, over all channels.
    pub(crate) send_limit: super::lane::SendLimit,
    /// Memory of keys in flight and of late, for coalescing (DEL-2).
    pub(crate) keys: Arc<super::tenant::KeyMemory>,
    /// Its bulk sends, where there are any to work on.
    pub(crate) campaigns: Mutex<Option<Handle<CampaignsActor>>>,
    /// It goes to another process: no more calls are made for it here.
    pub(crate) handing_over: AtomicBool,
    /// It could not move a while ago, and stays until then.
    pub(crate) stays_until: Mutex<Option<Instant>>,
    /// It has retired, or another incarnation has taken its place: whatever still holds on to it may not work.
    pub(crate) over: AtomicBool,
}

impl Shared {
    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// No new work is taken in.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Tenants are being handed over to other processes.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Somebody else works on this placement, and is going to stay.
    pub(crate) fn has_others(&self, writers: &Writers) -> bool {
        writers.peers().iter().any(|peer| peer.instance != self.instance && !peer.is_leaving)
    }

    /// The tenant, if this process works for it. An entry whose lease is gone counts for nothing.
    pub(crate) fn live(&self, tenant_id: TenantId) -> Option<Arc<LiveTenant>> {
        let found = self.tenants.get(&tenant_id).map(|found| Arc::clone(&found))?;
        found.epoch().is_some().then_some(found)
    }

    /// The writers of all open placements, in one order.
    pub(crate) fn all_writers(&self) -> Vec<Arc<Writers>> {
        let mut all: Vec<Arc<Writers>> = self.writers.iter().map(|found| Arc::clone(&found)).collect();
        all.sort_unstable_by_key(|writers| writers.placement_id);
        all
    }

    /// The tenants of a placement that this process has taken up, in one order.
    pub(crate) fn live_in(&self, writers: &Arc<Writers>) -> Vec<Arc<LiveTenant>> {
        let of_placement = self.tenants.iter().filter(|live| Arc::ptr_eq(&live.writers, writers));
        let mut found: Vec<Arc<LiveTenant>> = of_placement.map(|live| Arc::clone(&live)).collect();
        found.sort_unstable_by_key(|live| live.tenant_id);
        found
    }

    /// This incarnation of a tenant does no more work.
    pub(crate) fn let_go(&self, live: &Arc<LiveTenant>) {
        live.over.store(true, Ordering::Release);
        self.tenants.remove_if(&live.tenant_id, |_, known| Arc::ptr_eq(known, live));
    }

    /// A call is about to start.
    pub(crate) fn begin_call(&self, key: DeliveryKey) {
        *self.calling.entry(key).or_default() += 1;
    }

    /// A call has ended, and its outcome is durable or it was not made.
    pub(crate) fn end_call(&self, key: DeliveryKey) {
        if let dashmap::Entry::Occupied(mut calls) = self.calling.entry(key) {
            *calls.get_mut() -= 1;
            if *calls.get() == 0 {
                calls.remove();
            }
        }
    }

    /// A call of this process is under way for a delivery.
    pub(crate) fn is_calling(&self, key: DeliveryKey) -> bool {
        self.calling.contains_key(&key)
    }

    /// A call for a tenant is under way, or its outcome is not durable yet.
    pub(crate) fn is_calling_for(&self, tenant_id: TenantId) -> bool {
        self.calling.iter().any(|call| call.key().tenant_id == tenant_id)
    }

    /// No call is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.calling.is_empty()
    }

    /// Tells the owner of a delivery that a receipt has changed its state. Where nobody is awake, the row says it all.
    pub(crate) fn tell_channel(&self, key: DeliveryKey, change: StateChanged) {
        let Some(live) = self.tenants.get(&key.tenant_id).map(|found| Arc::clone(&found)) else { return };
        let Some(channel) = live.channels.get(&key.channel).map(|found| found.clone()) else { return };
        if channel.tell(change).is_err() {
            // The scheduler finds the open row.
            tracing::debug!(tenant.id = %key.tenant_id, "channel was busy: a state change waits in its row");
        }
    }
}

impl Writers {
    /// Who was alive at the last look.
    pub(crate) fn peers(&self) -> Arc<[Peer]> {
        Arc::clone(&self.known_peers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who is alive, where it was looked for no longer ago than this.
    pub(crate) fn recent_peers(&self, max_age: Duration) -> Option<Arc<[Peer]>> {
        let recent = self.recent_peers.lock().unwrap_or_else(PoisonError::into_inner);
        recent.as_ref().filter(|(noted_at, _)| noted_at.elapsed() < max_age).map(|(_, peers)| Arc::clone(peers))
    }

    /// Notes who is alive at this moment.
    pub(crate) fn note_recent(&self, peers: Arc<[Peer]>, now: Instant) {
        *self.recent_peers.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, peers));
    }

    /// Notes who is alive; returns who was before.
    pub(crate) fn meet(&self, peers: Arc<[Peer]>) -> Arc<[Peer]> {
        std::mem::replace(&mut self.known_peers.lock().unwrap_or_else(PoisonError::into_inner), peers)
    }
}

impl LiveTenant {
    /// Its channels that have been started, in one order.
    pub(crate) fn started_channels(&self) -> Vec<Handle<ChannelActor>> {
        Channel::ALL.iter().filter_map(|channel| self.channels.get(channel).map(|found| found.clone())).collect()
    }

    /// Nothing works on its bulk sends.
    pub(crate) fn has_no_campaigns(&self) -> bool {
        self.campaigns.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(Handle::is_over)
    }

    /// It is not tried to move it before then.
    pub(crate) fn stay(&self, until: Instant) {
        *self.stays_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// It may be tried to move it.
    pub(crate) fn may_move(&self, now: Instant) -> bool {
        self.stays_until.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|until| until <= now)
    }

    /// The epoch of our lease, or `None` where it is not ours any more.
    pub(crate) fn epoch(&self) -> Option<i64> {
        if self.over.load(Ordering::Acquire) { None } else { self.writers.leases.epoch(self.tenant_id) }
    }

    /// What storage knows of an address now, and the policy in force.
    ///
    /// # Errors
    /// Where storage fails.
    pub(crate) async fn read_known(
        &self,
        key: AddressKey,
        now: Timestamp,
    ) -> Result<(ContactFacts, Arc<Rulebook>), DeliveryError> {
        let session = self.writers.journal.connect().await?;
        let facts = session.load_facts(self.tenant_id, &[key], now).await?.pop();
        let rulebook = match self.book.policy() {
            Some(rulebook) => rulebook,
            None => Arc::new(session.load_policy(self.tenant_id, now).await?),
        };
        facts.map(|facts| (facts, rulebook)).ok_or(DeliveryError::Row { column: "address_hash" })
    }

    /// The tenant's present configuration.
    ///
    /// # Errors
    /// Where it cannot be read now.
    pub(crate) async fn handle(&self, shared: &Shared) -> Result<Arc<TenantHandle>, EngineError> {
        if let Some(cached) = shared.directory.cached_tenant(self.tenant_id) {
            return Ok(cached);
        }
        shared.directory.tenant(self.tenant_id).await.map_err(|error| unavailable(&error))
    }
}

/// The directory cannot tell now.
pub(crate) fn unavailable(error: &carepost_tenancy::TenancyError) -> EngineError {
    match error.kind() {
        carepost_kernel::ErrorKind::NotFound => EngineError::NotFound,
        carepost_kernel::ErrorKind::Unavailable => EngineError::away(),
        _ => {
            tracing::error!(error = %Chain(&error), "read tenancy");
            EngineError::Internal
        }
    }
}

impl EngineError {
    /// An actor died over it: what was done is unknown.
    pub(crate) const fn restarting() -> Self {
        Self::Unavailable { reason: "the engine is restarting", retry_after: std::time::Duration::from_secs(1) }
    }

    /// The database is away.
    pub(crate) const fn away() -> Self {
        Self::Unavailable { reason: "the database is away", retry_after: std::time::Duration::from_secs(1) }
    }
}
