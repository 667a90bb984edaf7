//! The group commit of everything after the enqueue: attempts, outcomes, receipts (DEL-4, DEL-5, DEL-6).
//!
//! One batch is one commit for all tenants of a placement. Inside it, outcomes come first, then receipts (among them
//! those that were parked for a provider id which an outcome has just made known), then starts. There is one batch of
//! a placement at a time, so that a receipt and the answer that it belongs to can never pass each other unseen.

mod receipts;

use std::collections::HashSet;

use futures_util::future::try_join;
use jiff::Timestamp;

use carepost_kernel::{
    AttemptRef, Channel, EventId, Failure, InstanceId, MessageId, ProviderAccountId, ReceiptStatus, TenantId,
    WaitReason,
};
use carepost_store::{EngineConnection, EngineTx, lease};

use crate::error::DeliveryError;
use crate::ingest::{DeliveryInsert, insert_deliveries};
use crate::rules::Change;
use crate::store::ParkedMatch;
use crate::store::batch::{
    APPLY_CHANGES, INSERT_EVENTS, INSERT_REFS, START_ATTEMPTS, YIELD_CHANGES, channel, column, get, message_id, state,
    waits_json,
};
use crate::types::{DeliveryEvent, DeliveryKey, DeliveryState, NewDelivery};

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
    pub provider_refs: Vec<String>,
    /// The account of the attempt.
    pub account_id: Option<ProviderAccountId>,
    /// The delivery on the next channel of the plan, where this one is done for.
    pub fallback: Option<NewDelivery>,
}

/// News from a provider, verified.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Which account told.
    pub account_id: ProviderAccountId,
    /// The provider's own id.
    pub provider_ref: String,
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
/// Where the database fails: then nothing of the batch is durable, and it may be tried again as it is.
pub async fn commit_ledger(
    connection: &mut EngineConnection,
    owner: InstanceId,
    batch: &LedgerBatch,
    now: Timestamp,
) -> Result<LedgerReport, DeliveryError> {
    let tx = connection.begin().await?;
    let refused: HashSet<TenantId> = lease::fence(&tx, owner, &batch.held).await?.into_iter().collect();
    let mut report = LedgerReport { refused: refused.iter().copied().collect(), ..LedgerReport::default() };
    report.effects = decide(&tx, &batch.decisions, &refused).await?;
    receipts::merge(&tx, batch, &refused, now, &mut report).await?;
    report.started = start(&tx, &batch.starts, &refused).await?;
    tx.commit().await?;
    Ok(report)
}

async fn start(
    tx: &EngineTx<'_>,
    starts: &[AttemptStart],
    refused: &HashSet<TenantId>,
) -> Result<Vec<bool>, DeliveryError> {
    let allowed: Vec<&AttemptStart> = starts.iter().filter(|start| !refused.contains(&start.key.tenant_id)).collect();
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
                ],
            )
            .await?;
        for row in &rows {
            may.insert((message_id(row)?, channel(row)?));
        }
    }
    Ok(starts
        .iter()
        .map(|start| {
            !refused.contains(&start.key.tenant_id) && may.contains(&(start.key.message_id, start.key.channel))
        })
        .collect())
}

/// Applies decisions. Two of one delivery in a batch are applied one after the other.
async fn decide(
    tx: &EngineTx<'_>,
    decisions: &[Decision],
    refused: &HashSet<TenantId>,
) -> Result<Vec<Option<Effect>>, DeliveryError> {
    let mut effects = vec![None; decisions.len()];
    let mut waiting: Vec<usize> =
        (0..decisions.len()).filter(|i| !refused.contains(&decisions[*i].change.key.tenant_id)).collect();
    let allowed: Vec<&Decision> = waiting.iter().map(|i| &decisions[*i]).collect();
    if allowed.is_empty() {
        return Ok(effects);
    }
    while !waiting.is_empty() {
        let mut seen = HashSet::new();
        let (round, later): (Vec<usize>, Vec<usize>) =
            waiting.into_iter().partition(|i| seen.insert(decisions[*i].change.key));
        apply(tx, decisions, &round, &mut effects).await?;
        waiting = later;
    }
    let events: Vec<&DeliveryEvent> = allowed.iter().flat_map(|decision| &decision.events).collect();
    try_join(insert_events(tx, &events), insert_refs(tx, &allowed)).await?;
    let fallbacks: Vec<DeliveryInsert<'_>> = allowed
        .iter()
        .filter_map(|decision| {
            decision.fallback.as_ref().map(|delivery| DeliveryInsert {
                tenant_id: decision.change.key.tenant_id,
                message_id: decision.change.key.message_id,
                reason: WaitReason::Dispatch,
                due_at: decision.change.due_at,
                delivery,
            })
        })
        .collect();
    if !fallbacks.is_empty() {
        insert_deliveries(tx, &fallbacks).await?;
    }
    Ok(effects)
}

async fn apply(
    tx: &EngineTx<'_>,
    decisions: &[Decision],
    round: &[usize],
    effects: &mut [Option<Effect>],
) -> Result<(), DeliveryError> {
    let changes: Vec<(DeliveryState, &Change)> =
        round.iter().map(|i| (decisions[*i].from, &decisions[*i].change)).collect();
    let is_failed =
        |change: &Change| !change.is_open && change.state.is_failure() && change.state != DeliveryState::Cancelled;
    let rows = tx
        .query(
            APPLY_CHANGES,
            &[
                &column!(changes, |one| one.1.key.tenant_id.as_uuid()),
                &column!(changes, |one| one.1.key.message_id.as_uuid()),
                &column!(changes, |one| one.1.key.channel.as_i16()),
                &column!(changes, |one| one.1.attempt_no),
                &column!(changes, |one| one.0.as_i16()),
                &column!(changes, |one| one.1.state.as_i16()),
                &column!(changes, |one| one.1.reason.map(WaitReason::as_i16)),
                &column!(changes, |one| one.1.due_at),
                &column!(changes, |one| one.1.is_open),
                &column!(changes, |one| is_failed(one.1)),
                &column!(changes, |one| one.1.failures),
                &column!(changes, |one| one.1.code.as_deref()),
                &column!(changes, |one| one.1.sent_at),
                &column!(changes, |one| one.1.finished_at),
            ],
        )
        .await?;
    note_effects(&rows, decisions, round, effects)?;
    let overtaken: Vec<usize> = round.iter().copied().filter(|i| effects[*i].is_none()).collect();
    if overtaken.is_empty() {
        return Ok(());
    }
    let changes: Vec<&Change> = overtaken.iter().map(|i| &decisions[*i].change).collect();
    let rows = tx
        .query(
            YIELD_CHANGES,
            &[
                &column!(changes, |one| one.key.tenant_id.as_uuid()),
                &column!(changes, |one| one.key.message_id.as_uuid()),
                &column!(changes, |one| one.key.channel.as_i16()),
                &column!(changes, |one| one.attempt_no),
                &column!(changes, |one| one.due_at),
                &column!(changes, |one| one.sent_at),
            ],
        )
        .await?;
    note_effects(&rows, decisions, &overtaken, effects)
}

fn note_effects(
    rows: &[carepost_store::Row],
    decisions: &[Decision],
    round: &[usize],
    effects: &mut [Option<Effect>],
) -> Result<(), DeliveryError> {
    let places: std::collections::HashMap<(MessageId, Channel), usize> =
        round.iter().map(|i| ((decisions[*i].change.key.message_id, decisions[*i].change.key.channel), *i)).collect();
    for row in rows {
        let effect = Effect { state: state(row)?, is_open: get(row, "is_open")?, due_at: get(row, "due_at")? };
        if let Some(place) = places.get(&(message_id(row)?, channel(row)?)) {
            effects[*place] = Some(effect);
        }
    }
    Ok(())
}

async fn insert_events(tx: &EngineTx<'_>, events: &[&DeliveryEvent]) -> Result<(), DeliveryError> {
    if events.is_empty() {
        return Ok(());
    }
    tx.execute(
        INSERT_EVENTS,
        &[
            &column!(events, |event| event.key.tenant_id.as_uuid()),
            &column!(events, |event| event.key.message_id.as_uuid()),
            &column!(events, |event| event.event_id.as_uuid()),
            &column!(events, |event| event.key.channel.as_i16()),
            &column!(events, |event| event.kind.as_i16()),
            &column!(events, |event| event.at),
            &column!(events, |event| event.attempt_no),
            &column!(events, |event| event.state.map(DeliveryState::as_i16)),
            &column!(events, |event| event.reason.map(WaitReason::as_i16)),
            &column!(events, |event| event.until),
            &column!(events, |event| event.failure_class.map(carepost_kernel::FailureClass::as_i16)),
            &column!(events, |event| event.code.as_deref()),
            &column!(events, |event| event.account_id.map(ProviderAccountId::as_uuid)),
            &column!(events, |event| waits_json(&event.waits)),
        ],
    )
    .await?;
    Ok(())
}

async fn insert_refs(tx: &EngineTx<'_>, decisions: &[&Decision]) -> Result<(), DeliveryError> {
    let refs: Vec<(&DeliveryKey, ProviderAccountId, &String, i16)> = decisions
        .iter()
        .filter_map(|decision| decision.account_id.map(|account_id| (decision, account_id)))
        .flat_map(|(decision, account_id)| {
            let change = &decision.change;
            decision.provider_refs.iter().map(move |one| (&change.key, account_id, one, change.attempt_no))
        })
        .collect();
    if refs.is_empty() {
        return Ok(());
    }
    tx.execute(
        INSERT_REFS,
        &[
            &column!(refs, |one| one.0.tenant_id.as_uuid()),
            &column!(refs, |one| one.1.as_uuid()),
            &column!(refs, |one| one.2.as_str()),
            &column!(refs, |one| one.0.message_id.as_uuid()),
            &column!(refs, |one| one.0.channel.as_i16()),
            &column!(refs, |one| one.3),
        ],
    )
    .await?;
    Ok(())
}
