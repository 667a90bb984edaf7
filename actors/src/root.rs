//! The root: starts the tree, and brings it to its end.

mod face;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use futures_util::future::join_all;
use tokio::time::Instant;

use carepost_kernel::{Chain, Clock, Dice, InstanceId, PlacementId, Reach};
use carepost_store::StoreError;
use carepost_tenancy::Directory;

use crate::delivery::channel::ByteBudget;
use crate::delivery::floor::DueFloor;
use crate::delivery::hub::EventHub;
use crate::delivery::ingest::IngestActor;
use crate::delivery::lane::Lanes;
use crate::delivery::ledger::LedgerActor;
use crate::delivery::notifier::{self, NotifierActor};
use crate::delivery::receipts::ReceiptsActor;
use crate::delivery::scheduler::Scheduler;
use crate::delivery::shared::{LiveTenant, Shared, Writers};
use crate::delivery::tenant;
use crate::delivery::turns::Turns;
use crate::engine::EngineError;
use crate::journal::{JournalSource, OpenJournal};
use crate::keeper::{Arbiters, Handle, Spec, keep};
use crate::placements::ProviderSource;
use crate::tree::Tree;

/// Sizes and times of the engine. The defaults suit two cores and some gigabytes.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// Threads for actors; 0 is the thread that starts them, as in simulations.
    pub threads: usize,
    /// Rows of one group commit.
    pub batch_rows: usize,
    /// Bytes of one group commit of new messages.
    pub batch_bytes: usize,
    /// Messages that may wait for their commit.
    pub ingest_rows: usize,
    /// Bytes of messages that may wait for their commit.
    pub ingest_bytes: usize,
    /// Deliveries of one channel in memory.
    pub window: usize,
    /// Bytes of payload that all channels together may hold in memory; each may hold one delivery in any case.
    pub window_bytes: usize,
    /// Mailbox of a batch writer.
    pub writer_mailbox: usize,
    /// Mailbox of a tenant.
    pub tenant_mailbox: usize,
    /// Mailbox of a channel.
    pub channel_mailbox: usize,
    /// Mailbox of a provider account.
    pub provider_mailbox: usize,
    /// How long a lease lasts without renewal (DEL-10).
    pub lease_ttl: Duration,
    /// After what time of idleness an actor retires.
    pub idle_after: Duration,
    /// How often rows are looked through for what is due.
    pub wake_every: Duration,
    /// Days of partitions ahead.
    pub partition_days: u16,
    /// Days after which partitions are dropped.
    pub retention_days: u32,
    /// An event is told to webhook endpoints once it is so old: ids are made a little before they are committed.
    pub notify_settle: Duration,
    /// How often an endpoint looks for events of which it was not told.
    pub notify_poll: Duration,
    /// How often the list of webhook endpoints is read again.
    pub notify_look: Duration,
    /// An event that waits for so long shows that nobody works for its tenant: whoever sees it takes the tenant up.
    pub notify_abandoned: Duration,
}

impl Tuning {
    /// How often an actor looks whether it is idle.
    pub(crate) fn idle_check(&self) -> Duration {
        (self.idle_after / 4).clamp(Duration::from_millis(50), Duration::from_secs(5))
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            threads: 2,
            batch_rows: 1_000,
            batch_bytes: 8 << 20,
            ingest_rows: 20_000,
            ingest_bytes: 128 << 20,
            window: 2_000,
            window_bytes: 128 << 20,
            writer_mailbox: 65_536,
            tenant_mailbox: 16_384,
            channel_mailbox: 4_096,
            provider_mailbox: 4_096,
            lease_ttl: Duration::from_secs(12),
            idle_after: Duration::from_secs(300),
            wake_every: Duration::from_secs(1),
            partition_days: 7,
            retention_days: 90,
            notify_settle: Duration::from_secs(2),
            notify_poll: Duration::from_secs(2),
            notify_look: Duration::from_secs(15),
            notify_abandoned: Duration::from_secs(30),
        }
    }
}

/// What the engine is made of.
pub struct EngineParts {
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub dice: Dice,
    /// This process.
    pub instance: InstanceId,
    /// Base address of its API, as other processes on the same database reach it.
    pub peer_address: String,
    /// Our address as recipients see it: links in messages lead there.
    pub public_url: url::Url,
    /// Tenants, accounts, keys.
    pub directory: Directory,
    /// The placements; more may be added later.
    pub journals: Arc<dyn JournalSource>,
    /// Makes providers of accounts.
    pub providers: Arc<dyn ProviderSource>,
    /// Calls tenants' webhook endpoints: see [`webhook_client`].
    pub webhook_client: reqwest::Client,
    /// Sizes and times.
    pub tuning: Tuning,
}

/// The client for tenants' webhook endpoints, whose addresses may lead as far as `reach`.
///
/// # Errors
/// Where there is no TLS to be had.
pub fn webhook_client(reach: Reach) -> reqwest::Result<reqwest::Client> {
    notifier::build_client(reach)
}

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A placement's leases could not be opened.
    #[error("open leases of placement {placement_id}")]
    Leases {
        /// Which placement.
        placement_id: PlacementId,
        /// Why.
        #[source]
        source: StoreError,
    },
}

/// The running engine. Clones share it.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    pub(crate) receipts: Handle<ReceiptsActor>,
    #[cfg(feature = "fault-injection")]
    pub(crate) scheduler: Handle<Scheduler>,
    #[cfg(feature = "fault-injection")]
    pub(crate) notifier: Handle<NotifierActor>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({})", self.shared.instance)
    }
}

/// Starts the tree. To be called inside an actix system.
///
/// # Errors
/// Where a placement cannot be worked on.
pub async fn start(parts: EngineParts) -> Result<Engine, StartError> {
    let http = parts.webhook_client;
    let window_bytes = Arc::new(ByteBudget::new(parts.tuning.window_bytes));
    let shared = Arc::new(Shared {
        clock: parts.clock,
        dice: parts.dice,
        instance: parts.instance,
        directory: parts.directory,
        journals: parts.journals,
        providers: parts.providers,
        arbiters: Arbiters::start(parts.tuning.threads),
        tuning: parts.tuning,
        tree: Tree::default(),
        hub: EventHub::default(),
        lanes: Lanes::default(),
        window_bytes,
        writers: DashMap::new(),
        tenants: DashMap::new(),
        accounts: DashMap::new(),
        calling: DashMap::new(),
        uncertain: crate::delivery::uncertain::Uncertain::default(),
        #[cfg(feature = "fault-injection")]
        doomed: DashMap::new(),
        peer_address: parts.peer_address,
        public_url: parts.public_url,
        leaving: AtomicBool::new(false),
        draining: AtomicBool::new(false),
        activation: Turns::default(),
        seats: DashMap::new(),
        seating: Turns::default(),
        opening: Turns::default(),
    });
    open_all(&shared).await?;
    let receipts = start_root(&shared, "receipts", "ReceiptsActor", ReceiptsActor::new);
    let scheduler: Handle<Scheduler> = start_root(&shared, "scheduler", "Scheduler", Scheduler::new);
    let notifier: Handle<NotifierActor> = start_root(&shared, "notifier", "NotifierActor", move |shared, guard| {
        NotifierActor::new(shared, http.clone(), guard)
    });
    // Their keepers keep them; a handle is only a way to them.
    #[cfg(not(feature = "fault-injection"))]
    drop((scheduler, notifier));
    Ok(Engine {
        shared,
        receipts,
        #[cfg(feature = "fault-injection")]
        scheduler,
        #[cfg(feature = "fault-injection")]
        notifier,
    })
}

/// Opens all placements at once. One that cannot be opened now is tried again by the scheduler: a tenant's own database
/// must not keep the others from their work.
async fn open_all(shared: &Arc<Shared>) -> Result<(), StartError> {
    let opening = shared.journals.list().into_iter().map(|placement_id| async move {
        let opened = open_writers(shared, placement_id).await;
        opened.transpose().map(|opened| opened.map_err(|source| StartError::Leases { placement_id, source }))
    });
    let opened: Vec<_> = join_all(opening).await.into_iter().flatten().collect();
    let is_any_open = opened.iter().any(Result::is_ok);
    for error in opened.into_iter().filter_map(Result::err) {
        if !is_any_open {
            return Err(error);
        }
        tracing::warn!(error = %Chain(&error), "open placement");
    }
    Ok(())
}

fn start_root<A, F>(shared: &Arc<Shared>, name: &str, kind: &'static str, make: F) -> Handle<A>
where
    A: actix::Actor<Context = actix::Context<A>>,
    F: Fn(Arc<Shared>, crate::keeper::Guard) -> A + Send + 'static,
{
    let spec = Spec { path: format!("root/{name}"), kind, mailbox: shared.tuning.writer_mailbox };
    let kept = Arc::clone(shared);
    keep(&shared.arbiters.of(0), &shared.tree, spec, move |guard, _| make(Arc::clone(&kept), guard))
}

/// How long somebody waits while another opens a placement.
const PATIENCE: Duration = Duration::from_secs(2);

/// The batch writers of a placement, opened now if they are not.
pub(crate) async fn writers(shared: &Arc<Shared>, placement_id: PlacementId) -> Result<Arc<Writers>, EngineError> {
    let opened = || shared.writers.get(&placement_id).map(|found| Arc::clone(&found));
    if let Some(found) = opened() {
        return Ok(found);
    }
    let turn = tokio::time::timeout(PATIENCE, shared.opening.take(placement_id)).await;
    let _one_at_a_time = turn.map_err(|_elapsed| EngineError::away())?;
    if let Some(found) = opened() {
        return Ok(found);
    }
    let opened = open_writers(shared, placement_id).await.map_err(|error| {
        tracing::warn!(error = %Chain(&error), "open placement");
        EngineError::away()
    })?;
    opened.ok_or(EngineError::Moving)
}

/// `None` where the placement is not known.
async fn open_writers(shared: &Arc<Shared>, placement_id: PlacementId) -> Result<Option<Arc<Writers>>, StoreError> {
    let Some(opened) = shared.journals.open(placement_id, shared.instance).await else { return Ok(None) };
    let OpenJournal { journal, leases } = opened?;
    leases.announce(&shared.peer_address, shared.is_leaving()).await?;
    let recent_peers = std::sync::Mutex::default();
    let known_peers = std::sync::Mutex::new(tenant::peers(shared, leases.as_ref()).await?);
    let mailbox = shared.tuning.writer_mailbox;
    let spec = |name: &str, kind| Spec { path: format!("root/placement:{placement_id}/{name}"), kind, mailbox };
    let arbiter = shared.arbiters.of(placement_id.as_uuid().as_u128());
    let (for_ingest, for_ledger) = (Arc::clone(shared), Arc::clone(shared));
    let writers = Arc::new(Writers {
        placement_id,
        journal,
        leases,
        consent_news: crate::delivery::news::Seen::default(),
        due_floor: DueFloor::default(),
        known_peers,
        recent_peers,
        ingest: keep(&arbiter, &shared.tree, spec("ingest", "IngestActor"), move |guard, _| {
            IngestActor::new(Arc::clone(&for_ingest), placement_id, guard)
        }),
        ledger: keep(&arbiter, &shared.tree, spec("ledger", "LedgerActor"), move |guard, _| {
            LedgerActor::new(Arc::clone(&for_ledger), placement_id, guard)
        }),
        ledger_turn: tokio::sync::Mutex::default(),
    });
    writers.ingest.ready().await;
    writers.ledger.ready().await;
    shared.writers.insert(placement_id, Arc::clone(&writers));
    Ok(Some(writers))
}

impl Engine {
    /// Stops taking work in, lets the calls under way end, and gives the leases back. True where all came to an end in
    /// time; what did not is found in its rows by whoever comes next.
    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    pub async fn drain(&self, timeout: Duration) -> bool {
        self.shared.draining.store(true, Ordering::Release);
        let deadline = Instant::now() + timeout;
        let quiet = |shared: &Shared| shared.is_quiet() && shared.tree.depth_of("IngestActor") == 0;
        while !quiet(&self.shared) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let ended = quiet(&self.shared);
        for writers in self.shared.all_writers() {
            if let Err(error) = writers.leases.release_all().await {
                tracing::warn!(error = %Chain(&error), "give leases back");
            }
        }
        self.shared.arbiters.stop();
        ended
    }

    /// Before the end, where other processes are there: hands every tenant over, and takes none up. Returns when all
    /// have gone or the time is over; false where nobody else is there, and nothing was done.
    pub async fn leave(&self, timeout: Duration) -> bool {
        let shared = &self.shared;
        let mut shares = Vec::new();
        for writers in shared.all_writers() {
            // Asked anew: who came a moment ago counts.
            let peers = tenant::recent_peers(shared, &writers).await.unwrap_or_else(|_away| writers.peers());
            writers.meet(peers);
            if shared.has_others(&writers) {
                shares.push(writers);
            }
        }
        if shares.is_empty() {
            return false;
        }
        shared.leaving.store(true, Ordering::Release);
        for writers in &shares {
            if let Err(error) = tenant::meet_peers(shared, writers).await {
                tracing::warn!(error = %Chain(&error), "tell the other processes of our end");
            }
        }
        let gone = async {
            loop {
                let staying = shares.iter().filter(|writers| shared.has_others(writers));
                let left: Vec<Arc<LiveTenant>> = staying.flat_map(|writers| shared.live_in(writers)).collect();
                if left.is_empty() {
                    return;
                }
                for live in left.into_iter().take(tenant::AT_A_TIME) {
                    // Said again until it has gone: it may have been busy.
                    let _busy = live.actor.tell(tenant::HandOver);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(timeout, gone).await.is_err() {
            tracing::warn!("some tenants could not be handed over in time");
        }
        true
    }
}
