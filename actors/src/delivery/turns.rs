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
    // Fields drop in this order: the turn is free before the interest in its key ends.
    _held: OwnedMutexGuard<()>,
    _interest: Interest<K>,
}

/// Somebody who has a key's turn or waits for it, however the wait ends. The last one of a key takes its room away.
#[derive(Debug)]
struct Interest<K: Copy + Eq + Hash> {
    turns: Turns<K>,
    key: K,
    lock: Option<Arc<Mutex<()>>>,
}

impl<K: Eq + Hash> Default for Turns<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Copy + Eq + Hash> Turns<K> {
    /// Waits for the key's turn.
    pub(crate) async fn take(&self, key: K) -> KeyTurn<K> {
        let (interest, lock) = self.interest(key);
        KeyTurn { _held: lock.lock_owned().await, _interest: interest }
    }

    /// The key's turn, if nobody has it.
    pub(crate) fn try_take(&self, key: K) -> Option<KeyTurn<K>> {
        let (interest, lock) = self.interest(key);
        Some(KeyTurn { _held: lock.try_lock_owned().ok()?, _interest: interest })
    }

    fn interest(&self, key: K) -> (Interest<K>, Arc<Mutex<()>>) {
        let lock = Arc::clone(&self.0.entry(key).or_default());
        (Interest { turns: Self(Arc::clone(&self.0)), key, lock: Some(Arc::clone(&lock)) }, lock)
    }
}

impl<K: Copy + Eq + Hash> Drop for Interest<K> {
    fn drop(&mut self) {
        // Before the look: of two that end together, the later look finds the map's own alone.
        self.lock.take();
        self.turns.0.remove_if(&self.key, |_, lock| Arc::strong_count(lock) == 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn one_key_waits_for_itself_only() {
        let turns: Turns<u8> = Turns::default();
        let first = turns.take(1).await;
        assert!(turns.try_take(1).is_none());
        let second = turns.take(2).await;
        let waiting = tokio::spawn({
            let turns = turns.clone();
            async move { drop(turns.take(1).await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        assert!(waiting.await.is_ok());
        drop(second);
        assert!(turns.try_take(1).is_some());
        assert!(turns.0.is_empty(), "no key is kept");
    }
    #[tokio::test(start_paused = true)]
    async fn a_wait_that_was_given_up_keeps_no_key() {
        let turns: Turns<u8> = Turns::default();
        let first = turns.take(1).await;
        let mut waiting = Box::pin(turns.take(1));
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut waiting).await.is_err());
        // The holder goes while the wait is still there: it is the wait's end that takes the key away.
        drop(first);
        assert!(!turns.0.is_empty());
        drop(waiting);
        assert!(turns.0.is_empty(), "no key is kept");
    }
}
