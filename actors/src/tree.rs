//! The tree of actors as it can be looked at: places, states, restarts, depths.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

use dashmap::DashMap;

use crate::engine::ActorInfo;

/// All kept actors by their place. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tree(Arc<DashMap<String, Arc<Node>>>);

/// One kept actor.
#[derive(Debug)]
pub struct Node {
    kind: &'static str,
    state: AtomicU8,
    restarts: AtomicU64,
    depth: AtomicUsize,
}

/// What an actor is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// It lives.
    Running = 0,
    /// It died and is being rebuilt.
    Restarting = 1,
    /// It died too often; it is rebuilt now and then.
    Failed = 2,
}

impl Tree {
    /// Adds an actor at a place.
    #[must_use]
    pub fn add(&self, path: &str, kind: &'static str) -> Arc<Node> {
        let node = Arc::new(Node {
            kind,
            state: AtomicU8::new(State::Running as u8),
            restarts: AtomicU64::new(0),
            depth: AtomicUsize::new(0),
        });
        self.0.insert(path.to_owned(), Arc::clone(&node));
        node
    }

    /// Forgets a place, unless another actor has it by now.
    pub fn remove(&self, path: &str, node: &Arc<Node>) {
        self.0.remove_if(path, |_, known| Arc::ptr_eq(known, node));
    }

    /// All actors, in the order of their places.
    #[must_use]
    pub fn list(&self) -> Vec<ActorInfo> {
        let mut all: Vec<ActorInfo> = self.0.iter().map(|entry| entry.value().info(entry.key())).collect();
        all.sort_by(|one, other| one.path.cmp(&other.path));
        all
    }

    /// What waits with all actors of one kind.
    #[must_use]
    pub fn depth_of(&self, kind: &str) -> usize {
        let of_kind = self.0.iter().filter(|entry| entry.value().kind == kind);
        of_kind.map(|entry| entry.value().depth.load(Ordering::Relaxed)).sum()
    }

    /// How many actors there are, and how many of them have failed.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        let failed = self.0.iter().filter(|entry| entry.value().state() == State::Failed).count();
        (self.0.len(), failed)
    }
}

impl Node {
    /// Notes a new state.
    pub fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// Notes a death.
    pub fn note_restart(&self, state: State) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
        self.set_state(state);
    }

    /// Notes how much waits.
    pub fn set_depth(&self, depth: usize) {
        self.depth.store(depth, Ordering::Relaxed);
    }

    fn state(&self) -> State {
        match self.state.load(Ordering::Relaxed) {
            0 => State::Running,
            1 => State::Restarting,
            _ => State::Failed,
        }
    }

    fn info(&self, path: &str) -> ActorInfo {
        ActorInfo {
            path: path.to_owned(),
            kind: self.kind,
            state: match self.state() {
                State::Running => "running",
                State::Restarting => "restarting",
                State::Failed => "failed",
            },
            restarts: self.restarts.load(Ordering::Relaxed),
            depth: self.depth.load(Ordering::Relaxed),
        }
    }
}
