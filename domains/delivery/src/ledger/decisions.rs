//! Decisions of a batch: applied where nothing has overtaken them, written into the history, and followed by the next
//! channels of their plans.

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join;
use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{Channel, EventId, MessageId, ProviderAccountId, ProviderRef, TenantId, WaitReason};
use carepost_store::{EngineTx, Row};

use crate::error::DeliveryError;
use crate::rules::Change;
use crate::store::batch::{
    APPLY_CHANGES, DeliveryColumns, DeliveryInsert, ENSURE_DELIVERIES, INSERT_EVENTS, INSERT_FALLBACKS, INSERT_REFS,
    LIST_KNOWN_EVENTS, YIELD_CHANGES, channel, column, get, message_id, state, waits_json,
};
use crate::types::{DeliveryEvent, DeliveryKey, DeliveryState, EventKind, GateRecord};

use super::{Decision, Effect, LedgerReport};

/// Applies decisions. Two of one delivery in a batch are applied one after the other.
pub(super) async fn decide(
    tx: &EngineTx<'_>,
    decisions: &[Decision],
    refused: &HashSet<TenantId>,
    now: Timestamp,
    report: &mut LedgerReport,
) -> Result<(), DeliveryError> {
    report.effects = vec![None; decisions.len()];
    let mut waiting: Vec<usize> =
        (0..decisions.len()).filter(|i| !refused.contains(&decisions[*i].change.key.tenant_id)).collect();
    let allowed: Vec<&Decision> = waiting.iter().map(|i| &decisions[*i]).collect();
    if allowed.is_empty() {
        return Ok(());
    }
    let durable = durable(tx, &allowed).await?;
    create(tx, &allowed).await?;
    while !waiting.is_empty() {
        let mut seen = HashSet::new();
        let (round, later): (Vec<usize>, Vec<usize>) =
            waiting.into_iter().partition(|i| seen.insert(decisions[*i].change.key));
        apply(tx, decisions, &round, &durable, &mut report.effects).await?;
        waiting = later;
    }
    let known = |event: &DeliveryEvent| durable.contains(&event.event_id);
    let mut told: Vec<DeliveryEvent> = decisions
        .iter()
        .zip(&report.effects)
        .flat_map(|(decision, effect)| tell(decision, *effect, &durable))
        .collect();
    told.extend(fall_back(tx, decisions, &durable, now, &mut report.effects).await?);
    let fresh: Vec<&DeliveryEvent> = told.iter().filter(|event| !known(event)).collect();
    try_join(insert_events(tx, &fresh), insert_refs(tx, &allowed)).await?;
    report.decision_events = told;
    Ok(())
}

/// The entries of decisions that an earlier try has written already: its commit went through, and its answer was lost.
async fn durable(tx: &EngineTx<'_>, decisions: &[&Decision]) -> Result<HashSet<EventId>, DeliveryError> {
    let tried: Vec<(&DeliveryKey, EventId)> = decisions
        .iter()
        .flat_map(|decision| decision.tried.iter().flatten().map(|event_id| (&decision.change.key, *event_id)))
        .collect();
    if tried.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = tx
        .query(
            LIST_KNOWN_EVENTS,
            &[
                &column!(tried, |one| one.0.tenant_id.as_uuid()),
                &column!(tried, |one| one.0.message_id.as_uuid()),
                &column!(tried, |one| one.1.as_uuid()),
            ],
        )
        .await?;
    rows.iter().map(|row| Ok(EventId::from_uuid(get::<Uuid>(row, "event_id")?))).collect()
}

fn is_durable(decision: &Decision, durable: &HashSet<EventId>) -> bool {
    durable_ids(decision, durable).is_some()
}

/// The ids under which the history has the events of a decision, where an earlier try has written it.
fn durable_ids<'a>(decision: &'a Decision, durable: &HashSet<EventId>) -> Option<&'a [EventId]> {
    let written = decision.tried.iter().find(|ids| ids.iter().any(|event_id| durable.contains(event_id)));
    written.map(Vec::as_slice)
}

/// Gives rows to deliveries that are decided on before their turn in the plan has come.
async fn create(tx: &EngineTx<'_>, decisions: &[&Decision]) -> Result<(), DeliveryError> {
    let rows: Vec<DeliveryInsert<'_>> = decisions
        .iter()
        .filter_map(|decision| {
            decision.creates.as_ref().map(|delivery| DeliveryInsert {
                tenant_id: decision.change.key.tenant_id,
                message_id: decision.change.key.message_id,
                reason: WaitReason::Dispatch,
                due_at: decision.change.due_at,
                delivery,
            })
        })
        .collect();
    if !rows.is_empty() {
        tx.execute(ENSURE_DELIVERIES, &DeliveryColumns::of(&rows).params()).await?;
    }
    Ok(())
}

/// What the history tells of a decision: all of it where it took effect. Where something has overtaken it, what
/// happened stays told, and a state that never was is not. What is durable already is told as it stands there.
fn tell(decision: &Decision, effect: Option<Effect>, durable: &HashSet<EventId>) -> Vec<DeliveryEvent> {
    let mut told = tell_as_new(decision, effect);
    let ids = durable_ids(decision, durable).unwrap_or_default();
    told.iter_mut().zip(ids).for_each(|(event, event_id)| event.event_id = *event_id);
    told
}

fn tell_as_new(decision: &Decision, effect: Option<Effect>) -> Vec<DeliveryEvent> {
    let Some(effect) = effect else { return Vec::new() };
    if effect.is_applied {
        return decision.events.clone();
    }
    if !decision.is_fact {
        return Vec::new();
    }
    // Proven to be with the provider: it waits for the receipt, as yield_changes.sql says.
    let awaits = effect.is_open && effect.state == DeliveryState::Sent;
    let overtaken = |event: &DeliveryEvent| DeliveryEvent {
        state: None,
        reason: awaits.then_some(WaitReason::AwaitingReceipt),
        until: awaits.then_some(effect.due_at),
        ..event.clone()
    };
    decision.events.iter().map(overtaken).collect()
}

async fn apply(
    tx: &EngineTx<'_>,
    decisions: &[Decision],
    round: &[usize],
    durable: &HashSet<EventId>,
    effects: &mut [Option<Effect>],
) -> Result<(), DeliveryError> {
    let new: Vec<usize> = round.iter().copied().filter(|i| !is_durable(&decisions[*i], durable)).collect();
    if !new.is_empty() {
        let rows = apply_changes(tx, decisions, &new).await?;
        note_effects(&rows, decisions, &new, |_, _| true, effects)?;
    }
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
    let still_stands = |decision: &Decision, state| is_durable(decision, durable) && state == decision.change.state;
    note_effects(&rows, decisions, &overtaken, still_stands, effects)
}

async fn apply_changes(tx: &EngineTx<'_>, decisions: &[Decision], round: &[usize]) -> Result<Vec<Row>, DeliveryError> {
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
    Ok(rows)
}

fn note_effects(
    rows: &[Row],
    decisions: &[Decision],
    round: &[usize],
    is_applied: impl Fn(&Decision, DeliveryState) -> bool,
    effects: &mut [Option<Effect>],
) -> Result<(), DeliveryError> {
    let places = places(decisions, round.iter().copied());
    for row in rows {
        let Some(place) = places.get(&(message_id(row)?, channel(row)?)) else { continue };
        let state = state(row)?;
        effects[*place] = Some(Effect {
            state,
            is_open: get(row, "is_open")?,
            due_at: get(row, "due_at")?,
            is_applied: is_applied(&decisions[*place], state),
            next_attempt_no: None,
        });
    }
    Ok(())
}

fn places(decisions: &[Decision], of: impl Iterator<Item = usize>) -> HashMap<(MessageId, Channel), usize> {
    of.map(|i| ((decisions[i].change.key.message_id, decisions[i].change.key.channel), i)).collect()
}

/// Puts the next channels of plans to work, where their decisions have taken effect; gives the entries of the history.
async fn fall_back(
    tx: &EngineTx<'_>,
    decisions: &[Decision],
    durable: &HashSet<EventId>,
    now: Timestamp,
    effects: &mut [Option<Effect>],
) -> Result<Vec<DeliveryEvent>, DeliveryError> {
    let is_due =
        |i: &usize| effects[*i].is_some_and(|effect| effect.is_applied) && !is_durable(&decisions[*i], durable);
    let mut next: HashMap<(MessageId, Channel), usize> = HashMap::new();
    for i in (0..decisions.len()).filter(is_due) {
        if let Some(delivery) = &decisions[i].fallback {
            next.entry((decisions[i].change.key.message_id, delivery.channel)).or_insert(i);
        }
    }
    let rows: Vec<(&Decision, &crate::types::NewDelivery)> = next
        .values()
        .filter_map(|i| decisions[*i].fallback.as_ref().map(|delivery| (&decisions[*i], delivery)))
        .collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx
        .query(
            INSERT_FALLBACKS,
            &[
                &column!(rows, |one| one.0.change.key.tenant_id.as_uuid()),
                &column!(rows, |one| one.0.change.key.message_id.as_uuid()),
                &column!(rows, |one| one.1.channel.as_i16()),
                &column!(rows, |one| one.0.change.due_at),
                &column!(rows, |one| one.1.recipient_hash.as_slice()),
                &column!(rows, |one| one.1.priority.as_i16()),
                &column!(rows, |one| one.1.segments),
            ],
        )
        .await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        let channel = channel(row)?;
        let Some(place) = next.get(&(message_id(row)?, channel)) else { continue };
        let attempt_no: i16 = get(row, "attempt_no")?;
        if let Some(effect) = &mut effects[*place] {
            effect.next_attempt_no = Some(attempt_no);
        }
        let change = &decisions[*place].change;
        events.push(DeliveryEvent {
            event_id: EventId::new(now),
            state: Some(DeliveryState::Queued),
            reason: Some(WaitReason::Dispatch),
            ..DeliveryEvent::new(DeliveryKey { channel, ..change.key }, EventKind::FellBack, attempt_no, change.due_at)
        });
    }
    Ok(events)
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
            &column!(events, |event| event.gate.as_ref().map(GateRecord::as_bytes)),
        ],
    )
    .await?;
    Ok(())
}

async fn insert_refs(tx: &EngineTx<'_>, decisions: &[&Decision]) -> Result<(), DeliveryError> {
    let refs: Vec<(&DeliveryKey, ProviderAccountId, &ProviderRef, i16)> = decisions
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
