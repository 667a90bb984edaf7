//! `CampaignsActor`: a live tenant's bulk sends. Asks the gate about each row when a send is counted, feeds rows to the
//! engine when it runs, takes back what waits when it is cancelled.
//!
//! One turn at a time, and in it one page of each send: the rows say how far it has come, so that a death costs nothing,
//! and whoever owns the tenant next goes on from them. The scheduler wakes it, so does a caller's deed; it retires when
//! there is nothing to do.

mod cancel;
mod feed;
mod once;
mod page;
mod work;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use actix::{
    Actor, ActorContext as _, ActorFutureExt as _, AsyncContext as _, Context, Handler, Message, SpawnHandle,
    WrapFuture as _,
};
use jiff::Timestamp;

use carepost_campaigns::store;
use carepost_kernel::Chain;

use crate::delivery::shared::{LiveTenant, Shared, Writers};
use crate::delivery::tenant;
use crate::keeper::{Guard, Handle, Spec, keep};

use work::{Memory, Next};

/// There is something to do, or there may be.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) struct TendBulkSends;

pub(crate) struct CampaignsActor {
    shared: Arc<Shared>,
    live: Arc<LiveTenant>,
    memory: Memory,
    is_working: bool,
    /// Somebody has called while a turn was under way.
    is_called: bool,
    next_turn: Option<SpawnHandle>,
    guard: Guard,
}

/// It holds wake-ups only.
const MAILBOX: usize = 16;

impl CampaignsActor {
    fn start(shared: &Arc<Shared>, live: &Arc<LiveTenant>) -> Handle<Self> {
        let tenant_id = live.tenant_id;
        let spec =
            Spec { path: format!("root/tenant:{tenant_id}/campaigns"), kind: "CampaignsActor", mailbox: MAILBOX };
        let arbiter = shared.arbiters.of(tenant_id.as_uuid().as_u128());
        let (kept, live) = (Arc::clone(shared), Arc::clone(live));
        keep(&arbiter, &shared.tree, spec, move |guard, _| Self {
            shared: Arc::clone(&kept),
            live: Arc::clone(&live),
            memory: Memory::default(),
            is_working: false,
            is_called: false,
            next_turn: None,
            guard,
        })
    }

    fn turn(&mut self, context: &mut Context<Self>) {
        if std::mem::replace(&mut self.is_working, true) {
            self.is_called = true;
            return;
        }
        if let Some(waiting) = self.next_turn.take() {
            context.cancel_future(waiting);
        }
        let (shared, live) = (Arc::clone(&self.shared), Arc::clone(&self.live));
        let mut memory = std::mem::take(&mut self.memory);
        let work = async move {
            let next = work::turn(&shared, &live, &mut memory).await;
            (next, memory)
        };
        context.spawn(work.into_actor(self).map(|(next, memory), actor, context| {
            actor.memory = memory;
            actor.is_working = false;
            actor.guard.show_depth(actor.memory.sends());
            actor.follow(next, context);
        }));
    }

    fn follow(&mut self, next: Next, context: &mut Context<Self>) {
        let is_called = std::mem::take(&mut self.is_called);
        match next {
            Next::Over if !is_called => {
                self.guard.retire();
                context.stop();
            }
            Next::Over | Next::Now => context.notify(TendBulkSends),
            Next::After(_) if is_called => context.notify(TendBulkSends),
            Next::After(wait) => self.next_turn = Some(context.run_later(wait, Self::turn)),
        }
    }
}

impl Actor for CampaignsActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.turn(context);
    }
}

impl Handler<TendBulkSends> for CampaignsActor {
    type Result = ();

    fn handle(&mut self, _: TendBulkSends, context: &mut Self::Context) {
        self.turn(context);
    }
}

/// Wakes the tenant's actor, started now if it is not.
pub(crate) fn wake(shared: &Arc<Shared>, live: &Arc<LiveTenant>) {
    let handle = {
        let mut place = live.campaigns.lock().unwrap_or_else(PoisonError::into_inner);
        match place.as_ref().filter(|handle| !handle.is_over()) {
            Some(handle) => handle.clone(),
            None => {
                // It begins by itself.
                *place = Some(CampaignsActor::start(shared, live));
                return;
            }
        }
    };
    // A full mailbox means that it is awake; one that is about to retire is woken by the scheduler.
    let _awake = handle.tell(TendBulkSends);
}

/// Wakes the actors of all tenants of a placement that have bulk sends to be worked on, and are ours or nobody's.
pub(crate) async fn tend(shared: &Arc<Shared>, writers: &Arc<Writers>) {
    let Some(placement) = writers.journal.placement() else { return };
    let found = async {
        let connection = placement.engine().await.map_err(carepost_delivery::DeliveryError::from)?;
        store::list_tenants(&connection, shared.now()).await
    };
    let tenants = match found.await {
        Ok(tenants) => tenants,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "look for bulk sends of a placement");
            return;
        }
    };
    let tenants = tenant::of_ours(shared, writers, tenants.into_iter().collect());
    match tenant::live_of(shared, writers, tenants).await {
        Ok(ours) => ours.values().for_each(|live| wake(shared, live)),
        Err(error) => tracing::debug!(error = %Chain(&error), "take up tenants with bulk sends"),
    }
}

/// Deletes what is past retention, in steps with pauses.
pub(crate) async fn sweep(shared: &Shared, writers: &Writers, keep_from: Timestamp) {
    const PAUSE: Duration = Duration::from_millis(20);
    /// Steps of one sweep; the next one goes on.
    const STEPS: usize = 100;
    let Some(placement) = writers.journal.placement() else { return };
    for _ in 0..STEPS {
        if shared.is_draining() {
            return;
        }
        let step = async {
            let connection = placement.engine().await.map_err(carepost_delivery::DeliveryError::from)?;
            store::delete_old(&connection, keep_from).await
        };
        match step.await {
            Ok(true) => tokio::time::sleep(PAUSE).await,
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "delete bulk sends past retention of a placement");
                return;
            }
        }
    }
}
