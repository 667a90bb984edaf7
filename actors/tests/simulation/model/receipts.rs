//! Receipts of a batch, as `ledger/receipts.rs` of the delivery room takes them.

use std::collections::{BTreeMap, BTreeSet};

use carepost_delivery::ledger::{LedgerBatch, LedgerReport, Receipt, ReceiptFate, StateChange};
use carepost_delivery::{DeliveryEvent, DeliveryKey, DeliveryState, EventKind, lattice};
use carepost_kernel::{AttemptRef, Failure, FailureClass, TenantId, WaitReason};
use jiff::Timestamp;

use super::{Parked, Tables};

/// A receipt and the attempt that it speaks of.
struct Matched {
    /// Its place in the batch; `None` for one that was parked.
    place: Option<usize>,
    receipt: Receipt,
    attempt: AttemptRef,
}

impl Matched {
    fn key(&self) -> DeliveryKey {
        DeliveryKey {
            tenant_id: self.receipt.tenant_id,
            message_id: self.attempt.message_id,
            channel: self.attempt.channel,
        }
    }
}

impl Tables {
    pub(super) fn merge(
        &mut self,
        batch: &LedgerBatch,
        refused: &BTreeSet<TenantId>,
        now: Timestamp,
        report: &mut LedgerReport,
    ) {
        report.receipts = vec![ReceiptFate::NotOwner; batch.receipts.len()];
        let mut matched = self.take_parked(batch, refused);
        for (place, receipt) in batch.receipts.iter().enumerate() {
            if refused.contains(&receipt.tenant_id) {
                continue;
            }
            let name = (receipt.tenant_id, receipt.account_id, receipt.provider_ref.clone());
            match receipt.attempt.or_else(|| self.refs.get(&name).copied()) {
                Some(attempt) => matched.push(Matched { place: Some(place), receipt: receipt.clone(), attempt }),
                None => {
                    self.park(receipt, now);
                    report.receipts[place] = ReceiptFate::Parked;
                }
            }
        }
        self.append_and_merge(matched, now, report);
    }

    /// `take_parked_receipts.sql`.
    fn take_parked(&mut self, batch: &LedgerBatch, refused: &BTreeSet<TenantId>) -> Vec<Matched> {
        let of_decisions = batch.decisions.iter().flat_map(|decision| {
            let change = &decision.change;
            let attempt = change.key.attempt(change.attempt_no);
            decision.account_id.into_iter().flat_map(move |account_id| {
                decision.provider_refs.iter().map(move |one| (change.key.tenant_id, account_id, one.clone(), attempt))
            })
        });
        let of_sweep = batch.parked.iter().map(|parked| {
            let attempt =
                AttemptRef { message_id: parked.message_id, channel: parked.channel, attempt_no: parked.attempt_no };
            (parked.tenant_id, parked.account_id, parked.provider_ref.clone(), attempt)
        });
        let mut taken = Vec::new();
        for (tenant_id, account_id, provider_ref, attempt) in of_decisions.chain(of_sweep) {
            if refused.contains(&tenant_id) {
                continue;
            }
            let name = |key: [u8; 16]| (tenant_id, account_id, provider_ref.clone(), key);
            let found: Vec<[u8; 16]> =
                self.parked.range(name([0; 16])..=name([255; 16])).map(|(key, _)| key.3).collect();
            for key in found {
                let Some(parked) = self.parked.remove(&name(key)) else { continue };
                let receipt = Receipt {
                    tenant_id,
                    account_id,
                    provider_ref: provider_ref.clone(),
                    attempt: Some(attempt),
                    status: parked.status,
                    failure: parked.failure,
                    at: parked.occurred_at,
                    key,
                    wait_until: parked.received_at,
                };
                taken.push(Matched { place: None, receipt, attempt });
            }
        }
        taken
    }

    /// `park_receipts.sql`.
    fn park(&mut self, receipt: &Receipt, now: Timestamp) {
        let name = (receipt.tenant_id, receipt.account_id, receipt.provider_ref.clone(), receipt.key);
        self.parked.entry(name).or_insert_with(|| Parked {
            status: receipt.status,
            failure: receipt.failure.clone().map(|failure| Failure { after: None, ..failure }),
            occurred_at: receipt.at,
            received_at: now,
        });
    }

    fn append_and_merge(&mut self, matched: Vec<Matched>, now: Timestamp, report: &mut LedgerReport) {
        let mut seen = BTreeSet::new();
        let mut merging: BTreeMap<DeliveryKey, Vec<(Matched, DeliveryState)>> = BTreeMap::new();
        let mut order = Vec::new();
        for one in matched {
            let is_new = seen.insert((one.attempt.message_id, one.receipt.key)) && self.is_unknown(&one);
            if let Some(place) = one.place {
                report.receipts[place] = if is_new { ReceiptFate::Merged } else { ReceiptFate::Duplicate };
            }
            if !is_new {
                continue;
            }
            let event = event(&one, now);
            report.receipt_events.push(event.clone());
            let state = event.state;
            self.insert_event(event);
            if let Some(state) = state {
                order.push(one.key());
                merging.entry(one.key()).or_default().push((one, state));
            }
        }
        let mut done = BTreeSet::new();
        for key in order.into_iter().filter(|key| done.insert(*key)) {
            report.changes.extend(self.merge_states(key, &merging[&key], now));
        }
    }

    /// `insert_receipt_events.sql`: where the delivery exists, and no copy is in the history.
    fn is_unknown(&self, one: &Matched) -> bool {
        let key = one.key();
        let is_copy = |(_, event): (_, &DeliveryEvent)| event.receipt_key == Some(one.receipt.key);
        let first = (key.tenant_id, key.message_id, carepost_kernel::EventId::from_uuid(uuid::Uuid::nil()));
        let last = (key.tenant_id, key.message_id, carepost_kernel::EventId::from_uuid(uuid::Uuid::max()));
        self.deliveries.contains_key(&key) && !self.events.range(first..=last).any(is_copy)
    }

    /// `merge_receipts.sql`.
    fn merge_states(
        &mut self,
        key: DeliveryKey,
        news: &[(Matched, DeliveryState)],
        now: Timestamp,
    ) -> Option<StateChange> {
        use DeliveryState::{Bounced, Queued, Sent, Undelivered, Unknown};
        // It waits for another try because of bad news of its present attempt.
        let is_over = self.deliveries.get(&key).is_some_and(|held| {
            let is_bad_news = |event: &DeliveryEvent| {
                event.kind == EventKind::ReceiptMerged
                    && event.state == Some(Undelivered)
                    && event.attempt_no == held.attempt_no
            };
            held.state == Queued && self.history(key).any(is_bad_news)
        });
        let held = self.deliveries.get_mut(&key)?;
        let counts = |one: &&(Matched, DeliveryState)| {
            let is_late = is_over && one.1 < Undelivered;
            one.1 >= lattice::ANY_ATTEMPT || (one.0.attempt.attempt_no == held.attempt_no && !is_late)
        };
        let state = news.iter().filter(counts).map(|one| one.1).max().filter(|state| *state > held.state)?;
        let wait_until = news.iter().map(|one| one.0.receipt.wait_until).max()?;
        let is_proof = state == Sent && held.state == Unknown;
        match state {
            Undelivered | Bounced => {
                (held.is_open, held.is_failed) = (true, true);
                (held.reason, held.due_at, held.finished_at) = (Some(WaitReason::Dispatch), now, None);
            }
            state if state > Undelivered => {
                (held.is_open, held.is_failed, held.reason) = (false, false, None);
                held.finished_at = held.finished_at.or(Some(now));
            }
            _ => {
                held.is_failed = false;
                if is_proof {
                    (held.reason, held.due_at) = (Some(WaitReason::AwaitingReceipt), wait_until);
                }
            }
        }
        held.state = state;
        let speaker = news.iter().find(|one| one.1 == state);
        let failure = speaker.map(|one| {
            let unnamed = || Failure::new(FailureClass::Permanent, state.as_str());
            one.0.receipt.failure.clone().unwrap_or_else(unnamed)
        });
        Some(StateChange { key, state, is_open: held.is_open, failure })
    }
}

fn event(one: &Matched, now: Timestamp) -> DeliveryEvent {
    let receipt = &one.receipt;
    DeliveryEvent {
        state: lattice::state_of(receipt.status),
        failure_class: receipt.failure.as_ref().map(|failure| failure.class),
        code: receipt.failure.as_ref().map(|failure| failure.code.clone()),
        account_id: Some(receipt.account_id),
        receipt_status: Some(receipt.status),
        receipt_key: Some(receipt.key),
        at: receipt.at,
        ..DeliveryEvent::new(one.key(), EventKind::ReceiptMerged, one.attempt.attempt_no, now)
    }
}
