//! `Scheduler`: the clockwork behind the actors. Wakes channels whose rows are due, renews leases, follows changes of
//! configuration, and sweeps. Each duty is a private tick; a duty that is still running is not started twice. What is
//! to be done for a placement is done for each by itself: a sick database holds up its own tenants only.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, StreamHandler, WrapFuture as _};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use metrics::gauge;

use carepost_delivery::DeliveryError;
use carepost_delivery::store::{DueChannel, PutOff, SweepBounds, Swept};
use carepost_kernel::{Chain, PlacementId, TenantId};
use carepost_store::Lease;
use carepost_tenancy::TenancyEvent;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::campaigns;
use crate::keeper::Guard;
use crate::metrics::{ACTORS, WINDOW};

use super::channel::WakeUp;
use super::ledger::Entry;
use super::shared::{Shared, Writers};
use super::tenant;
use super::{news, replies};

pub(crate) struct Scheduler {
    shared: Arc<Shared>,
    running: HashSet<Task>,
    _guard: Guard,
}

/// A duty, for one placement or for the process.
type Task = (Duty, Option<PlacementId>);

/// What the scheduler does, each at its own pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Duty {
    WakeDue,
    RenewLeases,
    Refresh,
    OpenPlacements,
    Recount,
    FlushKeyUses,
    MatchParked,
    FollowConsent,
    TendBulkSends,
    TakeUpReplies,
    Partitions,
    Sweep,
    Report,
}

impl Duty {
    const ALL: [Self; 13] = [
        Self::WakeDue,
        Self::RenewLeases,
        Self::Refresh,
        Self::OpenPlacements,
        Self::Recount,
        Self::FlushKeyUses,
        Self::MatchParked,
        Self::FollowConsent,
        Self::TendBulkSends,
        Self::TakeUpReplies,
        Self::Partitions,
        Self::Sweep,
        Self::Report,
    ];

    fn every(self, shared: &Shared) -> Duration {
        match self {
            Self::WakeDue => shared.tuning.wake_every,
            Self::RenewLeases => shared.tuning.lease_ttl / 4,
            // A change that another process made is in force here half a second later at most.
            Self::FollowConsent => Duration::from_millis(500),
            Self::Refresh | Self::Recount | Self::TendBulkSends => Duration::from_secs(1),
            Self::OpenPlacements => Duration::from_secs(2),
            Self::MatchParked | Self::Report => Duration::from_secs(5),
            Self::FlushKeyUses => Duration::from_secs(60),
            Self::TakeUpReplies => Duration::from_secs(2),
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
        match duty {
            Duty::Refresh | Duty::FlushKeyUses | Duty::Report => {
                let work = for_process(Arc::clone(&self.shared), duty);
                self.set_going((duty, None), work, context);
            }
            Duty::OpenPlacements => {
                for placement_id in self.shared.journals.list() {
                    if !self.shared.writers.contains_key(&placement_id) {
                        self.set_going(
                            (duty, Some(placement_id)),
                            open(Arc::clone(&self.shared), placement_id),
                            context,
                        );
                    }
                }
            }
            Duty::WakeDue
            | Duty::RenewLeases
            | Duty::Recount
            | Duty::MatchParked
            | Duty::FollowConsent
            | Duty::TendBulkSends
            | Duty::TakeUpReplies
            | Duty::Partitions
            | Duty::Sweep => {
                for writers in self.shared.all_writers() {
                    let placement_id = writers.placement_id;
                    let work = perform(Arc::clone(&self.shared), writers, duty);
                    self.set_going((duty, Some(placement_id)), work, context);
                }
            }
        }
    }

    fn set_going(&mut self, task: Task, work: impl Future<Output = ()> + 'static, context: &mut Context<Self>) {
        if self.running.insert(task) {
            context.spawn(work.into_actor(self).map(move |(), actor, _| {
                actor.running.remove(&task);
            }));
        }
    }
}

impl Actor for Scheduler {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.add_stream(changes(self.shared.directory.subscribe()));
        for duty in Duty::ALL {
            self.run(duty, context);
            let every = duty.every(&self.shared);
            context.run_interval(every, move |actor, context| actor.run(duty, context));
        }
    }
}

/// The configuration of one tenant has changed, or, where news were missed, of any.
struct Changed(Option<TenantId>);

fn changes(news: Receiver<TenancyEvent>) -> impl futures_util::Stream<Item = Changed> {
    futures_util::stream::unfold(news, |mut news| async move {
        loop {
            match news.recv().await {
                Ok(TenancyEvent::TenantChanged(tenant_id) | TenancyEvent::AccountChanged { tenant_id, .. }) => {
                    return Some((Changed(Some(tenant_id)), news));
                }
                Err(RecvError::Lagged(_)) => return Some((Changed(None), news)),
                Ok(_of_no_concern) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

impl StreamHandler<Changed> for Scheduler {
    fn handle(&mut self, Changed(tenant_id): Changed, _: &mut Context<Self>) {
        let changed: Vec<TenantId> = match tenant_id {
            Some(tenant_id) => vec![tenant_id],
            None => self
                .shared
                .all_writers()
                .iter()
                .flat_map(|of| self.shared.live_in(of))
                .map(|live| live.tenant_id)
                .collect(),
        };
        for tenant_id in changed {
            let shared = Arc::clone(&self.shared);
            actix::spawn(async move { tenant::reconsider(&shared, tenant_id, PutOff::ByConfiguration).await });
        }
    }

    fn finished(&mut self, _: &mut Context<Self>) {
        // The directory is gone, and so is the whole process soon.
    }
}

async fn for_process(shared: Arc<Shared>, duty: Duty) {
    match duty {
        Duty::Refresh => {
            if let Err(error) = shared.directory.refresh().await {
                tracing::warn!(error = %Chain(&error), "refresh configuration");
            }
        }
        Duty::FlushKeyUses => {
            if let Err(error) = shared.directory.flush_key_uses().await {
                tracing::warn!(error = %Chain(&error), "write down the use of API keys");
            }
        }
        _ => report(&shared),
    }
}

/// A placement that is new, or was away when the process started: rows of nobody may be due there.
async fn open(shared: Arc<Shared>, placement_id: PlacementId) {
    if let Err(error) = crate::root::writers(&shared, placement_id).await {
        tracing::debug!(error = %Chain(&error), "open placement");
    }
}

async fn perform(shared: Arc<Shared>, writers: Arc<Writers>, duty: Duty) {
    let done = match duty {
        Duty::WakeDue => wake_due(&shared, &writers).await,
        Duty::RenewLeases => renew(&shared, &writers).await,
        Duty::Recount => tenant::recount_old(&shared, &writers).await,
        Duty::MatchParked => match_parked(&shared, &writers).await,
        Duty::FollowConsent => news::follow(&shared, &writers).await,
        Duty::TendBulkSends => {
            campaigns::tend(&shared, &writers).await;
            Ok(())
        }
        Duty::TakeUpReplies => replies::take_up(&shared, &writers).await,
        Duty::Partitions => partitions(&shared, &writers).await,
        Duty::Sweep => sweep(&shared, &writers).await,
        Duty::Refresh | Duty::OpenPlacements | Duty::FlushKeyUses | Duty::Report => Ok(()),
    };
    if let Err(error) = done {
        tracing::warn!(error = %Chain(&error), duty = ?duty, "perform a duty for a placement");
    }
}

/// Wakes every channel of ours, and of nobody's that should be ours, that has due rows.
async fn wake_due(shared: &Arc<Shared>, writers: &Arc<Writers>) -> Result<(), DeliveryError> {
    let now = shared.now();
    let Some(look) = writers.due_floor.look(now) else { return Ok(()) };
    let session = writers.journal.connect().await?;
    let due = session.list_due_channels(look.due_from, now).await?;
    drop(session);
    writers.due_floor.looked(&look, due.iter().map(|channel| channel.first_due_at).min());
    let tenants = due.iter().map(|channel| channel.tenant_id).collect();
    let tenants = tenant::of_ours(shared, writers, tenants);
    let ours = match tenant::live_of(shared, writers, tenants).await {
        Ok(ours) => ours,
        Err(error) => {
            tracing::debug!(error = %Chain(&error), "wake tenants");
            return Ok(());
        }
    };
    for DueChannel { tenant_id, channel, .. } in due {
        if let Some(live) = ours.get(&tenant_id) {
            // A full mailbox means that it is awake.
            let _awake = tenant::ensure_channel(shared, live, channel).tell(WakeUp);
        }
    }
    Ok(())
}

async fn renew(shared: &Shared, writers: &Arc<Writers>) -> Result<(), DeliveryError> {
    let lost: Vec<TenantId> = writers.leases.renew_all(shared.now(), shared.tuning.lease_ttl).await?;
    for tenant_id in lost {
        tracing::warn!(tenant.id = %tenant_id, "lost a lease: another process works for the tenant");
    }
    for live in shared.live_in(writers) {
        if live.epoch().is_none() {
            shared.let_go(&live);
        }
    }
    give_back_unused(shared, writers).await?;
    Ok(tenant::meet_peers(shared, writers).await?)
}

/// A lease that was claimed for somebody who left before the tenant lived here: nobody would ever give it back.
async fn give_back_unused(shared: &Shared, writers: &Writers) -> Result<(), DeliveryError> {
    let (mut unused, mut turns) = (Vec::new(), Vec::new());
    for Lease { tenant_id, .. } in writers.leases.list() {
        if shared.tenants.contains_key(&tenant_id) {
            continue;
        }
        // Not while somebody is about to start it.
        let Some(turn) = shared.activation.try_take(tenant_id) else { continue };
        if !shared.tenants.contains_key(&tenant_id) {
            unused.push(tenant_id);
            turns.push(turn);
        }
    }
    if !unused.is_empty() {
        writers.leases.release(&unused).await?;
    }
    Ok(())
}

/// The safety net for receipts that crossed their answers in two processes: they came a moment ago.
async fn match_parked(shared: &Shared, writers: &Writers) -> Result<(), DeliveryError> {
    const LATEST: i64 = 2_000;
    const SINCE: SignedDuration = SignedDuration::from_mins(10);
    let session = writers.journal.connect().await?;
    let matches = session.list_parked_matches(before(shared.now(), SINCE), LATEST).await?;
    let ours: Vec<_> = matches.into_iter().filter(|parked| writers.leases.epoch(parked.tenant_id).is_some()).collect();
    if !ours.is_empty() && writers.ledger.tell(Entry::Match(ours)).is_err() {
        tracing::debug!("the ledger is busy: parked receipts wait for the next round");
    }
    Ok(())
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Partitions for the days to come; those past retention go, unless something of theirs is open (DEL-1).
async fn partitions(shared: &Shared, writers: &Writers) -> Result<(), DeliveryError> {
    let now = shared.now();
    writers.journal.ensure_partitions(now, shared.tuning.partition_days).await?;
    let oldest = day_of(keep_from(shared, now));
    let dropped = writers.journal.drop_partitions_before(oldest).await?;
    if !dropped.names.is_empty() {
        tracing::info!(count = dropped.names.len(), "dropped partitions past retention");
    }
    if let Some(first) = dropped.held.first() {
        let open: i64 = dropped.held.iter().map(|held| held.open).sum();
        let days = dropped.held.len();
        tracing::warn!(days, open, first_day = %first.day, "days past retention stay: deliveries of theirs are open");
    }
    // Yesterday's deliveries still change a lot, and each change would write to the index.
    let indexed = writers.journal.index_past_days(day_of(before(now, DAY))).await?;
    if !indexed.is_empty() {
        tracing::info!(count = indexed.len(), "indexed days that are over");
    }
    Ok(())
}

/// Walks this minute's share of each table in small steps with pauses, so that it keeps pace and holds nobody up.
async fn sweep(shared: &Shared, writers: &Writers) -> Result<(), DeliveryError> {
    const PAUSE: Duration = Duration::from_millis(20);
    const KEEP_PARKED: SignedDuration = SignedDuration::from_hours(7 * 24);
    let now = shared.now();
    let keep_from = keep_from(shared, now);
    campaigns::sweep(shared, writers, keep_from).await;
    let partitions = writers.journal.list_partitions().await?;
    let bounds = SweepBounds {
        now,
        keep_from,
        held_days: partitions.iter().map(|partition| partition.day).filter(|day| *day < day_of(keep_from)).collect(),
        parked_from: before(now, KEEP_PARKED),
    };
    writers.journal.sweep_consent(now).await?;
    let turn = u64::try_from(now.as_second()).unwrap_or(0) / Duty::Sweep.every(shared).as_secs().max(1);
    for swept in Swept::ALL {
        let stretches = writers.journal.connect().await?.list_stretches(swept, turn).await?;
        for stretch in stretches {
            if shared.is_draining() {
                return Ok(());
            }
            // Given back between the steps: others may be waiting for one.
            let session = writers.journal.connect().await?;
            session.sweep_stretch(swept, &stretch, &bounds).await?;
            drop(session);
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Messages from before this instant are past retention.
fn keep_from(shared: &Shared, now: Timestamp) -> Timestamp {
    before(now, SignedDuration::from_hours(24 * i64::from(shared.tuning.retention_days)))
}

fn before(now: Timestamp, time: SignedDuration) -> Timestamp {
    now.saturating_sub(time).unwrap_or(Timestamp::MIN)
}

fn day_of(instant: Timestamp) -> Date {
    instant.to_zoned(TimeZone::UTC).date()
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn report(shared: &Shared) {
    let (all, failed) = shared.tree.count();
    gauge!(ACTORS, "state" => "all").set(all as f64);
    gauge!(ACTORS, "state" => "failed").set(failed as f64);
    let held: usize = shared.tree.depth_of("ChannelActor");
    gauge!(WINDOW).set(held as f64);
    shared.journals.report();
}
