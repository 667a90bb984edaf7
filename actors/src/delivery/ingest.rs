//! `IngestActor`: the group commit of new messages of one placement (DEL-1, DEL-2).
//!
//! Messages queue fairly over tenants (DEL-11). Two batches are under way at most, or three where full ones wait; what
//! comes meanwhile makes the next one, so that batches grow with the load and an idle engine commits at once. The second
//! leaves when it is as large as the first: else a crowd of callers who wait for their answers makes many small batches.
//! Over its bounds it refuses (DEL-12).

use std::sync::Arc;

use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, Message, WrapFuture as _};
use tokio::time::Instant;

use carepost_delivery::fair_queue::FairQueue;
use carepost_delivery::ingest::Ingested;
use carepost_delivery::types::{Delivery, NewMessage};
use carepost_kernel::{Channel, PlacementId, TenantId};

use crate::engine::{Accepted, EngineError, Limit};
use crate::keeper::Guard;
use crate::metrics::{self, WaitingRows, Writer};

use super::channel::DeliverMessages;
use super::shared::{LiveTenant, Shared, Writers};
use super::tenant::Promise;

/// One message on its way into its row.
pub(crate) struct Incoming {
    pub(crate) message: NewMessage,
    pub(crate) live: Arc<LiveTenant>,
    pub(crate) promise: Promise,
}

/// Store these messages.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct StoreMessages {
    pub(crate) incoming: Vec<Incoming>,
    pub(crate) weight: u32,
}

pub(crate) struct IngestActor {
    shared: Arc<Shared>,
    placement_id: PlacementId,
    queue: FairQueue<TenantId, [u8; 16], Incoming>,
    queued_bytes: usize,
    /// Rows of each batch under way.
    underway: Vec<usize>,
    is_flush_due: bool,
    waiting: WaitingRows,
    guard: Guard,
}

/// Everything that has come so far is in the queue.
#[derive(Message)]
#[rtype(result = "()")]
struct Flush;

/// Batches under way at most.
const BATCHES: usize = 2;
/// And full ones: one more saves no round trip of its own, but the others' wait for the disk.
const FULL_BATCHES: usize = 3;

impl IngestActor {
    pub(crate) fn new(shared: Arc<Shared>, placement_id: PlacementId, guard: Guard) -> Self {
        Self {
            shared,
            placement_id,
            queue: FairQueue::default(),
            queued_bytes: 0,
            underway: Vec::new(),
            is_flush_due: false,
            waiting: WaitingRows::new(Writer::Ingest),
            guard,
        }
    }

    fn admit(&mut self, incoming: Incoming, weight: u32) {
        let tuning = &self.shared.tuning;
        let size_bytes = incoming.message.size_bytes();
        let full = self.queue.len() >= tuning.ingest_rows || self.queued_bytes + size_bytes > tuning.ingest_bytes;
        if full {
            incoming.promise.keep(Err(EngineError::overloaded(Limit::IngestQueue)));
            return;
        }
        self.queued_bytes += size_bytes;
        let recipient = incoming.message.deliveries.first().map_or([0; 16], |first| first.recipient_hash);
        let (tenant_id, priority) = (incoming.message.tenant_id, incoming.message.priority);
        self.queue.push(tenant_id, weight, priority, recipient, incoming);
    }

    fn flush(&mut self, context: &mut Context<Self>) {
        while is_batch_due(&self.underway, self.queue.len(), self.shared.tuning.batch_rows) {
            let batch = self.take_batch();
            let rows = batch.len();
            self.underway.push(rows);
            let (shared, placement_id) = (Arc::clone(&self.shared), self.placement_id);
            let commit = commit_batch(shared, placement_id, batch);
            context.spawn(commit.into_actor(self).map(move |(), actor, context| {
                let ended = actor.underway.iter().position(|underway| *underway == rows);
                ended.map(|place| actor.underway.swap_remove(place));
                actor.flush(context);
            }));
        }
        // At each coming, departure and end, good or bad: what waits while commits fail is seen, too.
        self.waiting.show(self.queue.len());
        self.guard.show_depth(self.queue.len());
    }

    fn take_batch(&mut self) -> Vec<Incoming> {
        let tuning = &self.shared.tuning;
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < tuning.batch_rows && bytes < tuning.batch_bytes {
            let Some((_, incoming)) = self.queue.pop() else { break };
            bytes += incoming.message.size_bytes();
            batch.push(incoming);
        }
        self.queued_bytes -= bytes;
        batch
    }
}

/// The first batch leaves with whatever is there, the second one when it is as large as the first or full, further ones
/// only when they are full.
fn is_batch_due(underway: &[usize], waiting: usize, most_rows: usize) -> bool {
    let fewest = underway.iter().copied().max().unwrap_or(1).min(most_rows);
    let most_batches = if waiting >= most_rows { FULL_BATCHES } else { BATCHES };
    underway.len() < most_batches && waiting >= fewest
}

impl Actor for IngestActor {
    type Context = Context<Self>;
}

impl Handler<StoreMessages> for IngestActor {
    type Result = ();

    fn handle(&mut self, command: StoreMessages, context: &mut Self::Context) {
        for incoming in command.incoming {
            self.admit(incoming, command.weight);
        }
        // What else is in the mailbox comes into the same batch.
        if !self.is_flush_due {
            self.is_flush_due = true;
            context.notify(Flush);
        }
    }
}

impl Handler<Flush> for IngestActor {
    type Result = ();

    fn handle(&mut self, _: Flush, context: &mut Self::Context) {
        self.is_flush_due = false;
        self.flush(context);
    }
}

#[expect(clippy::disallowed_methods, reason = "measures the length of a commit")]
async fn commit_batch(shared: Arc<Shared>, placement_id: PlacementId, batch: Vec<Incoming>) {
    let started = Instant::now();
    let Some(writers) = shared.writers.get(&placement_id).map(|found| Arc::clone(&found)) else {
        refuse_all(batch, &EngineError::Moving);
        return;
    };
    let mut rest = vec![batch];
    while let Some(mut batch) = rest.pop() {
        match commit(&shared, &writers, &batch).await {
            Ok(fates) => {
                metrics::record_batch(Writer::Ingest, batch.len(), started.elapsed().as_secs_f64());
                settle_all(&shared, batch, &fates);
            }
            // A row that is refused is nobody else's trouble: it is found by halves.
            Err(error) if error.is_about_rows() && batch.len() > 1 => {
                let second = batch.split_off(batch.len() / 2);
                rest.extend([second, batch]);
            }
            Err(error) => {
                metrics::count_batch_failure(Writer::Ingest);
                tracing::warn!(error = %carepost_kernel::Chain(&error), rows = batch.len(), "commit messages");
                let is_refused = error.is_about_rows();
                refuse_all(batch, &if is_refused { EngineError::Internal } else { EngineError::away() });
            }
        }
    }
}

async fn commit(
    shared: &Shared,
    writers: &Writers,
    batch: &[Incoming],
) -> Result<Vec<Ingested>, carepost_delivery::DeliveryError> {
    let mut held: Vec<(TenantId, i64)> =
        batch.iter().map(|incoming| (incoming.message.tenant_id, incoming.live.epoch().unwrap_or(i64::MIN))).collect();
    held.sort_unstable();
    held.dedup();
    let messages: Vec<&NewMessage> = batch.iter().map(|incoming| &incoming.message).collect();
    let mut session = writers.journal.connect().await?;
    session.commit_messages(shared.instance, &held, &messages, shared.now()).await
}

/// Answers everybody and hands what was stored to its channels, without reading it back.
fn settle_all(shared: &Shared, batch: Vec<Incoming>, fates: &[Ingested]) {
    let mut handed: Vec<(Arc<LiveTenant>, Channel, Vec<Delivery>)> = Vec::new();
    for (incoming, fate) in batch.into_iter().zip(fates) {
        let result = match *fate {
            Ingested::Stored => Ok(Accepted { message_id: incoming.message.message_id, replayed: false }),
            Ingested::Existing { message_id, same_body: true } => Ok(Accepted { message_id, replayed: true }),
            Ingested::Existing { same_body: false, .. } => Err(EngineError::KeyReused),
            Ingested::NotOwner => Err(EngineError::Moving),
        };
        if *fate == Ingested::Stored {
            for delivery in incoming.message.live() {
                hand(&mut handed, &incoming.live, delivery);
            }
        }
        incoming.promise.keep(result);
    }
    for (live, channel, deliveries) in handed {
        let count = i64::try_from(deliveries.len()).unwrap_or(0);
        live.waiting.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
        super::tenant::deliver(shared, &live, channel, DeliverMessages { deliveries });
    }
}

fn hand(handed: &mut Vec<(Arc<LiveTenant>, Channel, Vec<Delivery>)>, live: &Arc<LiveTenant>, delivery: Delivery) {
    let place = handed
        .iter_mut()
        .find(|(known, channel, _)| known.tenant_id == live.tenant_id && *channel == delivery.key.channel);
    match place {
        Some((_, _, deliveries)) => deliveries.push(delivery),
        None => handed.push((Arc::clone(live), delivery.key.channel, vec![delivery])),
    }
}

fn refuse_all(batch: Vec<Incoming>, error: &EngineError) {
    for incoming in batch {
        incoming.promise.keep(Err(error.clone()));
    }
}

impl EngineError {
    /// More comes in than can be stored.
    pub(crate) const fn overloaded(limit: Limit) -> Self {
        Self::Overloaded { limit, retry_after: std::time::Duration::from_secs(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::is_batch_due;

    #[test]
    fn an_idle_engine_commits_at_once_and_a_busy_one_in_equal_batches() {
        assert!(!is_batch_due(&[], 0, 1_000));
        assert!(is_batch_due(&[], 1, 1_000));
        assert!(!is_batch_due(&[120], 119, 1_000));
        assert!(is_batch_due(&[120], 120, 1_000));
        // A batch of large rows is full with fewer.
        assert!(is_batch_due(&[1_000], 1_000, 1_000));
        assert!(!is_batch_due(&[120, 120], 999, 1_000));
        // Full ones may be more.
        assert!(is_batch_due(&[1_000, 1_000], 1_000, 1_000));
        assert!(!is_batch_due(&[1_000; 3], 1_000, 1_000));
    }
}
