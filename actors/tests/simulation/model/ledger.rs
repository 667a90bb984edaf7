//! The group commit of attempts, decisions and receipts, as `ledger.rs` of the delivery room does it.

use std::collections::BTreeSet;

use carepost_delivery::ledger::{Decision, Effect, LedgerBatch, LedgerReport};
use carepost_delivery::{DeliveryEvent, DeliveryKey, DeliveryState, EventKind};
use carepost_kernel::{Channel, EventId, InstanceId, MessageId, TenantId, WaitReason};
use jiff::Timestamp;

use super::{Row, Tables};

impl Tables {
    pub(crate) fn commit_ledger(&mut self, owner: InstanceId, batch: &LedgerBatch, now: Timestamp) -> LedgerReport {
        let refused = self.refused(owner, &batch.held);
        let mut report = LedgerReport { refused: refused.iter().copied().collect(), ..LedgerReport::default() };
        self.decide(&batch.decisions, &refused, now, &mut report);
        self.merge(batch, &refused, now, &mut report);
        self.start(batch, &refused, &mut report);
        report
    }

    fn decide(
        &mut self,
        decisions: &[Decision],
        refused: &BTreeSet<TenantId>,
        now: Timestamp,
        report: &mut LedgerReport,
    ) {
        report.effects = vec![None; decisions.len()];
        let is_allowed = |decision: &Decision| !refused.contains(&decision.change.key.tenant_id);
        let allowed: Vec<usize> = (0..decisions.len()).filter(|i| is_allowed(&decisions[*i])).collect();
        let durable: Vec<Option<Vec<EventId>>> = decisions.iter().map(|decision| self.durable_ids(decision)).collect();
        for decision in allowed.iter().map(|i| &decisions[*i]) {
            if let Some(delivery) = &decision.creates {
                let due_at = decision.change.due_at;
                let key = decision.change.key;
                self.deliveries.entry(key).or_insert_with(|| Row::new(delivery, WaitReason::Dispatch, due_at));
            }
        }
        for i in &allowed {
            report.effects[*i] = self.apply(&decisions[*i], durable[*i].is_some());
        }
        let mut told = Vec::new();
        for i in 0..decisions.len() {
            let events = tell(&decisions[i], report.effects[i]).into_iter().enumerate();
            told.extend(events.map(|(place, event)| match durable[i].as_ref().and_then(|ids| ids.get(place)) {
                Some(event_id) => DeliveryEvent { event_id: *event_id, ..event },
                None => event,
            }));
        }
        told.extend(self.fall_back(decisions, &durable, now, &mut report.effects));
        for event in &told {
            if !self.events.contains_key(&(event.key.tenant_id, event.key.message_id, event.event_id)) {
                self.insert_event(event.clone());
            }
        }
        for decision in allowed.iter().map(|i| &decisions[*i]) {
            let attempt = decision.change.key.attempt(decision.change.attempt_no);
            for reference in decision.account_id.iter().flat_map(|account_id| {
                decision.provider_refs.iter().map(|one| (decision.change.key.tenant_id, *account_id, one.clone()))
            }) {
                self.refs.entry(reference).or_insert(attempt);
            }
        }
        report.decision_events = told;
    }

    /// The ids of a decision's events, where an earlier try has written them.
    fn durable_ids(&self, decision: &Decision) -> Option<Vec<EventId>> {
        let DeliveryKey { tenant_id, message_id, .. } = decision.change.key;
        let is_known = |event_id: &EventId| self.events.contains_key(&(tenant_id, message_id, *event_id));
        decision.tried.iter().find(|ids| ids.iter().any(is_known)).cloned()
    }

    /// `apply_changes.sql`, and `yield_changes.sql` where it does not apply.
    fn apply(&mut self, decision: &Decision, is_durable: bool) -> Option<Effect> {
        let change = &decision.change;
        let held = self.deliveries.get_mut(&change.key).filter(|held| held.attempt_no == change.attempt_no)?;
        let is_overtaken = held.state > decision.from && held.state > change.state;
        let is_decided = held.state < decision.from;
        let is_late = change.state == DeliveryState::Cancelled && held.state != DeliveryState::Queued;
        let is_applied = !is_durable && held.is_open && !is_overtaken && !is_decided && !is_late;
        held.sent_at = held.sent_at.or(change.sent_at);
        if is_applied {
            let is_failed = !change.is_open && change.state.is_failure() && change.state != DeliveryState::Cancelled;
            (held.state, held.reason, held.due_at) = (change.state, change.reason, change.due_at);
            (held.is_open, held.is_failed, held.failures) = (change.is_open, is_failed, change.failures);
            (held.code, held.finished_at) = (change.code.clone(), change.finished_at);
        } else if held.is_open && held.state == DeliveryState::Sent {
            held.reason = Some(WaitReason::AwaitingReceipt);
            held.due_at = held.due_at.max(change.due_at);
        }
        Some(Effect {
            state: held.state,
            is_open: held.is_open,
            due_at: held.due_at,
            is_applied: is_applied || (is_durable && held.state == change.state),
            next_attempt_no: None,
        })
    }

    /// The next channels of plans.
    fn fall_back(
        &mut self,
        decisions: &[Decision],
        durable: &[Option<Vec<EventId>>],
        now: Timestamp,
        effects: &mut [Option<Effect>],
    ) -> Vec<DeliveryEvent> {
        let (mut events, mut seen) = (Vec::new(), BTreeSet::new());
        for (i, decision) in decisions.iter().enumerate() {
            let is_due = durable[i].is_none() && effects[i].is_some_and(|effect| effect.is_applied);
            let Some(delivery) = decision.fallback.as_ref().filter(|_| is_due) else { continue };
            let change = &decision.change;
            if !seen.insert((change.key.message_id, delivery.channel)) {
                continue;
            }
            let key = DeliveryKey { channel: delivery.channel, ..change.key };
            match self.deliveries.get_mut(&key) {
                None => drop(self.deliveries.insert(key, Row::new(delivery, WaitReason::Dispatch, change.due_at))),
                Some(held) if held.is_failed && !held.is_open => held.reopen(change.due_at),
                Some(_) => continue,
            }
            let attempt_no = self.deliveries[&key].attempt_no;
            if let Some(effect) = &mut effects[i] {
                effect.next_attempt_no = Some(attempt_no);
            }
            events.push(DeliveryEvent {
                event_id: EventId::new(now),
                state: Some(DeliveryState::Queued),
                reason: Some(WaitReason::Dispatch),
                ..DeliveryEvent::new(key, EventKind::FellBack, attempt_no, change.due_at)
            });
        }
        events
    }

    /// `start_attempts.sql`.
    fn start(&mut self, batch: &LedgerBatch, refused: &BTreeSet<TenantId>, report: &mut LedgerReport) {
        let mut seen: BTreeSet<(TenantId, MessageId, Channel)> = BTreeSet::new();
        for start in &batch.starts {
            let key = start.key;
            let is_first =
                !refused.contains(&key.tenant_id) && seen.insert((key.tenant_id, key.message_id, key.channel));
            let held = self.deliveries.get_mut(&key).filter(|held| {
                is_first
                    && held.is_open
                    && held.attempt_no == start.attempt_no - 1
                    && held.state < DeliveryState::Delivered
            });
            report.started.push(held.is_some());
            let Some(held) = held else { continue };
            (held.state, held.reason) = (DeliveryState::Sending, Some(WaitReason::ProviderCall));
            (held.attempt_no, held.account_id) = (start.attempt_no, Some(start.account_id));
            self.insert_event(DeliveryEvent {
                event_id: start.event_id,
                state: Some(DeliveryState::Sending),
                account_id: Some(start.account_id),
                waits: start.waits.clone(),
                gate: start.gate.clone(),
                ..DeliveryEvent::new(key, EventKind::AttemptStarted, start.attempt_no, start.at)
            });
        }
    }
}

/// What the history tells of a decision.
fn tell(decision: &Decision, effect: Option<Effect>) -> Vec<DeliveryEvent> {
    let Some(effect) = effect else { return Vec::new() };
    if effect.is_applied {
        return decision.events.clone();
    }
    if !decision.is_fact {
        return Vec::new();
    }
    let awaits = effect.is_open && effect.state == DeliveryState::Sent;
    let overtaken = |event: &DeliveryEvent| DeliveryEvent {
        state: None,
        reason: awaits.then_some(WaitReason::AwaitingReceipt),
        until: awaits.then_some(effect.due_at),
        ..event.clone()
    };
    decision.events.iter().map(overtaken).collect()
}
