//! The commits of the world: each is watched, and can be spoilt on purpose, to show that the watch sees it.

use carepost_delivery::ingest::Ingested;
use carepost_delivery::ledger::{LedgerBatch, LedgerReport, ReceiptFate};
use carepost_delivery::{DeliveryKey, DeliveryState, NewMessage};
use carepost_kernel::{FailureClass, InstanceId, TenantId, WaitReason};
use jiff::Timestamp;

use crate::model::{LeaseRow, Tables};
use crate::process::Process;
use crate::world::World;

/// A broken world: each breaks one promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plant {
    /// Messages are acknowledged and not kept.
    AcksWithoutKeeping,
    /// Keys are not kept.
    KeysForgotten,
    /// Rows wait for no reason.
    NamelessWaits,
    /// Starts are allowed and not written down.
    StartsUnwritten,
    /// What is unknown goes back to its queue.
    UnknownResent,
    /// Receipts are acknowledged and not kept.
    ReceiptsDropped,
    /// A throttle counts as a failure.
    ThrottlesCount,
    /// Processes do not hear of a pause.
    PauseUntold,
    /// Former owners write.
    FenceOpen,
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
        let is_held = |message: &NewMessage| held.iter().any(|(tenant_id, _)| *tenant_id == message.tenant_id);
        self.fault(messages.iter().all(is_held), "DEL-10: messages of a tenant without its epoch");
        let before = (self.plant == Some(Plant::AcksWithoutKeeping)).then(|| tables.clone());
        let fates = tables.commit_messages(owner, held, messages, now);
        if let Some(before) = before {
            *tables = before;
        }
        if self.plant == Some(Plant::KeysForgotten) {
            tables.keys.clear();
        }
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

    /// The group commit of everything else, watched.
    pub(crate) fn watch_ledger(
        &self,
        tables: &mut Tables,
        process: &Process,
        owner: InstanceId,
        batch: &LedgerBatch,
        now: Timestamp,
    ) -> LedgerReport {
        let stale = tables.stale(owner, &batch.held);
        if !stale.is_empty() {
            self.saw("fenced");
        }
        let report = self.commit(tables, owner, batch, now);
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
            if self.plant == Some(Plant::UnknownResent) && row.is_open && row.state == DeliveryState::Unknown {
                (row.state, row.reason, row.due_at) = (DeliveryState::Queued, Some(WaitReason::Dispatch), now);
            }
            self.require(!row.is_open || row.reason.is_some(), "DEL-3: an open row without a reason", key);
        }
        self.tell(process, batch, &report);
        report
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
            Some(Plant::ThrottlesCount) => {
                let mut spoilt = copy(batch);
                for decision in &mut spoilt.decisions {
                    let is_throttle = |class| class == Some(FailureClass::Throttled);
                    if decision.events.iter().any(|event| is_throttle(event.failure_class)) {
                        decision.change.failures += 1;
                    }
                }
                tables.commit_ledger(owner, &spoilt, now)
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
