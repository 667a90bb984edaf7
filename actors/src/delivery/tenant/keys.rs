//! What the process remembers of idempotency keys (DEL-2): those in flight and those of late. The rows have the rest.
//!
//! Whoever brings a message gets a [`Promise`]: an answer is owed to the caller and to everybody who waits for the same
//! key. A promise that is dropped, by whatever death, is answered all the same.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::oneshot;

use carepost_delivery::NewMessage;
use carepost_delivery::types::IdempotencyClaim;
use carepost_kernel::MessageId;

use crate::engine::{Accepted, EngineError};

/// Remembered keys at most.
const REMEMBERED: usize = 10_000;

type KeyHash = [u8; 16];
type Fingerprint = [u8; 16];

/// Where the answer to one message goes.
pub(crate) type Answer = oneshot::Sender<Result<Accepted, EngineError>>;

/// Keys in flight with those who wait for them, and keys of late.
#[derive(Default)]
pub(crate) struct KeyMemory {
    memory: Mutex<Memory>,
    /// Promises that are not kept yet, with a key or without.
    owed: AtomicUsize,
}

#[derive(Default)]
struct Memory {
    in_flight: HashMap<KeyHash, InFlight>,
    recent: HashMap<KeyHash, Known>,
    order: VecDeque<KeyHash>,
}

/// A message that a key of late belongs to, until the end of the tenant's window.
#[derive(Clone, Copy)]
struct Known {
    message_id: MessageId,
    fingerprint: Fingerprint,
    expires_at: Timestamp,
}

struct InFlight {
    fingerprint: Fingerprint,
    waiters: Vec<Answer>,
}

/// An answer that is owed.
pub(crate) struct Promise {
    answer: Option<Answer>,
    claim: Option<IdempotencyClaim>,
    memory: Arc<KeyMemory>,
}

impl Promise {
    /// Answers.
    pub(crate) fn keep(mut self, result: Result<Accepted, EngineError>) {
        self.fulfil(result);
    }

    fn fulfil(&mut self, result: Result<Accepted, EngineError>) {
        if let Some(claim) = self.claim.take() {
            self.memory.settle(claim, &result);
        }
        if let Some(to) = self.answer.take() {
            self.memory.owed.fetch_sub(1, Ordering::AcqRel);
            answer(to, result);
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if self.answer.is_some() {
            self.fulfil(Err(EngineError::restarting()));
        }
    }
}

impl KeyMemory {
    /// A message comes. One with a key in flight waits for that one's fate, one with a key of late is answered:
    /// `None`. Otherwise it is new here.
    pub(crate) fn claim(self: &Arc<Self>, message: &NewMessage, to: Answer) -> Option<Promise> {
        let Some(claim) = message.idempotency else { return Some(self.owe(to, None)) };
        let mut memory = self.memory();
        let known = memory.recent.get(&claim.key_hash).copied();
        if let Some(known) = known.filter(|known| message.created_at < known.expires_at) {
            let same = known.fingerprint == claim.fingerprint;
            let replay = Accepted { message_id: known.message_id, replayed: true };
            answer(to, if same { Ok(replay) } else { Err(EngineError::KeyReused) });
            return None;
        }
        if let Some(in_flight) = memory.in_flight.get_mut(&claim.key_hash) {
            if in_flight.fingerprint == claim.fingerprint {
                in_flight.waiters.push(to);
            } else {
                answer(to, Err(EngineError::KeyReused));
            }
            return None;
        }
        let in_flight = InFlight { fingerprint: claim.fingerprint, waiters: Vec::new() };
        memory.in_flight.insert(claim.key_hash, in_flight);
        Some(self.owe(to, Some(claim)))
    }

    fn owe(self: &Arc<Self>, to: Answer, claim: Option<IdempotencyClaim>) -> Promise {
        self.owed.fetch_add(1, Ordering::AcqRel);
        Promise { answer: Some(to), claim, memory: Arc::clone(self) }
    }

    /// The fate of a key's message is known: whoever waits for it shares it.
    fn settle(&self, claim: IdempotencyClaim, result: &Result<Accepted, EngineError>) {
        let waiters = {
            let mut memory = self.memory();
            // The window of a replayed message began with the message itself: only its row knows when.
            if let Ok(Accepted { message_id, replayed: false }) = *result {
                let IdempotencyClaim { key_hash, fingerprint, expires_at } = claim;
                memory.remember(key_hash, Known { message_id, fingerprint, expires_at });
            }
            memory.in_flight.remove(&claim.key_hash).map(|in_flight| in_flight.waiters).unwrap_or_default()
        };
        let shared = result.clone().map(|accepted| Accepted { replayed: true, ..accepted });
        waiters.into_iter().for_each(|to| answer(to, shared.clone()));
    }

    /// No answer is owed.
    pub(crate) fn is_idle(&self) -> bool {
        self.owed.load(Ordering::Acquire) == 0
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A poisoned lock still holds whole maps: each change is one call.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn remember(&mut self, key: KeyHash, known: Known) {
        if self.recent.insert(key, known).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.recent.remove(&oldest);
            }
        }
    }
}

/// Answers a caller who may have gone.
pub(crate) fn answer(to: Answer, result: Result<Accepted, EngineError>) {
    if to.send(result).is_err() {
        tracing::debug!("a caller left before its answer");
    }
}

#[cfg(test)]
mod tests;
