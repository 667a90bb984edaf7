//! Where a tenant lives, among several processes on one database (DEL-10).
//!
//! Each tenant prefers one of the processes that are alive, the same one in everybody's eyes: rendezvous hashing, so that
//! a process that comes or goes moves no more tenants than its share. The lease alone decides who works; the preference
//! says who should ask for it. A tenant that lives with somebody else is reached there; one that has found a better
//! place is handed over when its calls have ended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use carepost_kernel::{Chain, InstanceId, TenantId};
use carepost_store::{Peer, StoreError};
use tokio::time::{Instant, sleep, timeout};

use crate::delivery::channel::WakeUp;
use crate::delivery::shared::{LiveTenant, Shared, Writers, unavailable};
use crate::delivery::turns::KeyTurn;
use crate::engine::{EngineError, Seat};
use crate::journal::LeaseBook;

use super::{CALLS_END, HandOver};

/// How long somebody waits for a tenant that is on its way.
const PATIENCE: Duration = Duration::from_secs(2);
/// A tenant whose calls do not end in this time stays for now: meanwhile it makes no new ones.
const CALLS_PATIENCE: Duration = Duration::from_secs(5);
/// And for so long.
const STAY: Duration = Duration::from_secs(300);
/// A seat that is older is forgotten.
const REMEMBERED: Duration = Duration::from_secs(10);
/// Tenants that are handed over in one round.
pub(crate) const AT_A_TIME: usize = 64;
/// Where nobody works for a tenant, who is alive is not known better than this.
const RECENT: Duration = Duration::from_millis(100);

/// Where requests for a tenant are to go, as it was no longer ago than `max_age`.
///
/// # Errors
/// Where nobody can tell now.
pub(crate) async fn seat(shared: &Arc<Shared>, tenant_id: TenantId, max_age: Duration) -> Result<Seat, EngineError> {
    let known = || {
        let noted = shared.seats.get(&tenant_id);
        noted.filter(|noted| noted.0.elapsed() < max_age).map(|noted| noted.1.clone())
    };
    if shared.live(tenant_id).is_some() {
        return Ok(Seat::Here);
    }
    if let Some(seat) = known() {
        return Ok(seat);
    }
    // One look for all who ask: a crowd at the wrong process must not keep the database busy.
    let turn = timeout(PATIENCE, shared.seating.take(tenant_id)).await;
    let _one_at_a_time = turn.map_err(|_elapsed| EngineError::Moving)?;
    if let Some(seat) = known() {
        return Ok(seat);
    }
    let seat = look(shared, tenant_id).await?;
    shared.seats.insert(tenant_id, (instant(), seat.clone()));
    Ok(seat)
}

async fn look(shared: &Arc<Shared>, tenant_id: TenantId) -> Result<Seat, EngineError> {
    let placement_id = shared.directory.placement_of(tenant_id).await.map_err(|error| unavailable(&error))?;
    let writers = crate::root::writers(shared, placement_id).await?;
    let mut owner = find_owner(shared, &writers, tenant_id).await?;
    if owner.as_ref().is_some_and(|owner| owner.instance == shared.instance) {
        // It is about to leave, or to come: then there is a turn to wait for.
        drop(timeout(PATIENCE, shared.activation.take(tenant_id)).await);
        if shared.live(tenant_id).is_some() {
            return Ok(Seat::Here);
        }
        owner = find_owner(shared, &writers, tenant_id).await?;
    }
    let owner = owner.filter(|owner| owner.instance != shared.instance);
    let there = match owner {
        Some(owner) => Some(owner),
        None => better_place(shared, &recent_peers(shared, &writers).await?, tenant_id),
    };
    Ok(there.map_or(Seat::Here, |peer| Seat::At(peer.address)))
}

/// Who is alive, read anew where the last reading is not of this moment: who has just left, died or come must be known
/// before somebody is told where to go.
pub(crate) async fn recent_peers(shared: &Shared, writers: &Writers) -> Result<Arc<[Peer]>, EngineError> {
    if let Some(recent) = writers.recent_peers(RECENT) {
        return Ok(recent);
    }
    let peers = peers(shared, writers.leases.as_ref()).await.map_err(|error| {
        tracing::warn!(error = %Chain(&error), "list the processes that are alive");
        EngineError::away()
    })?;
    writers.note_recent(Arc::clone(&peers), instant());
    Ok(peers)
}

/// Another process that should ask for the tenant's lease in place of this one.
pub(super) fn better_place(shared: &Shared, peers: &[Peer], tenant_id: TenantId) -> Option<Peer> {
    let is_leaving = shared.is_leaving();
    let candidates = peers.iter().filter(|peer| !is_leaving || peer.instance != shared.instance);
    preferred(tenant_id, candidates).filter(|peer| peer.instance != shared.instance).cloned()
}

async fn find_owner(shared: &Shared, writers: &Writers, tenant_id: TenantId) -> Result<Option<Peer>, EngineError> {
    writers.leases.find_owner(tenant_id, shared.now()).await.map_err(|error| {
        tracing::warn!(error = %Chain(&error), "find the owner of a tenant");
        EngineError::away()
    })
}

/// The process that a tenant should live with.
pub(crate) fn preferred<'a>(tenant_id: TenantId, peers: impl IntoIterator<Item = &'a Peer>) -> Option<&'a Peer> {
    let staying = peers.into_iter().filter(|peer| !peer.is_leaving);
    staying.max_by_key(|peer| (weight(tenant_id, peer.instance), peer.instance))
}

/// The same number in every process and every version: tenants must not move because a program was compiled anew.
fn weight(tenant_id: TenantId, instance: InstanceId) -> u64 {
    let (tenant, instance) = (tenant_id.as_uuid().as_u64_pair(), instance.as_uuid().as_u64_pair());
    [tenant.0, tenant.1, instance.0, instance.1].into_iter().fold(0, |mixed, part| mix(mixed ^ part))
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Of these tenants, those that this process works for or should ask for.
pub(crate) fn of_ours(shared: &Shared, writers: &Writers, tenants: BTreeSet<TenantId>) -> BTreeSet<TenantId> {
    let peers = writers.peers();
    let is_ours =
        |tenant_id: &TenantId| shared.live(*tenant_id).is_some() || better_place(shared, &peers, *tenant_id).is_none();
    tenants.into_iter().filter(is_ours).collect()
}

/// Looks who is there, and hands tenants over to whom they prefer, once the others have been the same twice.
///
/// # Errors
/// Where the database is away.
pub(crate) async fn meet_peers(shared: &Shared, writers: &Arc<Writers>) -> Result<(), StoreError> {
    writers.leases.announce(&shared.peer_address, shared.is_leaving()).await?;
    let peers: Arc<[Peer]> = peers(shared, writers.leases.as_ref()).await?;
    let is_settled = writers.meet(Arc::clone(&peers)) == peers;
    let stays = |address: &str| peers.iter().any(|peer| peer.address == address && !peer.is_leaving);
    shared.seats.retain(|_, (noted_at, seat)| {
        noted_at.elapsed() < REMEMBERED && matches!(seat, Seat::At(address) if stays(address))
    });
    let at_our_address = peers.iter().filter(|peer| peer.address == shared.peer_address).count();
    if !is_settled && at_our_address > 1 {
        tracing::warn!(address = shared.peer_address, "another process says that it is reached where this one is");
    }
    if !is_settled || shared.is_leaving() {
        return Ok(());
    }
    let elsewhere =
        |live: &Arc<LiveTenant>| better_place(shared, &peers, live.tenant_id).is_some() && live.may_move(instant());
    for live in shared.live_in(writers).into_iter().filter(elsewhere).take(AT_A_TIME) {
        // A full mailbox: in the next round, then.
        let _later = live.actor.tell(HandOver);
    }
    Ok(())
}

/// Everybody who is alive, and was seen well within the length of a lease: one that is frozen keeps its lock.
///
/// # Errors
/// Where the database is away.
pub(crate) async fn peers(shared: &Shared, leases: &dyn LeaseBook) -> Result<Arc<[Peer]>, StoreError> {
    Ok(leases.list_peers(shared.tuning.lease_ttl * 2 / 3).await?.into())
}

/// A tenant on its way. However the way ends, it does not end in between.
struct Moving {
    shared: Arc<Shared>,
    live: Arc<LiveTenant>,
    is_out: bool,
}

impl Moving {
    fn begin(shared: Arc<Shared>, live: Arc<LiveTenant>) -> Self {
        live.handing_over.store(true, Ordering::Release);
        Self { shared, live, is_out: false }
    }

    /// From here on requests wait for the turn, and then go where the tenant is.
    fn take_out(&mut self) {
        self.is_out = true;
        self.shared.tenants.remove_if(&self.live.tenant_id, |_, known| Arc::ptr_eq(known, &self.live));
    }

    async fn calls_end(&self) {
        while self.shared.is_calling_for(self.live.tenant_id) {
            sleep(CALLS_END).await;
        }
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        if self.is_out {
            self.shared.let_go(&self.live);
            // Who listens comes again, and is led to where it goes on.
            self.shared.hub.end(self.live.tenant_id);
            return;
        }
        self.live.handing_over.store(false, Ordering::Release);
        for channel in self.live.started_channels() {
            // A full mailbox means that it is awake.
            let _awake = channel.tell(WakeUp);
        }
    }
}

/// Gives a tenant up when its calls have ended; false where it stays. Until the last moment its messages are taken in.
pub(super) async fn hand_over(shared: Arc<Shared>, live: Arc<LiveTenant>, turn: KeyTurn<TenantId>) -> bool {
    let mut moving = Moving::begin(shared, live);
    if timeout(CALLS_PATIENCE, moving.calls_end()).await.is_err() {
        moving.live.stay(instant() + STAY);
        return false;
    }
    moving.take_out();
    // What is in the mailbox is still stored.
    sleep(CALLS_END).await;
    let stored = async {
        while !moving.live.keys.is_idle() {
            sleep(CALLS_END).await;
        }
    };
    // What is not stored by then is refused by the fence, and its sender told.
    let _late = timeout(PATIENCE, stored).await;
    moving.shared.let_go(&moving.live);
    // A call that had begun behind our back needs the lease for its outcome (DEL-5).
    moving.calls_end().await;
    let live = &moving.live;
    if let Err(error) = live.writers.leases.release(&[live.tenant_id]).await {
        // It runs out by itself.
        tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "release lease of a tenant that moves");
    }
    drop(turn);
    true
}

#[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
fn instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn peers(count: i64) -> Vec<Peer> {
        let at = |number| Timestamp::from_second(1_800_000_000 + number).unwrap();
        let peer = |number| Peer { instance: InstanceId::new(at(number)), address: String::new(), is_leaving: false };
        (0..count).map(peer).collect()
    }

    fn tenants() -> Vec<TenantId> {
        (0..3_000).map(|number| TenantId::new(Timestamp::from_second(1_700_000_000 + number).unwrap())).collect()
    }

    #[test]
    fn del_10_tenants_are_shared_out_evenly_and_few_move() {
        let (mut all, tenants) = (peers(3), tenants());
        let place = |peers: &[Peer], tenant: &TenantId| preferred(*tenant, peers).unwrap().instance;
        for peer in &all {
            let count = tenants.iter().filter(|tenant| place(&all, tenant) == peer.instance).count();
            assert!((850..=1_150).contains(&count), "{count} of 3000 for one of three");
        }
        let before: Vec<InstanceId> = tenants.iter().map(|tenant| place(&all, tenant)).collect();
        let gone = all[0].instance;
        all[0].is_leaving = true;
        for (tenant, before) in tenants.iter().zip(before) {
            let after = place(&all, tenant);
            assert!(after == before || before == gone, "only the tenants of the one that leaves move");
            assert_ne!(after, gone);
        }
    }

    #[test]
    fn where_everybody_leaves_nobody_is_preferred() {
        let mut all = peers(2);
        all.iter_mut().for_each(|peer| peer.is_leaving = true);
        assert_eq!(preferred(tenants()[0], &all), None);
        assert_eq!(preferred(tenants()[0], &[]), None);
    }
}
