//! What the process remembers of idempotency keys (DEL-2): those in flight and those of late. The rows have the rest.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use carepost_delivery::NewMessage;
use carepost_kernel::MessageId;

use crate::engine::{Accepted, EngineError};

use super::super::ingest::{Answer, answer};

/// Remembered keys at most.
const REMEMBERED: usize = 10_000;

type KeyHash = [u8; 16];
type Fingerprint = [u8; 16];

/// Keys in flight with those who wait for them, and keys of late.
#[derive(Default)]
pub(crate) struct KeyMemory(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    in_flight: HashMap<KeyHash, InFlight>,
    recent: HashMap<KeyHash, (MessageId, Fingerprint)>,
    order: VecDeque<KeyHash>,
}

struct InFlight {
    fingerprint: Fingerprint,
    waiters: Vec<Answer>,
}

/// What a key's coming means.
pub(crate) enum Claim {
    /// It is new here: go on, and answer.
    New(Answer),
    /// It was answered, or will be with the one in flight.
    Settled,
}

impl KeyMemory {
    /// A message comes. One with a key in flight waits for that one's fate; one with a key of late is answered.
    pub(crate) fn claim(&self, message: &NewMessage, to: Answer) -> Claim {
        let Some(claim) = message.idempotency else { return Claim::New(to) };
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((message_id, fingerprint)) = memory.recent.get(&claim.key_hash).copied() {
            let same = fingerprint == claim.fingerprint;
            let replay = Accepted { message_id, replayed: true };
            answer(to, if same { Ok(replay) } else { Err(EngineError::KeyReused) });
            return Claim::Settled;
        }
        if let Some(in_flight) = memory.in_flight.get_mut(&claim.key_hash) {
            if in_flight.fingerprint == claim.fingerprint {
                in_flight.waiters.push(to);
            } else {
                answer(to, Err(EngineError::KeyReused));
            }
            return Claim::Settled;
        }
        memory.in_flight.insert(claim.key_hash, InFlight { fingerprint: claim.fingerprint, waiters: Vec::new() });
        Claim::New(to)
    }

    /// The message's fate is known: whoever waits for its key shares it.
    pub(crate) fn settle(&self, message: &NewMessage, result: Result<Accepted, EngineError>) {
        let Some(claim) = message.idempotency else { return };
        let waiters = {
            let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok(accepted) = &result {
                memory.remember(claim.key_hash, accepted.message_id, claim.fingerprint);
            }
            memory.in_flight.remove(&claim.key_hash).map(|in_flight| in_flight.waiters).unwrap_or_default()
        };
        let shared = result.map(|accepted| Accepted { replayed: true, ..accepted });
        waiters.into_iter().for_each(|to| answer(to, shared.clone()));
    }

    /// Nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).in_flight.is_empty()
    }
}

impl Memory {
    fn remember(&mut self, key: KeyHash, message_id: MessageId, fingerprint: Fingerprint) {
        if self.recent.insert(key, (message_id, fingerprint)).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.recent.remove(&oldest);
            }
        }
    }
}
