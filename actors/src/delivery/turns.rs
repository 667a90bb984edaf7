//! One at a time for each key, and as many at a time as there are keys: what is slow for one tenant or placement holds
//! nobody else up.

use std::hash::Hash;
use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The turns. Clones share them. A key that nobody has or waits for takes no room.
#[derive(Debug, Clone)]
pub(crate) struct Turns<K: Eq + Hash>(Arc<DashMap<K, Arc<Mutex<()>>>>);

/// A key's turn; dropped, it is the next one's.
#[derive(Debug)]
pub(crate) struct KeyTurn<K: Copy + Eq + Hash> {
    turns: Turns<K>,
    key: K,
    held: Option<OwnedMutexGuard<()>>,
}

impl<K: Eq + Hash> Default for Turns<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Copy + Eq + Hash> Turns<K> {
    /// Waits for the key's turn.
    pub(crate) async fn take(&self, key: K) -> KeyTurn<K> {
        let held = self.lock(key).lock_owned().await;
        self.turn(key, held)
    }

    /// The key's turn, if nobody has it.
    pub(crate) fn try_take(&self, key: K) -> Option<KeyTurn<K>> {
        let held = self.lock(key).try_lock_owned().ok()?;
        Some(self.turn(key, held))
    }

    fn lock(&self, key: K) -> Arc<Mutex<()>> {
        Arc::clone(&self.0.entry(key).or_default())
    }

    fn turn(&self, key: K, held: OwnedMutexGuard<()>) -> KeyTurn<K> {
        KeyTurn { turns: Self(Arc::clone(&self.0)), key, held: Some(held) }
    }
}

impl<K: Copy + Eq + Hash> Drop for KeyTurn<K> {
    fn drop(&mut self) {
        self.held.take();
        // Whoever waits holds the lock as well, and its drop comes later.
        self.turns.0.remove_if(&self.key, |_, lock| Arc::strong_count(lock) == 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_key_waits_for_itself_only() {
        let turns: Turns<u8> = Turns::default();
        let first = turns.take(1).await;
        assert!(turns.try_take(1).is_none());
        let second = turns.take(2).await;
        let waiting = tokio::spawn({
            let turns = turns.clone();
            async move { turns.take(1).await.key }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        assert_eq!(waiting.await.ok(), Some(1));
        drop(second);
        assert!(turns.try_take(1).is_some());
        assert!(turns.0.is_empty(), "no key is kept");
    }
}
