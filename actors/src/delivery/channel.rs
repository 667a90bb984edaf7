//! `ChannelActor`: one tenant's deliveries on one channel. It holds a bounded window of live deliveries (DEL-12), asks
//! the gate when a lane has a turn (DEL-8), and follows the rules with what comes back.
//!
//! Outside the window deliveries wait in their rows, and are paged in when there is room. Losing this actor loses
//! nothing: its successor pages the rows in again.

mod asking;
mod leaving;
mod paging;
mod window;
pub(crate) mod work;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix::{Actor, ActorContext as _, AsyncContext as _, Context, Handler, Message, SpawnHandle, StreamHandler};
use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;

use carepost_consent::types::AddressKey;
use carepost_delivery::DeliveryError;
use carepost_delivery::ledger::Effect;
use carepost_delivery::store::{DueRow, PutOff};
use carepost_delivery::types::{Delivery, DeliveryKey};
use carepost_kernel::{Channel, Failure, TenantId};

use crate::keeper::{Guard, Handle, Spec, keep};

use super::shared::{LiveTenant, Shared};
pub(crate) use window::ByteBudget;
use window::Window;

/// Deliveries that are stored and may be worked on, in memory and in full.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct DeliverMessages {
    pub(crate) deliveries: Vec<Delivery>,
}

/// There may be due rows.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) struct WakeUp;

/// Something has changed, and what was put off because of it may go on or be refused.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub(crate) struct Reconsider(pub(crate) PutOff);

/// A receipt has changed a delivery's state; open means bad news, for us to decide on.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub(crate) struct StateChanged {
    pub(crate) key: DeliveryKey,
    pub(crate) is_open: bool,
    pub(crate) failure: Option<Failure>,
}

/// Answers to what the actor has set going. They come over a way of their own, so that a full mailbox cannot lose one.
pub(crate) enum Answered {
    /// A call has ended and its outcome is durable, or no call was made.
    CallEnded(super::attempt::CallEnded),
    /// A decision is durable.
    Decided { key: DeliveryKey, effect: Option<Effect> },
    /// A page of due rows; none where its reader panicked.
    Paged(Option<Result<paging::DuePage, DeliveryError>>),
    /// The row of a delivery that bad news came of.
    BadNews { row: Result<Option<DueRow>, DeliveryError>, failure: Failure },
    /// What the provider said about an unknown outcome.
    LookedUp { key: DeliveryKey, found: super::attempt::Found },
    /// The accounts are known now, or cannot be.
    AccountsKnown,
    /// The tenant is known now, or cannot be.
    TenantKnown,
    /// The gate's policy is known now, or cannot be.
    PolicyKnown,
    /// What the gate has to know of these addresses is known now, or cannot be.
    FactsKnown { keys: Arc<[AddressKey]> },
}

/// The way back to a channel.
pub(crate) type Link = mpsc::UnboundedSender<Answered>;

/// Sends what comes of some work to the channel, whose delivery is away meanwhile; `or_else` where the work panics.
pub(crate) fn answer_with(link: Link, work: impl Future<Output = Answered> + 'static, or_else: Answered) {
    actix::spawn(async move {
        let answered = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_panic| {
            tracing::error!("work for a channel panicked");
            or_else
        });
        // Nobody listens where the actor has died: its successor reads the rows.
        let _gone = link.send(answered);
    });
}

pub(crate) struct ChannelActor {
    shared: Arc<Shared>,
    live: Arc<LiveTenant>,
    channel: Channel,
    window: Window,
    link: Link,
    answers: Option<mpsc::UnboundedReceiver<Answered>>,
    paging: paging::Paging,
    last_use: Instant,
    /// When the next look is due, and the timer for it.
    next_tick: Option<(Instant, SpawnHandle)>,
    loading_accounts: bool,
    loading_tenant: bool,
    loading_policy: bool,
    loading_facts: bool,
    guard: Guard,
}

impl ChannelActor {
    /// Starts the actor of a channel under its keeper.
    pub(crate) fn start(shared: &Arc<Shared>, live: &Arc<LiveTenant>, channel: Channel) -> Handle<Self> {
        let tenant_id = live.tenant_id;
        let spec = Spec {
            path: format!("root/tenant:{tenant_id}/channel:{}", channel.as_str()),
            kind: "ChannelActor",
            mailbox: shared.tuning.channel_mailbox,
        };
        let arbiter = shared.arbiters.of(tenant_id.as_uuid().as_u128());
        let (kept, live) = (Arc::clone(shared), Arc::clone(live));
        keep(&arbiter, &shared.tree, spec, move |guard, _| {
            Self::new(Arc::clone(&kept), Arc::clone(&live), channel, guard)
        })
    }

    fn new(shared: Arc<Shared>, live: Arc<LiveTenant>, channel: Channel, guard: Guard) -> Self {
        let (link, answers) = mpsc::unbounded_channel();
        let window = Window::new(shared.tuning.window, Arc::clone(&shared.window_bytes), Arc::clone(&live.book));
        Self {
            shared,
            live,
            channel,
            window,
            link,
            answers: Some(answers),
            paging: paging::Paging::default(),
            last_use: instant(),
            next_tick: None,
            loading_accounts: false,
            loading_tenant: false,
            loading_policy: false,
            loading_facts: false,
            guard,
        }
    }

    fn tenant_id(&self) -> TenantId {
        self.live.tenant_id
    }

    /// It may work: nobody else owns the tenant or is about to, and the process is not stopping.
    fn may_work(&self) -> bool {
        let goes = self.live.handing_over.load(std::sync::atomic::Ordering::Acquire);
        self.live.epoch().is_some() && !goes && !self.shared.is_draining()
    }

    fn check(&mut self, context: &mut Context<Self>) {
        self.guard.show_depth(self.window.len());
        if self.live.epoch().is_none() {
            // Somebody else's by now: what we have in memory is not ours to send.
            self.retire(context);
            return;
        }
        self.work(context);
        let idle = self.window.is_empty()
            && !self.paging.is_reading()
            && self.last_use.elapsed() >= self.shared.tuning.idle_after;
        if idle {
            self.retire(context);
        }
    }

    fn retire(&mut self, context: &mut Context<Self>) {
        self.guard.retire();
        context.stop();
    }

    /// Looks again after `wait`, unless it will look earlier anyway. One timer at most is pending: each that actix holds
    /// is polled at every wake-up of the actor.
    fn look_after(&mut self, wait: Duration, context: &mut Context<Self>) {
        let wait = wait.max(Duration::from_millis(1));
        let at = instant() + wait;
        match self.next_tick {
            Some((planned, _)) if planned <= at => return,
            Some((_, later)) => _ = context.cancel_future(later),
            None => {}
        }
        let tick = context.run_later(wait, |actor, context| {
            actor.next_tick = None;
            actor.work(context);
        });
        self.next_tick = Some((at, tick));
    }
}

impl Actor for ChannelActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        if let Some(mut answers) = self.answers.take() {
            context.add_stream(futures_util::stream::poll_fn(move |waker| -> Poll<Option<Answered>> {
                answers.poll_recv(waker)
            }));
        }
        context.run_interval(self.shared.tuning.idle_check(), Self::check);
        self.work(context);
    }
}

impl Handler<DeliverMessages> for ChannelActor {
    type Result = ();

    fn handle(&mut self, command: DeliverMessages, context: &mut Self::Context) {
        self.last_use = instant();
        for delivery in command.deliveries {
            self.take_in(delivery, false);
        }
        self.work(context);
    }
}

impl Handler<WakeUp> for ChannelActor {
    type Result = ();

    fn handle(&mut self, _: WakeUp, context: &mut Self::Context) {
        self.last_use = instant();
        self.paging.want();
        self.work(context);
    }
}

impl Handler<Reconsider> for ChannelActor {
    type Result = ();

    fn handle(&mut self, change: Reconsider, context: &mut Self::Context) {
        self.window.reconsider(&change.0, instant());
        self.paging.rescan();
        self.work(context);
    }
}

impl Handler<StateChanged> for ChannelActor {
    type Result = ();

    fn handle(&mut self, change: StateChanged, context: &mut Self::Context) {
        self.last_use = instant();
        match change.failure {
            Some(failure) if change.is_open => self.load_bad_news(change.key, failure),
            _ => {
                self.window.forget(change.key.message_id);
                self.work(context);
            }
        }
    }
}

impl StreamHandler<Answered> for ChannelActor {
    fn handle(&mut self, answered: Answered, context: &mut Self::Context) {
        self.last_use = instant();
        match answered {
            Answered::CallEnded(ended) => self.call_ended(ended),
            Answered::Decided { key, effect } => self.decided(key, effect),
            Answered::Paged(page) => self.paged(page, context),
            Answered::BadNews { row, failure } => self.bad_news(row, &failure),
            Answered::LookedUp { key, found } => self.looked_up(key, found),
            Answered::AccountsKnown => self.loading_accounts = false,
            Answered::TenantKnown => self.loading_tenant = false,
            Answered::PolicyKnown => self.loading_policy = false,
            Answered::FactsKnown { keys } => self.facts_known(&keys),
        }
        self.work(context);
    }
}

#[expect(clippy::disallowed_methods, reason = "a span of tokio's time, which tests can pause")]
fn instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use carepost_delivery::types::Payload;

    use crate::delivery::testing::delivery;

    use super::*;

    #[actix::test]
    async fn work_that_panics_is_answered_for() {
        let (link, mut answers) = mpsc::unbounded_channel();
        let key = delivery(Payload::default()).key;
        answer_with(link, async { panic!("broken on purpose") }, Answered::Decided { key, effect: None });
        let answered = answers.recv().await;
        assert!(matches!(answered, Some(Answered::Decided { key: found, effect: None }) if found == key));
    }
}
