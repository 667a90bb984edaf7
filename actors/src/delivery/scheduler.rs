//! `Scheduler`: the clockwork behind the actors. Wakes channels whose rows are due, renews leases, follows changes of
//! configuration, and sweeps. Each duty is a private tick; a duty that is still running is not started twice.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};
use jiff::SignedDuration;
use metrics::gauge;

use carepost_delivery::{DeliveryError, store};
use carepost_kernel::TenantId;

use crate::keeper::Guard;
use crate::metrics::{ACTORS, WINDOW};

use super::channel::WakeUp;
use super::ledger::Entry;
use super::shared::{Shared, Writers};
use super::tenant;

pub(crate) struct Scheduler {
    shared: Arc<Shared>,
    running: HashSet<Duty>,
    _guard: Guard,
}

/// What the scheduler does, each at its own pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Duty {
    WakeDue,
    RenewLeases,
    Refresh,
    FlushKeyUses,
    MatchParked,
    Partitions,
    Sweep,
    Report,
}

impl Duty {
    const ALL: [Self; 8] = [
        Self::WakeDue,
        Self::RenewLeases,
        Self::Refresh,
        Self::FlushKeyUses,
        Self::MatchParked,
        Self::Partitions,
        Self::Sweep,
        Self::Report,
    ];

    fn every(self, shared: &Shared) -> Duration {
        match self {
            Self::WakeDue => shared.tuning.wake_every,
            Self::RenewLeases => shared.tuning.lease_ttl / 4,
            Self::Refresh => Duration::from_secs(1),
            Self::MatchParked | Self::Report => Duration::from_secs(5),
            Self::FlushKeyUses => Duration::from_secs(60),
            Self::Sweep => Duration::from_secs(60),
            Self::Partitions => Duration::from_secs(3_600),
        }
    }
}

impl Scheduler {
    pub(crate) fn new(shared: Arc<Shared>, guard: Guard) -> Self {
        Self { shared, running: HashSet::new(), _guard: guard }
    }

    fn run(&mut self, duty: Duty, context: &mut Context<Self>) {
        if self.shared.is_draining() && duty != Duty::RenewLeases {
            return;
        }
        if !self.running.insert(duty) {
            return;
        }
        let work = perform(Arc::clone(&self.shared), duty);
        context.spawn(work.into_actor(self).map(move |(), actor, _| {
            actor.running.remove(&duty);
        }));
    }
}

impl Actor for Scheduler {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        for duty in Duty::ALL {
            self.run(duty, context);
            let every = duty.every(&self.shared);
            context.run_interval(every, move |actor, context| actor.run(duty, context));
        }
    }
}

async fn perform(shared: Arc<Shared>, duty: Duty) {
    match duty {
        Duty::Refresh => {
            if let Err(error) = shared.directory.refresh().await {
                tracing::warn!(error = %error, "refresh configuration");
            }
        }
        Duty::FlushKeyUses => {
            if let Err(error) = shared.directory.flush_key_uses().await {
                tracing::warn!(error = %error, "write down the use of API keys");
            }
        }
        Duty::Report => report(&shared),
        Duty::WakeDue | Duty::RenewLeases | Duty::MatchParked | Duty::Partitions | Duty::Sweep => {
            let all: Vec<Arc<Writers>> = shared.writers.iter().map(|found| Arc::clone(&found)).collect();
            for writers in all {
                if let Err(error) = for_placement(&shared, &writers, duty).await {
                    tracing::warn!(error = %error, duty = ?duty, "perform a duty for a placement");
                }
            }
        }
    }
}

async fn for_placement(shared: &Arc<Shared>, writers: &Arc<Writers>, duty: Duty) -> Result<(), DeliveryError> {
    match duty {
        Duty::WakeDue => wake_due(shared, writers).await,
        Duty::RenewLeases => renew(shared, writers).await,
        Duty::MatchParked => match_parked(writers).await,
        Duty::Partitions => partitions(shared, writers).await,
        Duty::Sweep => sweep(shared, writers).await,
        Duty::Refresh | Duty::FlushKeyUses | Duty::Report => Ok(()),
    }
}

/// Wakes every channel of ours, and of nobody's, that has due rows.
async fn wake_due(shared: &Arc<Shared>, writers: &Writers) -> Result<(), DeliveryError> {
    let connection = writers.placement.engine().await?;
    let due = store::list_due_channels(&connection, shared.now()).await?;
    drop(connection);
    for (tenant_id, channel) in due {
        match tenant::live(shared, tenant_id).await {
            Ok(live) => {
                // A full mailbox means that it is awake.
                let _awake = tenant::ensure_channel(shared, &live, channel).tell(WakeUp);
            }
            Err(error) => tracing::debug!(error = %error, tenant.id = %tenant_id, "wake tenant"),
        }
    }
    Ok(())
}

async fn renew(shared: &Shared, writers: &Writers) -> Result<(), DeliveryError> {
    let lost: Vec<TenantId> = writers.leases.renew_all(shared.now(), shared.tuning.lease_ttl).await?;
    for tenant_id in lost {
        tracing::warn!(tenant.id = %tenant_id, "lost a lease: another process works for the tenant");
        shared.tenants.remove(&tenant_id);
    }
    Ok(())
}

/// The safety net for receipts that crossed their answers in two processes.
async fn match_parked(writers: &Writers) -> Result<(), DeliveryError> {
    const PAGE: i64 = 1_000;
    let connection = writers.placement.engine().await?;
    let matches = store::list_parked_matches(&connection, PAGE).await?;
    let ours: Vec<_> = matches.into_iter().filter(|parked| writers.leases.epoch(parked.tenant_id).is_some()).collect();
    if !ours.is_empty() && writers.ledger.tell(Entry::Match(ours)).is_err() {
        tracing::debug!("the ledger is busy: parked receipts wait for the next round");
    }
    Ok(())
}

/// Partitions for the days to come; those past retention go.
async fn partitions(shared: &Shared, writers: &Writers) -> Result<(), DeliveryError> {
    let now = shared.now();
    carepost_store::ensure_partitions(&writers.placement, now, shared.tuning.partition_days).await?;
    let keep = SignedDuration::from_hours(24 * i64::from(shared.tuning.retention_days));
    let oldest = now.saturating_sub(keep).unwrap_or(now).to_zoned(jiff::tz::TimeZone::UTC).date();
    let dropped = carepost_store::drop_partitions_before(&writers.placement, oldest).await?;
    if !dropped.is_empty() {
        tracing::info!(count = dropped.len(), "dropped partitions past retention");
    }
    Ok(())
}

/// Small steps, so that no sweep holds others up.
async fn sweep(shared: &Shared, writers: &Writers) -> Result<(), DeliveryError> {
    const STEP: i64 = 5_000;
    let connection = writers.placement.engine().await?;
    let now = shared.now();
    store::delete_expired_keys(&connection, now, STEP).await?;
    let keep = SignedDuration::from_hours(24 * i64::from(shared.tuning.retention_days));
    store::delete_old_refs(&connection, now.saturating_sub(keep).unwrap_or(now), STEP).await?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn report(shared: &Shared) {
    let (all, failed) = shared.tree.count();
    gauge!(ACTORS, "state" => "all").set(all as f64);
    gauge!(ACTORS, "state" => "failed").set(failed as f64);
    let held: usize = shared.tree.depth_of("ChannelActor");
    gauge!(WINDOW).set(held as f64);
    carepost_store::metrics::report_pools(&shared.placements.list());
}
