//! A process of the engine, as the rest of the world sees it. Dead, it is cut off for ever from storage, vendors and
//! callers: whatever goes on in its memory comes to nothing. Frozen, it is cut off for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use carepost_actors::{Engine, EngineParts, StartError, Tuning};
use carepost_kernel::{Dice, InstanceId};
use carepost_tenancy::Directory;
use uuid::Uuid;

use crate::storage::Storage;
use crate::vendor::Vendors;
use crate::weather::Fate;
use crate::world::{World, webhook_client};

pub(crate) struct Process {
    pub(crate) world: Arc<World>,
    pub(crate) instance: InstanceId,
    pub(crate) directory: Directory,
    is_dead: AtomicBool,
    frozen_until_ms: AtomicU64,
}

/// A process that has come up.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) process: Arc<Process>,
    pub(crate) engine: Engine,
}

impl Process {
    /// Starts a process; its address is its name.
    pub(crate) async fn start(world: &Arc<World>, tuning: Tuning) -> Result<Running, StartError> {
        let instance = InstanceId::from_uuid(Uuid::from_u128(world.draw_u128()));
        let directory = world.new_directory();
        let process = Arc::new(Self {
            world: Arc::clone(world),
            instance,
            directory: directory.clone(),
            is_dead: AtomicBool::new(false),
            frozen_until_ms: AtomicU64::new(0),
        });
        world.name_process(instance);
        let storage = Storage { process: Arc::clone(&process) };
        let engine = carepost_actors::start(EngineParts {
            clock: world.clock.clone(),
            dice: Dice::seeded(world.draw_u64()),
            instance,
            peer_address: instance.to_string(),
            public_url: "https://carepost.example".parse().unwrap(),
            directory,
            journals: Arc::new(storage),
            providers: Arc::new(Vendors { process: Arc::clone(&process) }),
            webhook_client: webhook_client(),
            tuning,
        })
        .await?;
        world.note(|names| format!("{} is up", names.process(instance)));
        Ok(Running { process, engine })
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Relaxed)
    }

    /// From here on nothing of it reaches anybody.
    pub(crate) fn die(&self) {
        self.is_dead.store(true, Ordering::Relaxed);
        self.world.tables().alive.remove(&self.instance);
    }

    /// It stands still until then.
    pub(crate) fn freeze(&self, until_ms: u64) {
        self.frozen_until_ms.store(until_ms, Ordering::Relaxed);
    }

    /// Goes on if it may, and never if it is dead.
    pub(crate) async fn breathe(&self) {
        loop {
            if self.is_dead() {
                std::future::pending::<()>().await;
            }
            let (now_ms, until_ms) = (self.world.now_ms(), self.frozen_until_ms.load(Ordering::Relaxed));
            if now_ms >= until_ms {
                return;
            }
            tokio::time::sleep(Duration::from_millis(until_ms - now_ms)).await;
        }
    }

    /// As [`Self::breathe`], before the commit of something that has left already: what a process had sent when it died
    /// may still be done.
    pub(crate) async fn breathe_or_leave(&self, fate: Fate) {
        if self.is_dead() && fate == Fate::Done && self.world.is_heads() {
            return;
        }
        self.breathe().await;
    }
}
