//! `LedgerActor`: the group commit of attempts, outcomes and receipts of one placement (DEL-4, DEL-5, DEL-6).
//!
//! One batch at a time; what comes meanwhile makes the next one. Outcomes and receipts go first: they free lanes.
//! Starts queue fairly over tenants: this is where a flood meets everybody else (DEL-11). An outcome is never lost
//! while the process lives: a batch that fails is put back and tried again. A row that PostgreSQL will never take is set
//! aside alone.

mod work;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, Message, WrapFuture as _};
use tokio::sync::oneshot;
use tokio::time::Instant;

use carepost_delivery::DeliveryError;
use carepost_delivery::fair_queue::FairQueue;
use carepost_delivery::ledger::{AttemptStart, Decision, Effect, LedgerBatch, LedgerReport, Receipt};
use carepost_delivery::store::ParkedMatch;
use carepost_delivery::types::{DeliveryEvent, DeliveryState, EventKind};
use carepost_kernel::{Chain, PlacementId, Priority, TenantId};

use crate::engine::EngineError;
use crate::keeper::Guard;
use crate::metrics::{self, WaitingRows, Writer};

use super::channel::StateChanged;
use super::shared::Shared;
use super::suppressing;
use work::Work;

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
    shown: WaitingRows,
    guard: Guard,
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
            shown: WaitingRows::new(Writer::Ledger),
            guard,
        }
    }

    fn waiting(&self) -> usize {
        self.starts.len() + self.decisions.len() + self.receipts.len()
    }

    fn flush(&mut self, context: &mut Context<Self>) {
        self.show();
        if self.busy || (self.waiting() == 0 && self.parked.is_empty()) {
            return;
        }
        self.busy = true;
        let work = self.take_work();
        // At each coming, departure and end, good or bad: what waits while commits fail is seen, too.
        self.show();
        let (shared, placement_id) = (Arc::clone(&self.shared), self.placement_id);
        // A task of its own: this actor's death must not cut it off between the commit and the answers (DEL-4).
        let committing = actix::spawn(commit_work(shared, placement_id, work));
        context.spawn(committing.into_actor(self).map(|left, actor, context| {
            actor.busy = false;
            // A batch that panicked has dropped its waiters, and they ask again.
            actor.put_back(left.unwrap_or_default());
            actor.flush(context);
        }));
    }

    fn show(&mut self) {
        let waiting = self.waiting();
        self.shown.show(waiting);
        self.guard.show_depth(waiting);
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
///
/// Where PostgreSQL refuses the rows themselves, the batch is halved until the ones that it refuses are alone: everything
/// else commits, and nobody waits behind them.
async fn commit_work(shared: Arc<Shared>, placement_id: PlacementId, work: Work) -> Vec<PendingDecision> {
    let mut rest = vec![work];
    while let Some(work) = rest.pop() {
        match commit(&shared, placement_id, work).await {
            Committed::Done => {}
            Committed::Refused(work, error) => match work.halve() {
                Ok((first, second)) => rest.extend([second, first]),
                Err(one) => one.set_aside(&error),
            },
            Committed::Away(work) => {
                rest.push(work);
                let left = rest.into_iter().rev().flat_map(Work::give_up).collect();
                tokio::time::sleep(PAUSE).await;
                return left;
            }
        }
    }
    Vec::new()
}

/// What became of a part of a batch.
enum Committed {
    /// It is durable, and everybody was told.
    Done,
    /// Rows of it are refused.
    Refused(Work, DeliveryError),
    /// The database is away, or nobody knows what came of it.
    Away(Work),
}

#[expect(clippy::disallowed_methods, reason = "measures the length of a commit")]
async fn commit(shared: &Arc<Shared>, placement_id: PlacementId, mut work: Work) -> Committed {
    let started = Instant::now();
    let Some(writers) = shared.writers.get(&placement_id).map(|found| Arc::clone(&found)) else {
        return Committed::Away(work);
    };
    // A predecessor's batch may still be under way.
    let _one_at_a_time = writers.ledger_turn.lock().await;
    let mut session = match writers.journal.connect().await {
        Ok(session) => session,
        Err(error) => return failed(shared, work, error.into()),
    };
    // Ids are given here, so that they grow in the order of commits: streams of events are read by id, and pass a place
    // a while after its moment. A connection may have been waited for longer than that.
    let now = shared.now();
    work.give_ids(now);
    let batch = work.batch(|tenant_id| writers.leases.epoch(tenant_id).unwrap_or(i64::MIN));
    match session.commit_ledger(shared.instance, &batch, now).await {
        Ok(report) => {
            drop(session);
            metrics::record_batch(Writer::Ledger, work.rows(), started.elapsed().as_secs_f64());
            // It is durable: whatever becomes of the listeners, the waiters are told so, and nobody sends it again.
            if catch_unwind(AssertUnwindSafe(|| publish(shared, &batch, &report))).is_err() {
                tracing::error!(rows = work.rows(), "tell listeners of a batch: panicked");
            }
            suppressing::after_matches(shared, &batch, &report.receipt_events);
            work.answer(shared, report);
            Committed::Done
        }
        Err(error) => failed(shared, work, error),
    }
}

fn failed(shared: &Shared, mut work: Work, error: DeliveryError) -> Committed {
    metrics::count_batch_failure(Writer::Ledger);
    tracing::warn!(error = %Chain(&error), rows = work.rows(), "commit ledger");
    if matches!(error, DeliveryError::Unseen(_)) {
        work.remember(&shared.uncertain, shared.now());
    }
    if error.is_about_rows() { Committed::Refused(work, error) } else { Committed::Away(work) }
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
    for event in report.receipt_events.iter().chain(&report.decision_events) {
        if shared.hub.has_listeners(event.key.tenant_id) {
            shared.hub.publish(event.clone());
        }
    }
}
