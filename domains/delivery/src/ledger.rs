//! The group commit of everything after the enqueue: attempts, outcomes, receipts (DEL-4, DEL-5, DEL-6).
//!
//! One batch is one commit for all tenants of a placement. Inside it, outcomes come first, then receipts (among them
//! those that were parked for a provider id which an outcome has just made known), then starts. There is one batch of
//! a placement at a time, so that a receipt and the answer that it belongs to can never pass each other unseen.

mod decisions;
mod receipts;

use std::collections::HashSet;

use jiff::Timestamp;

use carepost_consent::store::insert_contact_sends;
use carepost_consent::types::{AddressKey, PastSend};
use carepost_kernel::{
    AttemptRef, Channel, EventId, Failure, InstanceId, MessageId, ProviderAccountId, ProviderRef, ReceiptStatus,
    TenantId, WaitReason,
};
use carepost_store::{EngineConnection, EngineTx, StoreError, lease};

use crate::error::DeliveryError;
use crate::rules::{Change, Step};
use crate::store::ParkedMatch;
use crate::store::batch::{START_ATTEMPTS, channel, column, message_id, waits_json};
use crate::types::{DeliveryEvent, DeliveryKey, DeliveryState, GateRecord, NewDelivery};

pub use receipts::receipt_key;

/// A call that is about to be made.
#[derive(Debug, Clone)]
pub struct AttemptStart {
    /// For which delivery.
    pub key: DeliveryKey,
    /// Which call this is; 1 for the first.
    pub attempt_no: i16,
    /// At which account.
    pub account_id: ProviderAccountId,
    /// The id of its entry in the history.
    pub event_id: EventId,
    /// When.
    pub at: Timestamp,
    /// Milliseconds by reason that it waited in memory.
    pub waits: Vec<(WaitReason, u32)>,
    /// What the gate's rules said when they let it leave.
    pub gate: Option<GateRecord>,
    /// It counts against the caps of this address.
    pub counts: Option<(AddressKey, PastSend)>,
}

/// What the engine decided about a delivery.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The state that the engine believed in when it decided.
    pub from: DeliveryState,
    /// The new state.
    pub change: Change,
    /// Entries of the history.
    pub events: Vec<DeliveryEvent>,
    /// Ids that the provider gave the attempt.
    pub provider_refs: Vec<ProviderRef>,
    /// The account of the attempt.
    pub account_id: Option<ProviderAccountId>,
    /// The delivery on the next channel of the plan, where this one is done for.
    pub fallback: Option<NewDelivery>,
    /// The delivery's own row, where it may have none yet: a later channel of the plan that is taken back.
    pub creates: Option<NewDelivery>,
    /// The events tell of something that happened (a call's outcome, an answer), whatever has become of the state.
    pub is_fact: bool,
    /// The ids of its events in each earlier try that nobody saw the end of: by them it is known where it is durable.
    pub tried: Vec<Vec<EventId>>,
}

impl Decision {
    /// A step of a delivery, with nothing around it.
    #[must_use]
    pub fn new(from: DeliveryState, step: Step) -> Self {
        Self {
            from,
            change: step.change,
            events: vec![step.event],
            provider_refs: Vec::new(),
            account_id: None,
            fallback: None,
            creates: None,
            is_fact: false,
            tried: Vec::new(),
        }
    }
}

/// News from a provider, verified.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Which account told.
    pub account_id: ProviderAccountId,
    /// The provider's own id.
    pub provider_ref: ProviderRef,
    /// Our name of the attempt, where it came back.
    pub attempt: Option<AttemptRef>,
    /// What it says.
    pub status: ReceiptStatus,
    /// Why, where it is bad news.
    pub failure: Option<Failure>,
    /// When it happened, or when it came.
    pub at: Timestamp,
    /// Equal for copies of one receipt.
    pub key: [u8; 16],
    /// Until when a further receipt is awaited, where this one is not the last.
    pub wait_until: Timestamp,
}

/// Everything for one commit.
#[derive(Debug, Default)]
pub struct LedgerBatch {
    /// Tenants of the batch with the epochs of their leases.
    pub held: Vec<(TenantId, i64)>,
    /// Calls that are about to be made.
    pub starts: Vec<AttemptStart>,
    /// What was decided.
    pub decisions: Vec<Decision>,
    /// What came in.
    pub receipts: Vec<Receipt>,
    /// Parked receipts to be matched again.
    pub parked: Vec<ParkedMatch>,
}

/// What a delivery's row says after a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// Where it stands.
    pub state: DeliveryState,
    /// Something is still to be done.
    pub is_open: bool,
    /// When it is looked at again.
    pub due_at: Timestamp,
    /// The decision took effect; where it did not, something that ranks higher has overtaken it.
    pub is_applied: bool,
    /// The next channel of the plan was put to work; the calls that were made on it before (a redrive's), mostly 0.
    pub next_attempt_no: Option<i16>,
}

/// What became of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptFate {
    /// It is in the history.
    Merged,
    /// It was there already, or speaks of a message that is gone.
    Duplicate,
    /// It matches nothing yet and is kept.
    Parked,
    /// The tenant is another process's by now.
    NotOwner,
}

/// A delivery whose state a receipt has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// Which one.
    pub key: DeliveryKey,
    /// Its state now.
    pub state: DeliveryState,
    /// Bad news: the engine has to decide.
    pub is_open: bool,
    /// What the bad news said.
    pub failure: Option<Failure>,
}

/// What became of a batch, one for one and in order.
#[derive(Debug, Default)]
pub struct LedgerReport {
    /// Whether the call may be made.
    pub started: Vec<bool>,
    /// What the row says; `None` where another attempt or another owner has overtaken the decision.
    pub effects: Vec<Option<Effect>>,
    /// What became of the receipts.
    pub receipts: Vec<ReceiptFate>,
    /// What the history tells of the decisions.
    pub decision_events: Vec<DeliveryEvent>,
    /// States that receipts changed.
    pub changes: Vec<StateChange>,
    /// Receipt events as they stand in the history, for whoever listens.
    pub receipt_events: Vec<DeliveryEvent>,
    /// Tenants that are another process's by now.
    pub refused: Vec<TenantId>,
}

/// Commits a batch.
///
/// # Errors
/// Where the database fails: then nothing of the batch is durable, and it may be tried again as it is. After
/// [`DeliveryError::Unseen`] nobody knows: the ids of its events belong to what was [tried](Decision::tried) then.
pub async fn commit_ledger(
    connection: &mut EngineConnection,
    owner: InstanceId,
    batch: &LedgerBatch,
    now: Timestamp,
) -> Result<LedgerReport, DeliveryError> {
    let tx = connection.begin().await?;
    let refused: HashSet<TenantId> = lease::fence(&tx, owner, &batch.held).await?.into_iter().collect();
    let mut report = LedgerReport { refused: refused.iter().copied().collect(), ..LedgerReport::default() };
    decisions::decide(&tx, &batch.decisions, &refused, now, &mut report).await?;
    receipts::merge(&tx, batch, &refused, now, &mut report).await?;
    report.started = start(&tx, &batch.starts, &refused).await?;
    tx.commit().await.map_err(|error| match error {
        StoreError::Unavailable { .. } => DeliveryError::Unseen(error),
        answered => DeliveryError::Store(answered),
    })?;
    Ok(report)
}

async fn start(
    tx: &EngineTx<'_>,
    starts: &[AttemptStart],
    refused: &HashSet<TenantId>,
) -> Result<Vec<bool>, DeliveryError> {
    // Of two that would start the same attempt, only the first is asked for: PostgreSQL would start one and name it once,
    // and both callers would take that for theirs (DEL-5).
    let mut seen = HashSet::new();
    let places: Vec<usize> = (0..starts.len())
        .filter(|i| !refused.contains(&starts[*i].key.tenant_id) && seen.insert(starts[*i].key))
        .collect();
    let allowed: Vec<&AttemptStart> = places.iter().map(|i| &starts[*i]).collect();
    let mut may: HashSet<(MessageId, Channel)> = HashSet::new();
    if !allowed.is_empty() {
        let rows = tx
            .query(
                START_ATTEMPTS,
                &[
                    &column!(allowed, |start| start.key.tenant_id.as_uuid()),
                    &column!(allowed, |start| start.key.message_id.as_uuid()),
                    &column!(allowed, |start| start.key.channel.as_i16()),
                    &column!(allowed, |start| start.attempt_no),
                    &column!(allowed, |start| start.account_id.as_uuid()),
                    &column!(allowed, |start| start.event_id.as_uuid()),
                    &column!(allowed, |start| start.at),
                    &column!(allowed, |start| waits_json(&start.waits)),
                    &column!(allowed, |start| start.gate.as_ref().map(GateRecord::as_bytes)),
                ],
            )
            .await?;
        for row in &rows {
            may.insert((message_id(row)?, channel(row)?));
        }
    }
    let has_left = |start: &&&AttemptStart| may.contains(&(start.key.message_id, start.key.channel));
    let counted: Vec<(TenantId, AddressKey, PastSend)> = allowed
        .iter()
        .filter(has_left)
        .filter_map(|start| start.counts.map(|(key, send)| (start.key.tenant_id, key, send)))
        .collect();
    if !counted.is_empty() {
        insert_contact_sends(tx, &counted).await?;
    }
    let mut started = vec![false; starts.len()];
    for (place, start) in places.into_iter().zip(allowed) {
        started[place] = may.contains(&(start.key.message_id, start.key.channel));
    }
    Ok(started)
}
