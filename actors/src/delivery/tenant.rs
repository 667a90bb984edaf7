//! `TenantActor`: admission of one tenant's messages, coalescing of equal keys, and the tenant's own commands.
//!
//! It is started on demand by [`live`], which claims the tenant's lease first (DEL-10), and passivated when idle.

mod commands;
mod keys;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Actor, ActorContext as _, AsyncContext as _, Context, Handler, Message};
use dashmap::DashMap;
use jiff::Timestamp;
use tokio::time::Instant;

use carepost_kernel::{Channel, TenantId};
use carepost_store::Lease;
use carepost_tenancy::TenantHandle;
use carepost_tenancy::types::Admission;

use crate::engine::{EngineError, Limit};
use crate::keeper::{Guard, Spec, Undelivered, keep};

use super::channel::{ChannelActor, DeliverMessages, WakeUp};
use super::ingest::{Incoming, StoreMessages};
use super::lane::{Limiter, SendLimit, TokioClock, limiter, take};
use super::shared::{LiveTenant, Shared, Writers, unavailable};

pub(crate) use commands::{CancelMessage, RedriveMessages};
pub(crate) use keys::{Answer, KeyMemory, Promise, answer};

/// Take in these messages of the tenant.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct EnqueueMessages {
    pub(crate) tenant: Arc<TenantHandle>,
    pub(crate) messages: Vec<(carepost_delivery::NewMessage, Answer)>,
}

pub(crate) struct TenantActor {
    shared: Arc<Shared>,
    tenant_id: TenantId,
    clock: TokioClock,
    admission: Admission,
    limiter: Limiter,
    last_use: Instant,
    guard: Guard,
}

/// How often it looks whether it is idle.
const IDLE_CHECK: Duration = Duration::from_secs(5);

impl TenantActor {
    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    fn new(shared: Arc<Shared>, tenant_id: TenantId, guard: Guard) -> Self {
        let (clock, admission) = (TokioClock::default(), Admission::default());
        let limiter = limiter(admission.per_second, admission.burst, clock);
        Self { shared, tenant_id, clock, admission, limiter, last_use: Instant::now(), guard }
    }

    /// Follows a changed limit.
    fn adopt(&mut self, admission: Admission) {
        if self.admission != admission {
            self.admission = admission;
            self.limiter = limiter(admission.per_second, admission.burst, self.clock);
        }
    }

    fn live(&self) -> Option<Arc<LiveTenant>> {
        self.shared.tenants.get(&self.tenant_id).map(|found| Arc::clone(&found))
    }

    /// The limits of the tenant, the cheapest first.
    fn admit(&self, live: &LiveTenant, tenant: &TenantHandle) -> Result<(), EngineError> {
        let most = i64::try_from(tenant.tenant.settings.max_waiting).unwrap_or(i64::MAX);
        if live.waiting.load(Ordering::Relaxed) >= most {
            let retry_after = Duration::from_secs(5);
            return Err(EngineError::Throttled { limit: Limit::TenantWaiting, retry_after });
        }
        take(&self.limiter, &self.clock)
            .map_err(|retry_after| EngineError::Throttled { limit: Limit::TenantRate, retry_after })
    }

    fn take_in(&self, command: EnqueueMessages, live: &Arc<LiveTenant>) {
        let mut incoming = Vec::with_capacity(command.messages.len());
        for (message, to) in command.messages {
            // A replay takes nothing from the quota: it stores nothing.
            let Some(promise) = live.keys.claim(&message, to) else { continue };
            if let Err(error) = self.admit(live, &command.tenant) {
                promise.keep(Err(error));
                continue;
            }
            for delivery in &message.deliveries {
                ensure_channel(&self.shared, live, delivery.channel);
            }
            incoming.push(Incoming { message, live: Arc::clone(live), promise });
        }
        if incoming.is_empty() {
            return;
        }
        let store = StoreMessages { incoming, weight: command.tenant.tenant.settings.weight };
        if let Err(Undelivered::Full(store) | Undelivered::Away(store)) = live.writers.ingest.tell(store) {
            for one in store.incoming {
                one.promise.keep(Err(EngineError::overloaded()));
            }
        }
    }

    fn retire_if_idle(&mut self, context: &mut Context<Self>) {
        let Some(live) = self.live() else {
            // The lease is another process's by now.
            self.guard.retire();
            context.stop();
            return;
        };
        let idle = self.last_use.elapsed() >= self.shared.tuning.idle_after
            && live.keys.is_idle()
            && live.channels.iter().all(|channel| channel.is_over());
        if idle {
            self.shared.tenants.remove(&self.tenant_id);
            let tenant_id = self.tenant_id;
            actix::spawn(async move {
                if let Err(error) = live.writers.leases.release(&[tenant_id]).await {
                    tracing::warn!(error = %error, tenant.id = %tenant_id, "release lease of an idle tenant");
                }
            });
            self.guard.retire();
            context.stop();
        }
    }
}

impl Actor for TenantActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(IDLE_CHECK, Self::retire_if_idle);
    }
}

impl Handler<EnqueueMessages> for TenantActor {
    type Result = ();

    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    fn handle(&mut self, command: EnqueueMessages, _: &mut Self::Context) {
        self.last_use = Instant::now();
        self.adopt(command.tenant.tenant.settings.admission);
        let live = self.live().filter(|live| live.epoch().is_some() && !self.shared.is_draining());
        let Some(live) = live else {
            command.messages.into_iter().for_each(|(_, to)| answer(to, Err(EngineError::restarting())));
            return;
        };
        self.take_in(command, &live);
    }
}

/// The tenant, live in this process: started now if it is not, and only if the lease can be had.
///
/// # Errors
/// Where another process owns it, or something is away.
pub(crate) async fn live(shared: &Arc<Shared>, tenant_id: TenantId) -> Result<Arc<LiveTenant>, EngineError> {
    if let Some(found) = shared.tenants.get(&tenant_id) {
        return Ok(Arc::clone(&found));
    }
    if shared.is_draining() {
        return Err(EngineError::restarting());
    }
    let _one_at_a_time = shared.activation.lock().await;
    if let Some(found) = shared.tenants.get(&tenant_id) {
        return Ok(Arc::clone(&found));
    }
    let placement_id = shared.directory.placement_of(tenant_id).await.map_err(|error| unavailable(&error))?;
    let writers = crate::root::writers(shared, placement_id).await?;
    claim(shared, &writers, tenant_id).await?;
    let waiting = count_waiting(&writers, tenant_id, shared.now()).await?;
    let live = Arc::new(LiveTenant {
        tenant_id,
        actor: start(shared, tenant_id),
        channels: DashMap::new(),
        waiting: waiting.into(),
        send_limit: SendLimit::default(),
        keys: Arc::default(),
        writers,
    });
    shared.tenants.insert(tenant_id, Arc::clone(&live));
    Ok(live)
}

fn start(shared: &Arc<Shared>, tenant_id: TenantId) -> crate::keeper::Handle<TenantActor> {
    let spec =
        Spec { path: format!("root/tenant:{tenant_id}"), kind: "TenantActor", mailbox: shared.tuning.tenant_mailbox };
    let (arbiter, kept) = (shared.arbiters.of(tenant_id.as_uuid().as_u128()), Arc::clone(shared));
    keep(&arbiter, &shared.tree, spec, move |guard, _| TenantActor::new(Arc::clone(&kept), tenant_id, guard))
}

async fn claim(shared: &Shared, writers: &Writers, tenant_id: TenantId) -> Result<(), EngineError> {
    let claimed = writers.leases.claim(&[tenant_id], shared.now(), shared.tuning.lease_ttl).await;
    match claimed.as_deref() {
        Ok([Lease { .. }, ..]) => Ok(()),
        Ok(_) => Err(EngineError::Unavailable {
            reason: "another process works for this tenant",
            retry_after: Duration::from_secs(1),
        }),
        Err(error) => {
            tracing::warn!(error = %error, tenant.id = %tenant_id, "claim lease");
            Err(EngineError::away())
        }
    }
}

/// Counted up to a bound: beyond it the exact number does not matter for an estimate.
const COUNT_BOUND: i64 = 100_000;

async fn count_waiting(writers: &Writers, tenant_id: TenantId, now: Timestamp) -> Result<i64, EngineError> {
    let counted = async {
        let connection = writers.placement.engine().await?;
        carepost_delivery::store::count_open(&connection, tenant_id, now, COUNT_BOUND).await
    };
    counted.await.map_err(|error: carepost_delivery::DeliveryError| {
        tracing::warn!(error = %error, tenant.id = %tenant_id, "count waiting deliveries");
        EngineError::away()
    })
}

/// The channel's actor, started now if it is not.
pub(crate) fn ensure_channel(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    channel: Channel,
) -> crate::keeper::Handle<ChannelActor> {
    if let Some(found) = live.channels.get(&channel).filter(|found| !found.is_over()) {
        return found.clone();
    }
    let mut entry = match live.channels.entry(channel) {
        dashmap::Entry::Occupied(entry) if !entry.get().is_over() => return entry.get().clone(),
        dashmap::Entry::Occupied(mut entry) => {
            entry.insert(ChannelActor::start(shared, live, channel));
            entry.into_ref()
        }
        dashmap::Entry::Vacant(entry) => entry.insert(ChannelActor::start(shared, live, channel)),
    };
    entry.value_mut().clone()
}

/// Hands stored deliveries to their channel; where it is busy, they wait in their rows and it looks there later.
pub(crate) fn deliver(shared: &Shared, live: &LiveTenant, channel: Channel, command: DeliverMessages) {
    let Some(handle) = live.channels.get(&channel).map(|found| found.clone()) else {
        return;
    };
    if handle.tell(command).is_err() && handle.tell(WakeUp).is_err() && !shared.is_draining() {
        tracing::debug!(tenant.id = %live.tenant_id, "channel was busy: deliveries wait in their rows");
    }
}
