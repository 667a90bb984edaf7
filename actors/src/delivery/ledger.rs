//! `LedgerActor`: the group commit of attempts, outcomes and receipts of one placement (DEL-4, DEL-5, DEL-6).
//!
//! One batch at a time; what comes meanwhile makes the next one. Outcomes and receipts go first: they free lanes.
//! Starts queue fairly over tenants: this is where a flood meets everybody else (DEL-11). An outcome is never lost
//! while the process lives: a batch that fails is put back and tried again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, Message, WrapFuture as _};
use tokio::sync::oneshot;
use tokio::time::Instant;

use carepost_delivery::fair_queue::FairQueue;
use carepost_delivery::ledger::{
    AttemptStart, Decision, Effect, LedgerBatch, LedgerReport, Receipt, ReceiptFate, commit_ledger,
};
use carepost_delivery::store::ParkedMatch;
use carepost_delivery::types::{DeliveryEvent, DeliveryState, EventKind};
use carepost_kernel::{EventId, PlacementId, Priority, TenantId};

use crate::engine::EngineError;
use crate::keeper::Guard;
use crate::metrics::{self, Writer};

use super::channel::StateChanged;
use super::shared::Shared;

/// Something to be written down.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum Entry {
    /// A call is about to be made. The answer says whether it may be.
    Start(PendingStart),
    /// A decision. The answer says what the row says now.
    Decide(PendingDecision),
    /// Receipts. The answer comes when they are durable.
    Receive(PendingReceipts),
    /// Parked receipts to be matched again.
    Match(Vec<ParkedMatch>),
}

pub(crate) struct PendingStart {
    pub(crate) start: AttemptStart,
    pub(crate) weight: u32,
    pub(crate) priority: Priority,
    pub(crate) recipient: [u8; 16],
    pub(crate) answer: oneshot::Sender<Result<bool, EngineError>>,
}

pub(crate) struct PendingDecision {
    pub(crate) decision: Decision,
    pub(crate) answer: oneshot::Sender<Option<Effect>>,
}

pub(crate) struct PendingReceipts {
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) answer: oneshot::Sender<Result<(), EngineError>>,
}

pub(crate) struct LedgerActor {
    shared: Arc<Shared>,
    placement_id: PlacementId,
    starts: FairQueue<TenantId, [u8; 16], PendingStart>,
    decisions: VecDeque<PendingDecision>,
    receipts: VecDeque<PendingReceipts>,
    parked: Vec<ParkedMatch>,
    busy: bool,
    guard: Guard,
}

/// One batch with its waiters.
#[derive(Default)]
struct Work {
    starts: Vec<PendingStart>,
    decisions: Vec<PendingDecision>,
    receipts: Vec<PendingReceipts>,
    parked: Vec<ParkedMatch>,
}

/// Before a failed batch is tried again.
const PAUSE: Duration = Duration::from_millis(250);

impl LedgerActor {
    pub(crate) fn new(shared: Arc<Shared>, placement_id: PlacementId, guard: Guard) -> Self {
        Self {
            shared,
            placement_id,
            starts: FairQueue::default(),
            decisions: VecDeque::new(),
            receipts: VecDeque::new(),
            parked: Vec::new(),
            busy: false,
            guard,
        }
    }

    fn waiting(&self) -> usize {
        self.starts.len() + self.decisions.len() + self.receipts.len()
    }

    fn flush(&mut self, context: &mut Context<Self>) {
        self.guard.show_depth(self.waiting());
        if self.busy || (self.waiting() == 0 && self.parked.is_empty()) {
            return;
        }
        self.busy = true;
        let work = self.take_work();
        let (shared, placement_id, waiting) = (Arc::clone(&self.shared), self.placement_id, self.waiting());
        // A task of its own: this actor's death must not cut it off between the commit and the answers (DEL-4).
        let committing = actix::spawn(commit_work(shared, placement_id, work, waiting));
        context.spawn(committing.into_actor(self).map(|left, actor, context| {
            actor.busy = false;
            // A batch that panicked has dropped its waiters, and they ask again.
            actor.put_back(left.unwrap_or_default());
            actor.flush(context);
        }));
    }

    fn take_work(&mut self) -> Work {
        let rows = self.shared.tuning.batch_rows;
        let mut work = Work { parked: std::mem::take(&mut self.parked), ..Work::default() };
        work.decisions.extend(self.decisions.drain(..self.decisions.len().min(rows)));
        let mut count = 0;
        while count < rows {
            let Some(pending) = self.receipts.pop_front() else { break };
            count += pending.receipts.len();
            work.receipts.push(pending);
        }
        while work.starts.len() < rows {
            let Some((_, pending)) = self.starts.pop() else { break };
            work.starts.push(pending);
        }
        work
    }

    fn put_back(&mut self, left: Vec<PendingDecision>) {
        for pending in left.into_iter().rev() {
            self.decisions.push_front(pending);
        }
    }
}

impl Actor for LedgerActor {
    type Context = Context<Self>;
}

impl Handler<Entry> for LedgerActor {
    type Result = ();

    fn handle(&mut self, entry: Entry, context: &mut Self::Context) {
        match entry {
            Entry::Start(pending) => {
                let (flow, weight) = (pending.start.key.tenant_id, pending.weight);
                self.starts.push(flow, weight, pending.priority, pending.recipient, pending);
            }
            Entry::Decide(pending) => self.decisions.push_back(pending),
            Entry::Receive(pending) => self.receipts.push_back(pending),
            Entry::Match(parked) => self.parked.extend(parked),
        }
        self.flush(context);
    }
}

/// Commits a batch and answers its waiters; gives back the decisions that have to be tried again.
#[expect(clippy::disallowed_methods, reason = "measures the length of a commit")]
async fn commit_work(
    shared: Arc<Shared>,
    placement_id: PlacementId,
    work: Work,
    waiting: usize,
) -> Vec<PendingDecision> {
    let started = Instant::now();
    let rows = work.starts.len() + work.decisions.len() + work.receipts.len();
    let Work { starts, decisions, receipts, parked } = work;
    let batch = LedgerBatch {
        held: Vec::new(),
        starts: starts.iter().map(|pending| pending.start.clone()).collect(),
        decisions: decisions.iter().map(|pending| pending.decision.clone()).collect(),
        receipts: receipts.iter().flat_map(|pending| pending.receipts.iter().cloned()).collect(),
        parked,
    };
    match commit(&shared, placement_id, batch).await {
        Ok((batch, report)) => {
            metrics::record_batch(Writer::Ledger, rows, waiting, started.elapsed().as_secs_f64());
            publish(&shared, &batch, &report);
            answer_all(starts, decisions, receipts, report);
            Vec::new()
        }
        Err(error) => {
            metrics::count_batch_failure(Writer::Ledger);
            tracing::warn!(error = %error, rows, "commit ledger");
            starts.into_iter().for_each(|pending| tell(pending.answer, Err(EngineError::away())));
            receipts.into_iter().for_each(|pending| tell(pending.answer, Err(EngineError::away())));
            tokio::time::sleep(PAUSE).await;
            decisions
        }
    }
}

async fn commit(
    shared: &Shared,
    placement_id: PlacementId,
    mut batch: LedgerBatch,
) -> Result<(LedgerBatch, LedgerReport), carepost_delivery::DeliveryError> {
    let writers = shared.writers.get(&placement_id).map(|found| Arc::clone(&found));
    let Some(writers) = writers else {
        return Err(carepost_store::StoreError::Config("placement is not open".to_owned()).into());
    };
    // A predecessor's batch may still be under way.
    let _one_at_a_time = writers.ledger_turn.lock().await;
    let mut tenants: Vec<TenantId> = (batch.starts.iter().map(|start| start.key.tenant_id))
        .chain(batch.decisions.iter().map(|decision| decision.change.key.tenant_id))
        .chain(batch.receipts.iter().map(|receipt| receipt.tenant_id))
        .chain(batch.parked.iter().map(|parked| parked.tenant_id))
        .collect();
    tenants.sort_unstable();
    tenants.dedup();
    batch.held =
        tenants.into_iter().map(|tenant_id| (tenant_id, writers.leases.epoch(tenant_id).unwrap_or(i64::MIN))).collect();
    // Ids are given here, so that they grow in the order of commits: streams of events are read by id.
    let now = shared.now();
    batch.starts.iter_mut().for_each(|start| start.event_id = EventId::new(now));
    let events = batch.decisions.iter_mut().flat_map(|decision| &mut decision.events);
    events.for_each(|event| event.event_id = EventId::new(now));
    let mut connection = writers.placement.engine().await?;
    let report = commit_ledger(&mut connection, shared.instance, &batch, now).await?;
    Ok((batch, report))
}

/// Tells listeners what is durable now, and channels what receipts have changed.
fn publish(shared: &Shared, batch: &LedgerBatch, report: &LedgerReport) {
    for change in &report.changes {
        shared.tell_channel(
            change.key,
            StateChanged { key: change.key, is_open: change.is_open, failure: change.failure.clone() },
        );
        metrics::count_state(change.key.channel, change.state, change.is_open);
    }
    for event in &report.receipt_events {
        if shared.hub.has_listeners(event.key.tenant_id) {
            shared.hub.publish(event.clone());
        }
    }
    for (start, allowed) in batch.starts.iter().zip(&report.started) {
        if *allowed && shared.hub.has_listeners(start.key.tenant_id) {
            shared.hub.publish(DeliveryEvent {
                state: Some(DeliveryState::Sending),
                account_id: Some(start.account_id),
                event_id: start.event_id,
                ..DeliveryEvent::new(start.key, EventKind::AttemptStarted, start.attempt_no, start.at)
            });
        }
    }
    for decision in &batch.decisions {
        if shared.hub.has_listeners(decision.change.key.tenant_id) {
            decision.events.iter().for_each(|event| shared.hub.publish(event.clone()));
        }
    }
}

fn answer_all(
    starts: Vec<PendingStart>,
    decisions: Vec<PendingDecision>,
    receipts: Vec<PendingReceipts>,
    report: LedgerReport,
) {
    starts.into_iter().zip(report.started).for_each(|(pending, allowed)| tell(pending.answer, Ok(allowed)));
    decisions.into_iter().zip(report.effects).for_each(|(pending, effect)| tell(pending.answer, effect));
    let mut fates = report.receipts.into_iter();
    for pending in receipts {
        let mine: Vec<ReceiptFate> = fates.by_ref().take(pending.receipts.len()).collect();
        pending.receipts.iter().zip(&mine).for_each(|(receipt, fate)| metrics::count_receipt(receipt.status, *fate));
        let refused = mine.contains(&ReceiptFate::NotOwner);
        tell(pending.answer, if refused { Err(EngineError::restarting()) } else { Ok(()) });
    }
}

fn tell<T>(to: oneshot::Sender<T>, answer: T) {
    if to.send(answer).is_err() {
        tracing::debug!("a waiter of the ledger left before its answer");
    }
}
