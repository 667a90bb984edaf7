//! The commits of the world: each is watched, and can be spoilt on purpose, to show that the watch sees it.

use carepost_delivery::ingest::Ingested;
use carepost_delivery::ledger::{LedgerBatch, LedgerReport, ReceiptFate};
use carepost_delivery::{DeliveryEvent, DeliveryKey, DeliveryState, EventKind, NewMessage, lattice};
use carepost_kernel::{EventId, FailureClass, InstanceId, TenantId, WaitReason};
use jiff::{SignedDuration, Timestamp};

use crate::model::{LeaseRow, Tables};
use crate::process::Process;
use crate::world::World;

/// A broken world: each breaks one promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plant {
    /// Messages are acknowledged and not kept.
    AcksWithoutKeeping,
    /// Messages are kept without their deliveries.
    DeliveriesDropped,
    /// Nobody is told of rows that are due.
    DueRowsHidden,
    /// Keys are not kept.
    KeysForgotten,
    /// Whatever comes with a known key counts as the same body.
    BodiesIgnored,
    /// Rows wait for no reason.
    NamelessWaits,
    /// Starts are allowed and not written down.
    StartsUnwritten,
    /// Rows know of starts, and the history does not.
    StartsUntold,
    /// The history does not tell what came of an attempt.
    EndsUntold,
    /// What is unknown goes back to its queue.
    UnknownResent,
    /// The same, with a mark, whatever the policy is.
    UnknownMarked,
    /// Receipts are acknowledged and not kept.
    ReceiptsDropped,
    /// Receipts are never acknowledged.
    ReceiptsRefused,
    /// Receipts are kept twice.
    ReceiptsTwice,
    /// What was parked stays parked.
    ParkedKept,
    /// Rows do not hear of the best that receipts tell.
    StatesUnmerged,
    /// A throttle counts as a failure.
    ThrottlesCount,
    /// Processes do not hear of a pause.
    PauseUntold,
    /// Messages end sooner than processes are told.
    LivesCut,
    /// Messages are for later than processes are told.
    PutOffMore,
    /// What was taken back is put back to work.
    CancelsUndone,
    /// Former owners write.
    FenceOpen,
    /// Writers do not say which tenures they write under.
    EpochsLeftOut,
}

impl World {
    /// The group commit of new messages, watched.
    pub(crate) fn watch_messages(
        &self,
        tables: &mut Tables,
        process: &Process,
        owner: InstanceId,
        held: &[(TenantId, i64)],
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Vec<Ingested> {
        let held = if self.plant == Some(Plant::EpochsLeftOut) { &[] } else { held };
        let is_held = |message: &NewMessage| held.iter().any(|(tenant_id, _)| *tenant_id == message.tenant_id);
        self.fault(messages.iter().all(is_held), "DEL-10: messages of a tenant without its epoch");
        let before = (self.plant == Some(Plant::AcksWithoutKeeping)).then(|| tables.clone());
        let mut fates = tables.commit_messages(owner, held, messages, now);
        if let Some(before) = before {
            *tables = before;
        }
        self.spoil_messages(tables, messages, &mut fates, now);
        self.note(|names| {
            let told = messages.iter().zip(&fates).map(|(message, fate)| {
                let fate = match fate {
                    Ingested::Stored => "stored".to_owned(),
                    Ingested::Existing { message_id, .. } => names.message(*message_id),
                    Ingested::NotOwner => "not ours".to_owned(),
                };
                format!(" {}:{fate}", names.message(message.message_id))
            });
            format!("{} keeps{}", names.process(process.instance), told.collect::<String>())
        });
        fates
    }

    fn spoil_messages(&self, tables: &mut Tables, messages: &[NewMessage], fates: &mut [Ingested], now: Timestamp) {
        for (message, fate) in messages.iter().zip(fates) {
            let kept = tables.messages.get_mut(&(message.tenant_id, message.message_id));
            match (self.plant, fate, kept) {
                (Some(Plant::KeysForgotten), _, _) => tables.keys.clear(),
                (Some(Plant::BodiesIgnored), Ingested::Existing { same_body, .. }, _) => *same_body = true,
                (Some(Plant::DeliveriesDropped), _, _) => {
                    tables.deliveries.retain(|key, _| key.message_id != message.message_id);
                }
                (Some(Plant::LivesCut), _, Some(kept)) => kept.expires_at = now,
                (Some(Plant::PutOffMore), _, Some(kept)) => {
                    kept.scheduled_at = Some(now + SignedDuration::from_hours(1));
                }
                _ => {}
            }
        }
    }

    /// The group commit of everything else, watched.
    pub(crate) fn watch_ledger(
        &self,
        tables: &mut Tables,
        process: &Process,
        owner: InstanceId,
        batch: &LedgerBatch,
        now: Timestamp,
    ) -> LedgerReport {
        let batch = &self.spoil_batch(batch);
        let stale = tables.refused(owner, &batch.held);
        if !stale.is_empty() {
            self.saw("fenced");
        }
        let report = self.commit(tables, owner, batch, now);
        self.spoil_rows(tables, batch, &report, now);
        let is_written = |tenant_id: &TenantId| {
            let decided = batch.decisions.iter().zip(&report.effects);
            let started = batch.starts.iter().zip(&report.started);
            decided.filter(|(_, effect)| effect.is_some()).any(|(one, _)| one.change.key.tenant_id == *tenant_id)
                || started.filter(|(_, is_started)| **is_started).any(|(one, _)| one.key.tenant_id == *tenant_id)
        };
        self.fault(!stale.iter().any(is_written), "DEL-10: a former owner has written");
        self.fault(all_held(batch), "DEL-10: rows of a tenant without its epoch");
        for key in touched(batch) {
            let Some(row) = tables.deliveries.get_mut(&key) else { continue };
            if self.plant == Some(Plant::NamelessWaits) && row.state == DeliveryState::Queued {
                row.reason = None;
            }
            let is_resent = matches!(self.plant, Some(Plant::UnknownResent | Plant::UnknownMarked));
            if is_resent && row.is_open && row.state == DeliveryState::Unknown {
                (row.state, row.reason, row.due_at) = (DeliveryState::Queued, Some(WaitReason::Dispatch), now);
            }
            self.require(!row.is_open || row.reason.is_some(), "DEL-3: an open row without a reason", key);
        }
        for fate in &report.receipts {
            match fate {
                ReceiptFate::Parked => self.saw("receipt: before its reference"),
                ReceiptFate::Duplicate => self.saw("receipt: copy"),
                ReceiptFate::Merged | ReceiptFate::NotOwner => {}
            }
        }
        self.tell(process, batch, &report);
        report
    }

    /// The batch as it reaches the tables.
    fn spoil_batch(&self, batch: &LedgerBatch) -> LedgerBatch {
        let mut spoilt = copy(batch);
        if self.plant == Some(Plant::EpochsLeftOut) {
            spoilt.held.clear();
        }
        for decision in &mut spoilt.decisions {
            let is_unknown = decision.change.state == DeliveryState::Unknown;
            match self.plant {
                Some(Plant::EndsUntold) => decision.events.retain(|event| {
                    !matches!(event.kind, EventKind::AttemptFinished | EventKind::Closed | EventKind::LookedUp)
                }),
                Some(Plant::UnknownMarked) if is_unknown => {
                    for event in decision.events.iter_mut().filter(|one| one.kind == EventKind::AttemptFinished) {
                        event.code = Some(format!("{}_may_duplicate", event.code.as_deref().unwrap_or_default()));
                    }
                }
                Some(Plant::ThrottlesCount) => {
                    let is_throttle = |class| class == Some(FailureClass::Throttled);
                    if decision.events.iter().any(|event| is_throttle(event.failure_class)) {
                        decision.change.failures += 1;
                    }
                }
                _ => {}
            }
        }
        spoilt
    }

    /// What the tables make of a batch, behind everybody's back.
    fn spoil_rows(&self, tables: &mut Tables, batch: &LedgerBatch, report: &LedgerReport, now: Timestamp) {
        match self.plant {
            Some(Plant::StartsUntold) => {
                for start in &batch.starts {
                    tables.events.remove(&(start.key.tenant_id, start.key.message_id, start.event_id));
                }
            }
            Some(Plant::StatesUnmerged) => {
                for change in report.changes.iter().filter(|change| change.state >= lattice::ANY_ATTEMPT) {
                    if let Some(row) = tables.deliveries.get_mut(&change.key) {
                        row.state = DeliveryState::Sent;
                    }
                }
            }
            Some(Plant::ReceiptsTwice) => {
                for event in &report.receipt_events {
                    let copy = DeliveryEvent { event_id: EventId::new(now), ..event.clone() };
                    tables.events.insert((copy.key.tenant_id, copy.key.message_id, copy.event_id), copy);
                }
            }
            Some(Plant::CancelsUndone) => {
                let undone = batch.decisions.iter().map(|decision| &decision.change);
                for change in undone.filter(|change| change.state == DeliveryState::Cancelled) {
                    let row = tables.deliveries.get_mut(&change.key);
                    if let Some(row) = row.filter(|row| row.state == DeliveryState::Cancelled) {
                        (row.state, row.reason, row.due_at) = (DeliveryState::Queued, Some(WaitReason::Dispatch), now);
                        (row.is_open, row.finished_at) = (true, None);
                    }
                }
            }
            _ => {}
        }
    }

    fn commit(&self, tables: &mut Tables, owner: InstanceId, batch: &LedgerBatch, now: Timestamp) -> LedgerReport {
        match self.plant {
            Some(Plant::StartsUnwritten) => {
                let rest = LedgerBatch { starts: Vec::new(), ..copy(batch) };
                let report = tables.commit_ledger(owner, &rest, now);
                LedgerReport { started: vec![true; batch.starts.len()], ..report }
            }
            Some(Plant::ReceiptsDropped) => {
                let rest = LedgerBatch { receipts: Vec::new(), ..copy(batch) };
                let report = tables.commit_ledger(owner, &rest, now);
                LedgerReport { receipts: vec![ReceiptFate::Merged; batch.receipts.len()], ..report }
            }
            Some(Plant::ReceiptsRefused) => {
                let rest = LedgerBatch { receipts: Vec::new(), ..copy(batch) };
                let report = tables.commit_ledger(owner, &rest, now);
                LedgerReport { receipts: vec![ReceiptFate::NotOwner; batch.receipts.len()], ..report }
            }
            Some(Plant::ParkedKept) => {
                let before = tables.parked.clone();
                let report = tables.commit_ledger(owner, batch, now);
                tables.parked.extend(before);
                report
            }
            Some(Plant::FenceOpen) => {
                let before = tables.leases.clone();
                for (tenant_id, epoch) in &batch.held {
                    let lease = LeaseRow { owner: Some(owner), epoch: *epoch, expires_at: now };
                    tables.leases.insert(*tenant_id, lease);
                }
                let report = tables.commit_ledger(owner, batch, now);
                tables.leases = before;
                report
            }
            _ => tables.commit_ledger(owner, batch, now),
        }
    }

    fn tell(&self, process: &Process, batch: &LedgerBatch, report: &LedgerReport) {
        self.note(|names| {
            let mut line = format!("{} writes", names.process(process.instance));
            for (decision, effect) in batch.decisions.iter().zip(&report.effects) {
                let effect = effect.map(|effect| (effect.state.as_str(), effect.is_open, effect.is_applied));
                line += &format!(" {}#{}={effect:?}", names.key(decision.change.key), decision.change.attempt_no);
            }
            for (receipt, fate) in batch.receipts.iter().zip(&report.receipts) {
                line += &format!(" {}:{fate:?}", receipt.status.as_str());
            }
            for change in &report.changes {
                line += &format!(" {}->{}", names.key(change.key), change.state.as_str());
            }
            for (start, is_started) in batch.starts.iter().zip(&report.started) {
                line += &format!(" start {}#{}={is_started}", names.key(start.key), start.attempt_no);
            }
            line
        });
    }

    fn fault(&self, is_true: bool, promise: &str) {
        if !is_true {
            let now_ms = self.now_ms();
            self.book().broken.push(format!("{promise} at {now_ms} ms"));
        }
    }
}

fn copy(batch: &LedgerBatch) -> LedgerBatch {
    LedgerBatch {
        held: batch.held.clone(),
        starts: batch.starts.clone(),
        decisions: batch.decisions.clone(),
        receipts: batch.receipts.clone(),
        parked: batch.parked.clone(),
    }
}

fn all_held(batch: &LedgerBatch) -> bool {
    let is_held = |tenant_id: TenantId| batch.held.iter().any(|(held, _)| *held == tenant_id);
    batch.starts.iter().all(|start| is_held(start.key.tenant_id))
        && batch.decisions.iter().all(|decision| is_held(decision.change.key.tenant_id))
        && batch.receipts.iter().all(|receipt| is_held(receipt.tenant_id))
        && batch.parked.iter().all(|parked| is_held(parked.tenant_id))
}

fn touched(batch: &LedgerBatch) -> Vec<DeliveryKey> {
    let of_starts = batch.starts.iter().map(|start| start.key);
    let of_decisions = batch.decisions.iter().map(|decision| decision.change.key);
    let fallbacks = batch.decisions.iter().filter_map(|decision| {
        let next = decision.fallback.as_ref()?;
        Some(DeliveryKey { channel: next.channel, ..decision.change.key })
    });
    let of_receipts = batch.receipts.iter().filter_map(|receipt| {
        let attempt = receipt.attempt?;
        let (tenant_id, message_id) = (receipt.tenant_id, attempt.message_id);
        Some(DeliveryKey { tenant_id, message_id, channel: attempt.channel })
    });
    of_starts.chain(of_decisions).chain(fallbacks).chain(of_receipts).collect()
}
