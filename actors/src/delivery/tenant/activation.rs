//! Whether a tenant lives in this process: its lease is claimed first (DEL-10), and given back last. One at a time for
//! each tenant, so that a tenant is never live twice, and what is slow for one placement holds no other up.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use tokio::time::Instant;

use carepost_delivery::DeliveryError;
use carepost_delivery::store::PutOff;
use carepost_kernel::{Chain, Channel, TenantId};
use carepost_store::Lease;

use crate::delivery::book::FactsBook;
use crate::delivery::channel::Reconsider;
use crate::delivery::lane::SendLimit;
use crate::delivery::news::Reconsidering;
use crate::delivery::replies;
use crate::delivery::shared::{LiveTenant, Shared, Writers, unavailable};
use crate::engine::EngineError;

use super::{ensure_channel, start};

/// How long somebody waits for another's attempt to make the tenant live.
const PATIENCE: Duration = Duration::from_secs(2);

/// The tenant, live in this process: started now if it is not, and only if the lease can be had.
///
/// # Errors
/// Where another process owns it, or something is away.
pub(crate) async fn live(shared: &Arc<Shared>, tenant_id: TenantId) -> Result<Arc<LiveTenant>, EngineError> {
    if let Some(found) = shared.live(tenant_id) {
        return Ok(found);
    }
    if shared.is_draining() {
        return Err(EngineError::Moving);
    }
    let turn = tokio::time::timeout(PATIENCE, shared.activation.take(tenant_id)).await;
    let _one_at_a_time = turn.map_err(|_elapsed| EngineError::Moving)?;
    if let Some(found) = shared.live(tenant_id) {
        return Ok(found);
    }
    let placement_id = shared.directory.placement_of(tenant_id).await.map_err(|error| unavailable(&error))?;
    let writers = crate::root::writers(shared, placement_id).await?;
    // Else a request that was on its way here would bring a tenant back that has just been handed over.
    let peers = super::seat::recent_peers(shared, &writers).await?;
    if super::seat::better_place(shared, &peers, tenant_id).is_some() {
        return Err(EngineError::Moving);
    }
    let claimed = claim(shared, &writers, &[tenant_id]).await?;
    install(shared, &writers, &claimed).await.pop().ok_or(EngineError::Moving)
}

/// Those of a placement's tenants that are live here, or can be: all leases in one claim.
///
/// # Errors
/// Where something is away.
pub(crate) async fn live_of(
    shared: &Arc<Shared>,
    writers: &Arc<Writers>,
    tenants: BTreeSet<TenantId>,
) -> Result<HashMap<TenantId, Arc<LiveTenant>>, EngineError> {
    let (mut found, mut turns) = (HashMap::new(), Vec::new());
    for tenant_id in tenants {
        if let Some(live) = shared.live(tenant_id) {
            found.insert(tenant_id, live);
        } else if let Some(turn) = shared.activation.try_take(tenant_id) {
            // It may have come to life before the turn was taken.
            match shared.live(tenant_id) {
                Some(live) => drop(found.insert(tenant_id, live)),
                None => turns.push((tenant_id, turn)),
            }
        }
    }
    if !turns.is_empty() && !shared.is_draining() {
        let wanted: Vec<TenantId> = turns.iter().map(|(tenant_id, _)| *tenant_id).collect();
        let claimed = claim(shared, writers, &wanted).await?;
        found.extend(install(shared, writers, &claimed).await.into_iter().map(|live| (live.tenant_id, live)));
    }
    Ok(found)
}

async fn claim(shared: &Shared, writers: &Writers, tenants: &[TenantId]) -> Result<Vec<Lease>, EngineError> {
    writers.leases.claim(tenants, shared.now(), shared.tuning.lease_ttl).await.map_err(|error| {
        tracing::warn!(error = %Chain(&error), tenants = tenants.len(), "claim lease");
        EngineError::away()
    })
}

/// Counted no further before the first message is taken in; the scheduler counts to the end.
const FIRST_COUNT: i64 = 100_000;

/// Starts the tenants whose leases are ours. The caller has their turns.
async fn install(shared: &Arc<Shared>, writers: &Arc<Writers>, leases: &[Lease]) -> Vec<Arc<LiveTenant>> {
    let mut all = Vec::with_capacity(leases.len());
    for Lease { tenant_id, .. } in leases {
        let live = Arc::new_cyclic(|live| LiveTenant {
            tenant_id: *tenant_id,
            actor: start(shared, *tenant_id, live.clone()),
            channels: DashMap::new(),
            waiting: 0.into(),
            counted: Mutex::default(),
            reconsidering: Reconsidering::default(),
            // As many addresses as all windows hold, and some that have just been written to.
            book: Arc::new(FactsBook::new(4 * shared.tuning.window)),
            send_limit: SendLimit::default(),
            keys: Arc::default(),
            campaigns: Mutex::default(),
            handing_over: AtomicBool::new(false),
            stays_until: Mutex::default(),
            over: AtomicBool::new(false),
            writers: Arc::clone(writers),
        });
        if let Some(former) = shared.tenants.insert(*tenant_id, Arc::clone(&live)) {
            former.over.store(true, Ordering::Release);
        }
        all.push(live);
    }
    // What was said to them while they slept is heard before anything of theirs leaves.
    let tenants: Vec<TenantId> = all.iter().map(|live| live.tenant_id).collect();
    if let Err(error) = replies::take_up_of(shared, writers, &tenants, shared.now()).await {
        tracing::warn!(error = %Chain(&error), tenants = all.len(), "take up messages from outside");
    }
    if let Err(error) = recount(shared, writers, &all, FIRST_COUNT).await {
        // The scheduler counts again soon.
        tracing::warn!(error = %Chain(&error), tenants = all.len(), "count waiting deliveries");
    }
    all
}

/// What is counted at a time costs this much of its own age: long queues are counted seldom.
const COUNTED_PER_SECOND: i64 = 20_000;
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// Counts again what waits with those tenants whose count is old: what memory adds and takes off drifts with each
/// death, each cancelled message and each receipt that overtakes.
///
/// # Errors
/// Where the database is away.
pub(crate) async fn recount_old(shared: &Shared, writers: &Arc<Writers>) -> Result<(), DeliveryError> {
    let old: Vec<Arc<LiveTenant>> =
        shared.live_in(writers).into_iter().filter(|live| live.epoch().is_some() && live.count_is_old()).collect();
    recount(shared, writers, &old, i64::MAX).await
}

async fn recount(
    shared: &Shared,
    writers: &Writers,
    tenants: &[Arc<LiveTenant>],
    at_most: i64,
) -> Result<(), DeliveryError> {
    if tenants.is_empty() {
        return Ok(());
    }
    let bound = |live: &LiveTenant| {
        let tenant = shared.directory.cached_tenant(live.tenant_id);
        tenant.map_or(FIRST_COUNT, |tenant| i64::try_from(tenant.tenant.settings.max_waiting).unwrap_or(i64::MAX))
    };
    let wanted: Vec<(TenantId, i64)> = tenants.iter().map(|live| (live.tenant_id, bound(live).min(at_most))).collect();
    // What comes and goes while the rows are counted stays counted.
    let before: HashMap<TenantId, i64> =
        tenants.iter().map(|live| (live.tenant_id, live.waiting.load(Ordering::Relaxed))).collect();
    let session = writers.journal.connect().await?;
    let now = shared.now();
    let counted: HashMap<TenantId, i64> =
        session.count_waiting(&wanted, writers.due_floor.at(now), now).await?.into_iter().collect();
    for live in tenants {
        let (was, is) = (before.get(&live.tenant_id), counted.get(&live.tenant_id));
        let (Some(was), Some(is)) = (was, is) else { continue };
        live.waiting.fetch_add(is - was, Ordering::Relaxed);
        live.note_count(*is);
    }
    Ok(())
}

impl LiveTenant {
    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    fn count_is_old(&self) -> bool {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|next| next <= Instant::now())
    }

    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    fn note_count(&self, count: i64) {
        let longer = Duration::from_secs(u64::try_from(count / COUNTED_PER_SECOND).unwrap_or(0));
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + COUNT_EVERY + longer);
    }
}

/// Rows that one statement makes due.
const PAGE: i64 = 5_000;

/// Something has changed: the configuration of a tenant or of one of its accounts, the gate's policy, or what is known
/// of an address. What was put off because of it is looked at again at once, in memory and in rows.
pub(crate) async fn reconsider(shared: &Arc<Shared>, tenant_id: TenantId, put_off: PutOff) {
    // Who else owns it hears of the change as well.
    let Some(live) = shared.live(tenant_id) else { return };
    tell_all(shared, &live, &BTreeSet::new(), &put_off);
    match advance(shared, &live, &put_off).await {
        Ok(channels) => tell_all(shared, &live, &channels, &put_off),
        // Each of them is looked at again within a minute.
        Err(error) => tracing::warn!(error = %Chain(&error), tenant.id = %tenant_id, "make put off deliveries due"),
    }
}

fn tell_all(shared: &Arc<Shared>, live: &Arc<LiveTenant>, due: &BTreeSet<Channel>, put_off: &PutOff) {
    for channel in due {
        ensure_channel(shared, live, *channel);
    }
    for channel in live.started_channels() {
        if channel.tell(Reconsider(put_off.clone())).is_err() {
            tracing::debug!(tenant.id = %live.tenant_id, "channel was busy: it looks again by itself");
        }
    }
}

async fn advance(shared: &Shared, live: &LiveTenant, put_off: &PutOff) -> Result<BTreeSet<Channel>, DeliveryError> {
    let mut channels = BTreeSet::new();
    while !shared.is_draining() {
        // What an earlier page has made due lies before it, and is no page's again.
        let now = shared.now();
        let Some(epoch) = live.epoch() else { break };
        let mut session = live.writers.journal.connect().await?;
        let held = (live.tenant_id, epoch);
        // Nothing comes where the tenant is another process's by now.
        let page = session.advance_deliveries(shared.instance, held, put_off, now, PAGE).await?;
        if page.is_empty() {
            break;
        }
        channels.extend(page);
    }
    Ok(channels)
}
