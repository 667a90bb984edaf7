//! Keepers: what rebuilds an actor that died.
//!
//! `actix::Supervisor` does not survive a panic, so every long-lived actor holds a [`Guard`]. Its `Drop` tells the
//! keeper, which builds a new actor from the factory: at once the first time, then with growing waits, and after too
//! many deaths in a minute only now and then, marked as failed so that readiness and alerts show it. An orderly stop
//! (passivation) ends the keeping.
//!
//! What was in the mailbox of a dead actor is lost; the rows are the truth. Whoever holds a [`Handle`] reaches the new
//! actor without knowing.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Arbiter, AsyncContext as _, Context, Handler, Message};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::metrics;
use crate::tree::{Node, State, Tree};

/// Deaths within [`WINDOW`] after which an actor counts as failed.
pub const TOO_MANY: usize = 5;
/// How long a death is remembered.
pub const WINDOW: Duration = Duration::from_secs(60);
/// How long somebody waits for an actor between two lives.
pub const PATIENCE: Duration = Duration::from_secs(1);
const FIRST_WAIT: Duration = Duration::from_millis(10);
const FAILED_WAIT: Duration = Duration::from_secs(10);

/// What is kept, and where it stands in the tree.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Place in the tree, for example `root/tenant:…/channel:sms`.
    pub path: String,
    /// Kind of actor, for example `ChannelActor`.
    pub kind: &'static str,
    /// How many messages the mailbox holds.
    pub mailbox: usize,
}

/// A field of every kept actor: its `Drop` is how the keeper learns of the death.
#[derive(Debug)]
pub struct Guard {
    told: Option<oneshot::Sender<Ending>>,
    orderly: bool,
    node: Arc<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Orderly,
    Died,
}

impl Guard {
    /// The actor is about to stop by its own wish: it is not rebuilt.
    pub const fn retire(&mut self) {
        self.orderly = true;
    }

    /// Shows how much waits in the actor's own queue.
    pub fn show_depth(&self, depth: usize) {
        self.node.set_depth(depth);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let ending = if self.orderly { Ending::Orderly } else { Ending::Died };
        if let Some(told) = self.told.take() {
            // The keeper is gone only when the whole tree is.
            let _keeper_is_gone = told.send(ending);
        }
    }
}

/// The way to a kept actor, whichever incarnation lives now. Cheap to clone.
pub struct Handle<A: Actor> {
    current: Arc<RwLock<Option<Addr<A>>>>,
    over: Arc<AtomicBool>,
    arrived: Arc<Notify>,
    overflows: Arc<AtomicU64>,
    kind: &'static str,
}

impl<A: Actor> Clone for Handle<A> {
    fn clone(&self) -> Self {
        Self {
            current: Arc::clone(&self.current),
            over: Arc::clone(&self.over),
            arrived: Arc::clone(&self.arrived),
            overflows: Arc::clone(&self.overflows),
            kind: self.kind,
        }
    }
}

impl<A: Actor> std::fmt::Debug for Handle<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({})", self.kind)
    }
}

/// A message that did not go into the mailbox; it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undelivered<M> {
    /// The mailbox is full: back-pressure.
    Full(M),
    /// The actor is between two lives, or gone.
    Away(M),
}

impl<A: Actor<Context = Context<A>>> Handle<A> {
    /// Puts a message into the mailbox, if there is room.
    ///
    /// # Errors
    /// The message, where there is none or nobody.
    pub fn tell<M>(&self, message: M) -> Result<(), Undelivered<M>>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
        A::Context: ToEnvelope<A, M>,
    {
        // Never through a clone: to actix each clone is a sender of its own, with a place beyond the bound, so that a
        // fresh clone for each message would make the mailbox endless (DEL-12).
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let Some(addr) = current.as_ref() else { return Err(Undelivered::Away(message)) };
        addr.try_send(message).map_err(|error| match error {
            actix::prelude::SendError::Full(message) => {
                self.overflows.fetch_add(1, Ordering::Relaxed);
                metrics::count_mailbox_full(self.kind);
                Undelivered::Full(message)
            }
            actix::prelude::SendError::Closed(message) => Undelivered::Away(message),
        })
    }

    /// The present incarnation, to ask and await an answer. For what is told and forgotten there is [`Self::tell`].
    #[must_use]
    pub fn addr(&self) -> Option<Addr<A>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The actor has retired and will not come back.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Waits until an incarnation lives, [`PATIENCE`] at most. False where none came.
    pub async fn ready(&self) -> bool {
        let waiting = async {
            loop {
                let arrived = self.arrived.notified();
                if self.addr().is_some() {
                    return;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.is_ok()
    }

    fn set(&self, addr: Option<Addr<A>>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = addr;
        self.arrived.notify_waiters();
    }
}

/// Starts an actor on an arbiter and keeps it alive until it retires.
pub fn keep<A, F>(arbiter: &actix::ArbiterHandle, tree: &Tree, spec: Spec, factory: F) -> Handle<A>
where
    A: Actor<Context = Context<A>>,
    F: Fn(Guard, Handle<A>) -> A + Send + 'static,
{
    let handle = Handle {
        current: Arc::default(),
        over: Arc::default(),
        arrived: Arc::default(),
        overflows: Arc::default(),
        kind: spec.kind,
    };
    let node = tree.add(&spec.path, spec.kind);
    let (kept, tree) = (handle.clone(), tree.clone());
    let spawned = arbiter.spawn(async move { Keeper { handle: kept, node, tree, spec, factory }.run().await });
    if !spawned {
        tracing::error!("start actor: its thread is gone");
    }
    handle
}

struct Keeper<A: Actor, F> {
    handle: Handle<A>,
    node: Arc<Node>,
    tree: Tree,
    spec: Spec,
    factory: F,
}

impl<A, F> Keeper<A, F>
where
    A: Actor<Context = Context<A>>,
    F: Fn(Guard, Handle<A>) -> A + Send + 'static,
{
    async fn run(self) {
        let mut deaths = Deaths::default();
        loop {
            let (told, ending) = oneshot::channel();
            self.build(told);
            self.node.set_state(State::Running);
            // A dropped sender is a guard that was leaked: the actor may live on, but nobody would ever know.
            let ending = ending.await.unwrap_or(Ending::Died);
            self.handle.set(None);
            if ending == Ending::Orderly {
                break;
            }
            metrics::count_restart(self.spec.kind);
            let (wait, failed) = deaths.note(now());
            self.node.note_restart(if failed { State::Failed } else { State::Restarting });
            tracing::error!(actor.kind = self.spec.kind, delay_ms = wait.as_millis(), failed, "actor died, rebuilding");
            tokio::time::sleep(wait).await;
        }
        self.handle.over.store(true, Ordering::Release);
        self.tree.remove(&self.spec.path, &self.node);
    }

    fn build(&self, told: oneshot::Sender<Ending>) {
        let guard = Guard { told: Some(told), orderly: false, node: Arc::clone(&self.node) };
        let (mailbox, handle) = (self.spec.mailbox, self.handle.clone());
        let built = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            A::create(|context| {
                context.set_mailbox_capacity(mailbox);
                handle.set(Some(context.address()));
                (self.factory)(guard, handle.clone())
            })
        }));
        if built.is_err() {
            // The guard went down with the factory and has told already.
            tracing::error!(actor.kind = self.spec.kind, "build actor: the factory panicked");
        }
    }
}

/// Remembers deaths and says how long to wait.
#[derive(Debug, Default)]
struct Deaths(VecDeque<Instant>);

impl Deaths {
    fn note(&mut self, now: Instant) -> (Duration, bool) {
        self.0.push_back(now);
        while self.0.front().is_some_and(|first| now.duration_since(*first) > WINDOW) {
            self.0.pop_front();
        }
        let recent = self.0.len();
        if recent > TOO_MANY {
            return (FAILED_WAIT, true);
        }
        let doublings = u32::try_from(recent - 1).unwrap_or(0);
        (FIRST_WAIT * 4_u32.saturating_pow(doublings), false)
    }
}

#[expect(clippy::disallowed_methods, reason = "a span of tokio's time, which tests can pause")]
fn now() -> Instant {
    Instant::now()
}

/// The threads that actors live on. Dropped, they stop.
pub struct Arbiters {
    handles: Vec<actix::ArbiterHandle>,
    are_ours: bool,
}

impl Arbiters {
    /// Starts `count` threads; none where it is 0: then actors live on the caller's own.
    #[must_use]
    pub fn start(count: usize) -> Self {
        if count == 0 {
            return Self { handles: vec![Arbiter::current()], are_ours: false };
        }
        Self { handles: (0..count).map(|_| Arbiter::new().handle()).collect(), are_ours: true }
    }

    /// The thread for a key: always the same one.
    ///
    /// # Panics
    /// Never: there is at least one.
    #[must_use]
    pub fn of(&self, key: u128) -> actix::ArbiterHandle {
        let count = u128::try_from(self.handles.len()).unwrap_or(1);
        let place = usize::try_from(key % count).unwrap_or(0);
        self.handles[place].clone()
    }

    /// Asks the threads to stop.
    pub fn stop(&self) {
        for arbiter in self.handles.iter().filter(|_| self.are_ours) {
            arbiter.stop();
        }
    }
}

impl std::fmt::Debug for Arbiters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Arbiters({})", self.handles.len())
    }
}

#[cfg(test)]
mod tests;
