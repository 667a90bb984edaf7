//! Callers as they should be: they come again with the same key until they have an answer, and now and then after it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carepost_kernel::Clock;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::plan::{Dice, purpose};
use crate::client::Connection;
use crate::number::{instant, share, spread};
use crate::tally::{Ack, Ending};
use crate::traffic::Heads;

/// Callers at a time.
const CALLERS: u64 = 48;
/// No answer within this time is none.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// Waits between tries.
const AGAIN_MS: [u64; 2] = [30, 250];
/// The share of keys that are posted once more after their answer.
const REPEATED: f64 = 0.1;

/// What callers have seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) acks: Vec<Ack>,
    /// Keys without an answer, and keys that were refused for good.
    pub(crate) unanswered: Vec<u64>,
    pub(crate) refused: Vec<(u64, Ending)>,
    /// All answers and broken calls.
    pub(crate) endings: BTreeMap<Ending, u64>,
}

/// Callers at work.
pub(crate) struct Callers {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    /// Callers take turns.
    addresses: Vec<SocketAddr>,
    heads: Heads,
    seed: u64,
    rate: f64,
    started: Instant,
    next: AtomicU64,
    seen: Mutex<Seen>,
    /// When the last promise came.
    promised: watch::Sender<Option<Instant>>,
    /// No new key from here on, and no further try.
    orders: watch::Sender<Orders>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Orders {
    no_new: bool,
    give_up: bool,
}

#[derive(Deserialize)]
struct Accepted {
    id: Uuid,
}

impl Callers {
    /// Starts them on these engines.
    pub(crate) fn start(addresses: Vec<SocketAddr>, heads: Heads, seed: u64, rate: f64) -> Self {
        let shared = Arc::new(Shared {
            addresses,
            heads,
            seed,
            rate,
            started: instant(),
            next: AtomicU64::new(0),
            seen: Mutex::default(),
            promised: watch::Sender::new(None),
            orders: watch::Sender::new(Orders::default()),
        });
        let mut tasks = JoinSet::new();
        for number in 0..CALLERS {
            tasks.spawn(Arc::clone(&shared).call(number));
        }
        Self { shared, tasks }
    }

    /// How long it took from `since` to the next promise.
    pub(crate) async fn promise_after(&self, since: Instant) -> Duration {
        let mut promised = self.shared.promised.subscribe();
        let later = promised.wait_for(|last| last.is_some_and(|last| last > since)).await;
        // The sender lives as long as `self`.
        later.map_or(Duration::MAX, |last| last.map_or(Duration::MAX, |last| last - since))
    }

    /// How long ago the last promise came; nothing before the first one.
    pub(crate) fn silence(&self) -> Duration {
        self.shared.promised.borrow().map_or(Duration::ZERO, |last| last.elapsed())
    }

    /// Begins no new key, and lets those under way have their answer within `patience`.
    pub(crate) async fn stop(mut self, patience: Duration) -> Seen {
        self.shared.orders.send_modify(|orders| orders.no_new = true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, all).await.is_err() {
            self.shared.orders.send_modify(|orders| orders.give_up = true);
            while self.tasks.join_next().await.is_some() {}
        }
        std::mem::take(&mut *self.shared.seen())
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Each entry is whole, whoever may have panicked.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(self: Arc<Self>, caller: u64) {
        let mut orders = self.orders.subscribe();
        let (mut connection, mut body, mut request) = (None, Vec::new(), Vec::new());
        loop {
            let key = self.next.fetch_add(1, Ordering::Relaxed);
            let at = self.started + Duration::from_secs_f64(key as f64 / self.rate);
            tokio::select! {
                biased;
                _ = orders.wait_for(|orders| orders.no_new) => return,
                () = tokio::time::sleep_until(at) => {}
            }
            body.clear();
            write_body(self.seed, key, &mut body);
            request.clear();
            self.heads.write_single(key, &body, &mut request);
            let times = if share(self.seed ^ spread(key)) < REPEATED { 2 } else { 1 };
            for _ in 0..times {
                self.insist(key, caller, &mut connection, &request).await;
            }
        }
    }

    /// Posts one key until there is an answer; where an engine is gone, another one is asked.
    async fn insist(&self, key: u64, caller: u64, connection: &mut Option<Connection>, request: &[u8]) {
        let mut dice = Dice::seeded(self.seed).of(key);
        for turn in caller.. {
            let address = self.addresses[usize::try_from(turn % self.addresses.len() as u64).unwrap_or(0)];
            let sent = tokio::time::timeout(ANSWER_PATIENCE, exchange(connection, address, request)).await;
            let (ending, message) = match sent.unwrap_or(Err(Ending::TimedOut)) {
                Ok(answered) => answered,
                Err(ending) => {
                    *connection = None;
                    (ending, None)
                }
            };
            *self.seen().endings.entry(ending).or_default() += 1;
            if let Some(message_id) = message {
                let at_us = Clock::system().now().as_microsecond();
                self.seen().acks.push(Ack { key, message_id, at_us, is_measured: true });
                self.promised.send_replace(Some(instant()));
                return;
            }
            if matches!(ending, Ending::Status(400..=499)) && !ending.is_refusal() {
                self.seen().refused.push((key, ending));
                return;
            }
            if self.orders.borrow().give_up {
                self.seen().unanswered.push(key);
                return;
            }
            tokio::time::sleep(dice.millis(AGAIN_MS[0], AGAIN_MS[1])).await;
        }
    }
}

async fn exchange(
    connection: &mut Option<Connection>,
    address: SocketAddr,
    request: &[u8],
) -> Result<(Ending, Option<Uuid>), Ending> {
    let broken = |error: std::io::Error| Ending::Broken(error.kind());
    let mut open = match connection.take().filter(Connection::is_reusable) {
        Some(open) => open,
        None => Connection::open(address).await.map_err(broken)?,
    };
    let answer = open.send(request).await.map_err(broken)?;
    let ending = Ending::Status(answer.status);
    let message = if ending.is_success() {
        let accepted: Accepted = serde_json::from_slice(answer.body).map_err(|_| Ending::Unreadable)?;
        Some(accepted.id)
    } else {
        None
    };
    *connection = Some(open);
    Ok((ending, message))
}

/// What a caller writes under a key, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) phone: String,
    pub(crate) text: String,
}

/// A text to an invented recipient. Each is different, so that a provider that is asked can tell them apart.
pub(crate) fn written(key: u64) -> Written {
    let digits = 1_000 + spread(key.wrapping_add(1)) % 9_000;
    let text = format!("Riverside Clinic: your visit number {key} is on Tuesday at 9:30, 12 Mill Lane, second floor.");
    Written { phone: format!("+1500555{digits}"), text }
}

fn write_body(seed: u64, key: u64, out: &mut Vec<u8>) {
    let (purpose, Written { phone, text }) = (purpose(seed, key), written(key));
    out.extend_from_slice(
        format!(
            "{{\"to\":{{\"phone\":\"{phone}\"}},\"purpose\":\"{purpose}\",\
             \"content\":{{\"sms\":{{\"text\":\"{text}\"}}}}}}"
        )
        .as_bytes(),
    );
}
