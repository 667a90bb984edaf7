//! The provider's receipts: what became of each message that it took, told until it is heard.
//!
//! The simulator's own receipts are off. Vendors give up after a while; this one does not, so that what it said is known.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carepost_kernel::AttemptRef;
use carepost_providers::simulator::{Call, CallOutcome};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::plan::{Dice, Step};
use crate::client::Connection;
use crate::sink::Sink;
use crate::twilio::{Post, Status, sign};

/// Posts at a time.
const AT_ONCE: usize = 64;
const POLL: Duration = Duration::from_millis(50);
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// Waits between tries.
const AGAIN_MS: [u64; 2] = [50, 500];
/// Copies of a receipt in a storm.
const STORM_COPIES: [u64; 2] = [5, 21];

/// What a message's recipient does with it.
const FATES: [&[Status]; 3] = [
    &[Status::of("sent"), Status::of("delivered")],
    &[Status::of("sent"), Status::of("delivered"), Status::of("read")],
    &[Status::of("sent"), Status { word: "undelivered", error_code: Some("30005") }],
];

/// The rank that a status has in the lattice of DEL-6.
pub(crate) fn rank(word: &str) -> i16 {
    match word {
        "read" => 66,
        "delivered" => 60,
        "undelivered" => 50,
        _ => 30,
    }
}

/// What was told and heard.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Every call that the provider understood.
    pub(crate) calls: Vec<Call>,
    /// Statuses by attempt, each heard at least once.
    pub(crate) said: HashMap<AttemptRef, Vec<&'static str>>,
    /// Posts that were taken.
    pub(crate) posts: u64,
    /// Posts that have not been taken yet, by attempt.
    untold: HashMap<AttemptRef, usize>,
}

/// Tells receipts until it is stopped.
pub(crate) struct Courier {
    task: tokio::task::JoinHandle<()>,
    shared: Arc<Shared>,
}

struct Shared {
    told: Mutex<Told>,
    is_over: watch::Sender<bool>,
    slots: Semaphore,
    address: SocketAddr,
    dice: Dice,
    is_storm: bool,
}

impl Courier {
    /// Starts one for this provider, towards this engine.
    pub(crate) fn start(sink: Arc<Sink>, address: SocketAddr, step: Step, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            told: Mutex::default(),
            is_over: watch::Sender::new(false),
            slots: Semaphore::new(AT_ONCE),
            address,
            dice: step.dice(seed),
            is_storm: step == Step::ReceiptStorm,
        });
        let task = tokio::spawn(watch_calls(sink, Arc::clone(&shared)));
        Self { task, shared }
    }

    /// How many receipts have not been heard yet.
    pub(crate) fn outstanding(&self) -> usize {
        self.shared.told().untold.values().sum()
    }

    /// Ends it; says what was told, and of which attempts how many receipts were never heard.
    pub(crate) async fn stop(self) -> (Told, HashMap<AttemptRef, usize>) {
        let unheard = self.shared.told().untold.clone();
        self.shared.is_over.send_replace(true);
        // It only ends early by a panic, which the missing receipts would show.
        let _ended = self.task.await;
        (std::mem::take(&mut *self.shared.told()), unheard)
    }
}

impl Shared {
    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks for new calls; the last look comes after the order to stop.
async fn watch_calls(sink: Arc<Sink>, shared: Arc<Shared>) {
    let mut posts = JoinSet::new();
    let mut is_over = shared.is_over.subscribe();
    loop {
        let is_last = *is_over.borrow();
        let seen = shared.told().calls.len() as u64;
        let calls = sink.calls_after(seen);
        for call in &calls {
            let (Some(attempt), CallOutcome::Accepted { provider_ref } | CallOutcome::Dropped { provider_ref }) =
                (call.attempt, &call.outcome)
            else {
                continue;
            };
            let Some(face) = sink.faces().iter().find(|face| face.owns(provider_ref)) else { continue };
            for (after, status) in receipts(shared.dice, attempt, shared.is_storm) {
                let post = sign(&shared.address.to_string(), face, &attempt.to_string(), provider_ref, status);
                *shared.told().untold.entry(attempt).or_default() += 1;
                let shared = Arc::clone(&shared);
                posts.spawn(async move { shared.tell(attempt, status, post, after).await });
            }
        }
        shared.told().calls.extend(calls);
        while posts.try_join_next().is_some() {}
        if is_last {
            return;
        }
        let _changed = tokio::time::timeout(POLL, is_over.wait_for(|is_over| *is_over)).await;
    }
}

impl Shared {
    /// Posts one receipt until it is taken.
    async fn tell(&self, attempt: AttemptRef, status: Status, post: Post, after: Duration) {
        tokio::time::sleep(after).await;
        let mut dice = self.dice.of(u64::try_from(attempt.message_id.as_uuid().as_u128() >> 64).unwrap_or(0));
        while !self.post(&post).await {
            tokio::time::sleep(dice.millis(AGAIN_MS[0], AGAIN_MS[1])).await;
        }
        let mut told = self.told();
        told.posts += 1;
        let said = told.said.entry(attempt).or_default();
        if !said.contains(&status.word) {
            said.push(status.word);
        }
        if let Entry::Occupied(mut untold) = told.untold.entry(attempt) {
            *untold.get_mut() -= 1;
            if *untold.get() == 0 {
                untold.remove();
            }
        }
    }

    async fn post(&self, post: &Post) -> bool {
        let Ok(_slot) = self.slots.acquire().await else { return false };
        let posted = async {
            let mut connection = Connection::open(self.address).await?;
            connection.send(post).await.map(|answer| answer.status)
        };
        matches!(tokio::time::timeout(ANSWER_PATIENCE, posted).await, Ok(Ok(200..=299)))
    }
}

/// What is told of one attempt, and when after the call: sometimes twice, sometimes the last one first.
fn receipts(dice: Dice, attempt: AttemptRef, is_storm: bool) -> Vec<(Duration, Status)> {
    // Every call of one message has the same fate, as it has the same recipient.
    let mut dice = dice.of(u64::try_from(attempt.message_id.as_uuid().as_u128() & u128::from(u64::MAX)).unwrap_or(0));
    let fate = match dice.below(10) {
        0 => FATES[2],
        1 | 2 => FATES[1],
        _ => FATES[0],
    };
    let mut receipts = Vec::new();
    for status in fate {
        let copies = if is_storm {
            STORM_COPIES[0] + dice.below(STORM_COPIES[1] - STORM_COPIES[0])
        } else {
            1 + u64::from(dice.share() < 0.1)
        };
        receipts.extend((0..copies).map(|_| *status));
    }
    if is_storm || dice.share() < 0.2 {
        dice.shuffle(&mut receipts);
    }
    // Late enough that an engine which comes back finds calls of which it knows nothing.
    let mut after = dice.millis(100, 3_000);
    let gap = if is_storm { 30 } else { 150 };
    receipts
        .into_iter()
        .map(|status| {
            after += dice.millis(0, gap);
            (after, status)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use carepost_kernel::{Channel, MessageId};

    use super::*;

    fn attempt(number: u128, attempt_no: i16) -> AttemptRef {
        let message_id = MessageId::from_uuid(uuid::Uuid::from_u128(number));
        AttemptRef { message_id, channel: Channel::Sms, attempt_no }
    }

    #[test]
    fn del_6_a_storm_tells_everything_many_times_and_out_of_order() {
        let dice = Step::ReceiptStorm.dice(1);
        let storm = receipts(dice, attempt(5, 1), true);
        assert_eq!(storm, receipts(dice, attempt(5, 1), true), "the seed's");
        let sent = storm.iter().filter(|(_, status)| status.word == "sent").count();
        assert!((5..21).contains(&sent));
        assert!(storm.len() >= 10 && storm.is_sorted_by_key(|(after, _)| *after));
    }

    #[test]
    fn calls_of_one_message_have_one_fate_and_fates_differ() {
        let dice = Step::Kills.dice(1);
        let last = |number, attempt_no| {
            receipts(dice, attempt(number, attempt_no), false).iter().map(|(_, status)| rank(status.word)).max()
        };
        for number in 0..50 {
            assert_eq!(last(number, 1), last(number, 2));
        }
        for wanted in [50, 60, 66] {
            assert!((0..100).any(|number| last(number, 1) == Some(wanted)), "{wanted}");
        }
    }
}
