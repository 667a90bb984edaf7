//! `TenantActor`: admission of one tenant's messages, coalescing of equal keys, and the tenant's own commands.
//!
//! It is started on demand by [`live`], which claims the tenant's lease first (DEL-10), and passivated when idle.

mod activation;
mod commands;
mod keys;
mod seat;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::{
    Actor, ActorContext as _, ActorFutureExt as _, AsyncContext as _, Context, Handler, Message, WrapFuture as _,
};
use tokio::time::Instant;

use carepost_kernel::{Chain, Channel, TenantId};
use carepost_tenancy::TenantHandle;
use carepost_tenancy::types::Admission;

use crate::engine::{EngineError, Limit};
use crate::keeper::{Guard, Handle, Spec, Undelivered, keep};

use super::channel::{ChannelActor, DeliverMessages, WakeUp};
use super::ingest::{Incoming, StoreMessages};
use super::lane::{Limiter, TokioClock, limiter, take};
use super::shared::{LiveTenant, Shared};

pub(crate) use activation::{live, live_of, reconsider, recount_old};
pub(crate) use commands::{CancelMessage, RedriveMessages, cancel as cancel_message, take_back};
pub(crate) use keys::{Answer, KeyMemory, Promise, answer};
pub(crate) use seat::{AT_A_TIME, meet_peers, of_ours, peers, recent_peers, seat};

/// Take in these messages of the tenant.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct EnqueueMessages {
    pub(crate) tenant: Arc<TenantHandle>,
    pub(crate) messages: Vec<(carepost_delivery::NewMessage, Answer)>,
}

/// Give the tenant up: another process is a better place for it.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) struct HandOver;

pub(crate) struct TenantActor {
    shared: Arc<Shared>,
    /// The incarnation that this actor belongs to.
    live: Weak<LiveTenant>,
    clock: TokioClock,
    admission: Admission,
    limiter: Limiter,
    last_use: Instant,
    guard: Guard,
}

/// How often a tenant that retires looks whether the last calls have ended.
const CALLS_END: Duration = Duration::from_millis(10);

impl TenantActor {
    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    fn new(shared: Arc<Shared>, live: Weak<LiveTenant>, guard: Guard) -> Self {
        let (clock, admission) = (TokioClock::default(), Admission::default());
        let limiter = limiter(admission.per_second, admission.burst, clock);
        Self { shared, live, clock, admission, limiter, last_use: Instant::now(), guard }
    }

    /// Follows a changed limit.
    fn adopt(&mut self, admission: Admission) {
        if self.admission != admission {
            self.admission = admission;
            self.limiter = limiter(admission.per_second, admission.burst, self.clock);
        }
    }

    /// The tenant, as long as it is ours.
    fn live(&self) -> Option<Arc<LiveTenant>> {
        self.live.upgrade().filter(|live| live.epoch().is_some())
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
        let (store, error) = match live.writers.ingest.tell(store) {
            Ok(()) => return,
            Err(Undelivered::Full(store)) => (store, EngineError::overloaded(Limit::IngestQueue)),
            Err(Undelivered::Away(store)) => (store, EngineError::Moving),
        };
        store.incoming.into_iter().for_each(|one| one.promise.keep(Err(error.clone())));
    }

    fn retire_if_idle(&mut self, context: &mut Context<Self>) {
        if self.live.upgrade().is_some_and(|live| live.handing_over.load(Ordering::Acquire)) {
            // It ends anyway, or stays.
            return;
        }
        let Some(live) = self.live() else {
            // The lease is another process's by now.
            if let Some(former) = self.live.upgrade() {
                self.shared.let_go(&former);
            }
            self.guard.retire();
            context.stop();
            return;
        };
        let is_idle = self.last_use.elapsed() >= self.shared.tuning.idle_after
            && live.keys.is_idle()
            && live.has_no_campaigns()
            && live.channels.iter().all(|channel| channel.is_over());
        if !is_idle {
            return;
        }
        // Nobody may take the tenant up again before its lease is given back.
        let Some(turn) = self.shared.activation.try_take(live.tenant_id) else { return };
        self.shared.let_go(&live);
        let shared = Arc::clone(&self.shared);
        let giving_back = async move {
            // A channel may have been woken a moment ago: what it has set going needs the lease for its outcome (DEL-5).
            while shared.is_calling_for(live.tenant_id) {
                tokio::time::sleep(CALLS_END).await;
            }
            if let Err(error) = live.writers.leases.release(&[live.tenant_id]).await {
                // It runs out by itself.
                tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "release lease of an idle tenant");
            }
            drop(turn);
        };
        // What comes meanwhile is dropped with the actor: its senders are told to come again.
        context.wait(giving_back.into_actor(self).map(|(), actor, context| {
            actor.guard.retire();
            context.stop();
        }));
    }
}

impl Actor for TenantActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(self.shared.tuning.idle_check(), Self::retire_if_idle);
    }
}

impl Handler<EnqueueMessages> for TenantActor {
    type Result = ();

    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    fn handle(&mut self, command: EnqueueMessages, _: &mut Self::Context) {
        self.last_use = Instant::now();
        self.adopt(command.tenant.tenant.settings.admission);
        let live = self.live().filter(|_| !self.shared.is_draining());
        let Some(live) = live else {
            command.messages.into_iter().for_each(|(_, to)| answer(to, Err(EngineError::Moving)));
            return;
        };
        self.take_in(command, &live);
    }
}

impl Handler<HandOver> for TenantActor {
    type Result = ();

    fn handle(&mut self, _: HandOver, context: &mut Self::Context) {
        let Some(live) = self.live() else { return };
        // Somebody is about to start or end it: in the next round, then.
        let Some(turn) = self.shared.activation.try_take(live.tenant_id) else { return };
        let moving = seat::hand_over(Arc::clone(&self.shared), live, turn);
        context.spawn(moving.into_actor(self).map(|is_gone, actor, context| {
            if is_gone {
                actor.guard.retire();
                context.stop();
            }
        }));
    }
}

fn start(shared: &Arc<Shared>, tenant_id: TenantId, live: Weak<LiveTenant>) -> Handle<TenantActor> {
    let spec =
        Spec { path: format!("root/tenant:{tenant_id}"), kind: "TenantActor", mailbox: shared.tuning.tenant_mailbox };
    let (arbiter, kept) = (shared.arbiters.of(tenant_id.as_uuid().as_u128()), Arc::clone(shared));
    keep(&arbiter, &shared.tree, spec, move |guard, _| TenantActor::new(Arc::clone(&kept), live.clone(), guard))
}

/// Hands messages to the tenant's actor; whoever waits for them is answered in any case.
pub(crate) async fn hand_in(live: &LiveTenant, command: EnqueueMessages) {
    match live.actor.tell(command) {
        Ok(()) => {}
        Err(Undelivered::Full(refused)) => refuse(refused, &EngineError::overloaded(Limit::Mailbox)),
        Err(Undelivered::Away(refused)) => tell_when_ready(live, refused).await,
    }
}

/// The actor is between two lives: they are some milliseconds apart.
async fn tell_when_ready(live: &LiveTenant, command: EnqueueMessages) {
    live.actor.ready().await;
    match live.actor.tell(command) {
        Ok(()) => {}
        Err(Undelivered::Full(refused)) => refuse(refused, &EngineError::overloaded(Limit::Mailbox)),
        Err(Undelivered::Away(refused)) => refuse(refused, &EngineError::Moving),
    }
}

fn refuse(command: EnqueueMessages, error: &EngineError) {
    command.messages.into_iter().for_each(|(_, to)| answer(to, Err(error.clone())));
}

/// The channel's actor, started now if it is not.
pub(crate) fn ensure_channel(shared: &Arc<Shared>, live: &Arc<LiveTenant>, channel: Channel) -> Handle<ChannelActor> {
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
