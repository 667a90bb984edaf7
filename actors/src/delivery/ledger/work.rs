//! One batch of the ledger with its waiters: named, halved where rows of it are refused, answered or given up.

use jiff::Timestamp;
use tokio::sync::oneshot;

use carepost_delivery::DeliveryError;
use carepost_delivery::ledger::{LedgerBatch, LedgerReport, ReceiptFate};
use carepost_delivery::store::ParkedMatch;
use carepost_kernel::{Chain, EventId, TenantId};

use crate::delivery::shared::Shared;
use crate::delivery::uncertain::Uncertain;
use crate::engine::EngineError;
use crate::metrics;

use super::{PendingDecision, PendingReceipts, PendingStart};

/// One batch with its waiters.
#[derive(Default)]
pub(super) struct Work {
    pub(super) starts: Vec<PendingStart>,
    pub(super) decisions: Vec<PendingDecision>,
    pub(super) receipts: Vec<PendingReceipts>,
    pub(super) parked: Vec<ParkedMatch>,
}

impl Work {
    pub(super) fn rows(&self) -> usize {
        self.starts.len() + self.decisions.len() + self.receipts.len()
    }

    fn entries(&self) -> usize {
        self.rows() + self.parked.len()
    }

    /// Gives the events of the batch their ids: at each try new ones, because readers have passed the places of the old.
    pub(super) fn give_ids(&mut self, now: Timestamp) {
        self.starts.iter_mut().for_each(|pending| pending.start.event_id = EventId::new(now));
        let events = self.decisions.iter_mut().flat_map(|pending| &mut pending.decision.events);
        events.for_each(|event| event.event_id = EventId::new(now));
    }

    /// The answer to its commit was lost: what it may have written is known again by its ids.
    pub(super) fn remember(&mut self, uncertain: &Uncertain, now: Timestamp) {
        uncertain.remember(self.starts.iter().map(|pending| &pending.start), now);
        for PendingDecision { decision, .. } in &mut self.decisions {
            decision.tried.push(decision.events.iter().map(|event| event.event_id).collect());
        }
    }

    pub(super) fn batch(&self, epoch: impl Fn(TenantId) -> i64) -> LedgerBatch {
        let mut batch = LedgerBatch {
            held: Vec::new(),
            starts: self.starts.iter().map(|pending| pending.start.clone()).collect(),
            decisions: self.decisions.iter().map(|pending| pending.decision.clone()).collect(),
            receipts: self.receipts.iter().flat_map(|pending| pending.receipts.iter().cloned()).collect(),
            parked: self.parked.clone(),
        };
        let mut tenants: Vec<TenantId> = (batch.starts.iter().map(|start| start.key.tenant_id))
            .chain(batch.decisions.iter().map(|decision| decision.change.key.tenant_id))
            .chain(batch.receipts.iter().map(|receipt| receipt.tenant_id))
            .chain(batch.parked.iter().map(|parked| parked.tenant_id))
            .collect();
        tenants.sort_unstable();
        tenants.dedup();
        batch.held = tenants.into_iter().map(|tenant_id| (tenant_id, epoch(tenant_id))).collect();
        batch
    }

    /// Everybody learns what came of it.
    pub(super) fn answer(self, shared: &Shared, report: LedgerReport) {
        for (pending, allowed) in self.starts.into_iter().zip(report.started) {
            if allowed {
                shared.uncertain.forget(pending.start.key);
            }
            tell(pending.answer, Ok(allowed));
        }
        self.decisions.into_iter().zip(report.effects).for_each(|(pending, effect)| tell(pending.answer, effect));
        let mut fates = report.receipts.into_iter();
        for pending in self.receipts {
            let mine: Vec<ReceiptFate> = fates.by_ref().take(pending.receipts.len()).collect();
            pending
                .receipts
                .iter()
                .zip(&mine)
                .for_each(|(receipt, fate)| metrics::count_receipt(receipt.status, *fate));
            let refused = mine.contains(&ReceiptFate::NotOwner);
            tell(pending.answer, if refused { Err(EngineError::Moving) } else { Ok(()) });
        }
    }

    /// The database is away: who can ask again is told so, and the decisions come back.
    pub(super) fn give_up(self) -> Vec<PendingDecision> {
        self.starts.into_iter().for_each(|pending| tell(pending.answer, Err(EngineError::away())));
        self.receipts.into_iter().for_each(|pending| tell(pending.answer, Err(EngineError::away())));
        self.decisions
    }

    /// Two halves that keep the order of a batch (decisions, receipts, matches, starts); what cannot be halved comes back.
    pub(super) fn halve(mut self) -> Result<(Self, Self), Self> {
        if self.entries() == 1
            && let Some(pending) = self.receipts.pop_if(|pending| pending.receipts.len() > 1)
        {
            self.receipts = one_by_one(pending);
        }
        if self.entries() < 2 {
            return Err(self);
        }
        let mut room = self.entries() / 2;
        let second = Self {
            decisions: split(&mut self.decisions, &mut room),
            receipts: split(&mut self.receipts, &mut room),
            parked: split(&mut self.parked, &mut room),
            starts: split(&mut self.starts, &mut room),
        };
        Ok((self, second))
    }

    /// PostgreSQL will never take these rows: they are named in the log, and their waiters told. The row of a delivery
    /// says what it said before, and whoever looks at it next goes on from there.
    pub(super) fn set_aside(self, error: &DeliveryError) {
        let error = Chain(error);
        for pending in self.starts {
            tracing::error!(%error, message.id = %pending.start.key.message_id, "set aside the start of an attempt");
            tell(pending.answer, Err(EngineError::Internal));
        }
        for pending in self.decisions {
            let change = &pending.decision.change;
            let (message_id, state) = (change.key.message_id, change.state.as_str());
            tracing::error!(%error, message.id = %message_id, state, "set aside a decision");
            tell(pending.answer, None);
        }
        for pending in self.receipts {
            for receipt in &pending.receipts {
                let (tenant_id, status) = (receipt.tenant_id, receipt.status.as_str());
                tracing::error!(%error, tenant.id = %tenant_id, status, "set aside a receipt");
            }
            tell(pending.answer, Err(EngineError::Internal));
        }
        for parked in self.parked {
            tracing::error!(%error, message.id = %parked.message_id, "set aside a parked receipt");
        }
    }
}

/// The second part of a list, where the first has this much room.
fn split<T>(list: &mut Vec<T>, room: &mut usize) -> Vec<T> {
    let kept = list.len().min(*room);
    *room -= kept;
    list.split_off(kept)
}

/// A webhook's receipts, each for itself; the webhook is answered when all of them are.
fn one_by_one(pending: PendingReceipts) -> Vec<PendingReceipts> {
    let PendingReceipts { receipts, answer } = pending;
    let (single, answers): (Vec<PendingReceipts>, Vec<_>) = receipts
        .into_iter()
        .map(|receipt| {
            let (answer, told) = oneshot::channel();
            (PendingReceipts { receipts: vec![receipt], answer }, told)
        })
        .unzip();
    actix::spawn(async move {
        let mut all = Ok(());
        for told in answers {
            let one = told.await.unwrap_or(Err(EngineError::restarting()));
            all = all.and(one);
        }
        tell(answer, all);
    });
    single
}

fn tell<T>(to: oneshot::Sender<T>, answer: T) {
    if to.send(answer).is_err() {
        tracing::debug!("a waiter of the ledger left before its answer");
    }
}

#[cfg(test)]
mod tests {
    use carepost_delivery::ledger::Decision;
    use carepost_delivery::rules;
    use carepost_delivery::types::{DeliveryKey, DeliveryState};
    use carepost_kernel::{Channel, MessageId, ProviderAccountId, ProviderRef};
    use jiff::SignedDuration;

    use super::*;

    fn parked(now: Timestamp) -> ParkedMatch {
        ParkedMatch {
            tenant_id: TenantId::new(now),
            account_id: ProviderAccountId::new(now),
            provider_ref: ProviderRef::new("SM1").unwrap(),
            message_id: MessageId::new(now),
            channel: Channel::Sms,
            attempt_no: 1,
        }
    }

    fn decision(now: Timestamp) -> PendingDecision {
        let key = DeliveryKey { tenant_id: TenantId::new(now), message_id: MessageId::new(now), channel: Channel::Sms };
        let step = rules::cancelled(key, 0, 0, now);
        PendingDecision { decision: Decision::new(DeliveryState::Queued, step), answer: oneshot::channel().0 }
    }

    #[test]
    fn halves_hold_all_of_a_batch_in_its_order_down_to_the_one() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let decisions: Vec<PendingDecision> = (0..5).map(|_| decision(now)).collect();
        let parked: Vec<ParkedMatch> = (0..4).map(|_| parked(now)).collect();
        let ids = |decisions: &[PendingDecision], parked: &[ParkedMatch]| -> Vec<MessageId> {
            let of_decisions = decisions.iter().map(|pending| pending.decision.change.key.message_id);
            of_decisions.chain(parked.iter().map(|one| one.message_id)).collect()
        };
        let wanted = ids(&decisions, &parked);
        let (mut rest, mut singles) = (vec![Work { decisions, parked, ..Work::default() }], Vec::new());
        while let Some(work) = rest.pop() {
            match work.halve() {
                Ok((first, second)) => rest.extend([second, first]),
                Err(one) => singles.extend(ids(&one.decisions, &one.parked)),
            }
        }
        assert_eq!(singles, wanted);
    }

    #[test]
    fn a_decision_has_new_ids_at_each_try_and_is_known_by_those_that_nobody_saw_the_end_of() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut work = Work { decisions: vec![decision(now)], ..Work::default() };
        let id = |work: &Work| work.decisions[0].decision.events[0].event_id;
        let mut unseen = Vec::new();
        for seconds in 1..=3 {
            let at = now + SignedDuration::from_secs(seconds);
            // The first of them failed before its commit was sent.
            work.give_ids(at);
            work.give_ids(at);
            assert!(id(&work) >= EventId::first_at(at));
            unseen.push(vec![id(&work)]);
            work.remember(&Uncertain::default(), at);
        }
        let pending = work.give_up().pop().unwrap();
        assert_eq!(pending.decision.tried, unseen);
    }
}
