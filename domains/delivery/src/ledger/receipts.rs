//! Receipts of a batch: matched to attempts, merged once, or parked.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest;
use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{AttemptRef, EventId, Failure, FailureClass, ProviderAccountId, ReceiptStatus, TenantId};
use carepost_store::{EngineTx, Row};

use crate::error::DeliveryError;
use crate::lattice;
use crate::store::batch::{
    INSERT_RECEIPT_EVENTS, LIST_REFS, MERGE_RECEIPTS, PARK_RECEIPTS, TAKE_PARKED, account_id, channel, column,
    failure_class, get, hash, message_id, provider_ref, receipt_status, state, tenant_id,
};
use crate::types::{DeliveryEvent, DeliveryKey, DeliveryState, EventKind};

use super::{LedgerBatch, LedgerReport, Receipt, ReceiptFate, StateChange};

/// The same for two copies of one receipt: a digest of the account and the vendor's own marks of sameness.
#[must_use]
pub fn receipt_key(account_id: ProviderAccountId, dedup_key: &str) -> [u8; 16] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(account_id.as_uuid().as_bytes());
    context.update(dedup_key.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&context.finish().as_ref()[..16]);
    key
}

/// A receipt and the attempt that it speaks of.
struct Matched {
    /// Its place in the batch; `None` for one that was parked.
    place: Option<usize>,
    receipt: Receipt,
    attempt: AttemptRef,
}

pub(super) async fn merge(
    tx: &EngineTx<'_>,
    batch: &LedgerBatch,
    refused: &HashSet<TenantId>,
    now: Timestamp,
    report: &mut LedgerReport,
) -> Result<(), DeliveryError> {
    report.receipts = vec![ReceiptFate::NotOwner; batch.receipts.len()];
    let mut matched = take_parked(tx, batch, refused).await?;
    let allowed: Vec<(usize, &Receipt)> =
        batch.receipts.iter().enumerate().filter(|(_, receipt)| !refused.contains(&receipt.tenant_id)).collect();
    let known = known_attempts(tx, &allowed).await?;
    let mut unmatched = Vec::new();
    for (place, receipt) in allowed {
        match receipt.attempt.or_else(|| known.get(&place).copied()) {
            Some(attempt) => matched.push(Matched { place: Some(place), receipt: receipt.clone(), attempt }),
            None => unmatched.push((place, receipt)),
        }
    }
    park(tx, &unmatched, now).await?;
    unmatched.iter().for_each(|(place, _)| report.receipts[*place] = ReceiptFate::Parked);
    append_and_merge(tx, matched, now, report).await
}

async fn take_parked(
    tx: &EngineTx<'_>,
    batch: &LedgerBatch,
    refused: &HashSet<TenantId>,
) -> Result<Vec<Matched>, DeliveryError> {
    let of_decisions = batch.decisions.iter().flat_map(|decision| {
        let change = &decision.change;
        let key = change.key;
        decision.account_id.into_iter().flat_map(move |account_id| {
            decision.provider_refs.iter().map(move |one| (key, account_id, one.as_str(), change.attempt_no))
        })
    });
    let of_sweep = batch.parked.iter().map(|parked| {
        let key = DeliveryKey { tenant_id: parked.tenant_id, message_id: parked.message_id, channel: parked.channel };
        (key, parked.account_id, parked.provider_ref.as_str(), parked.attempt_no)
    });
    let refs: Vec<(DeliveryKey, ProviderAccountId, &str, i16)> =
        of_decisions.chain(of_sweep).filter(|one| !refused.contains(&one.0.tenant_id)).collect();
    if refs.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx
        .query(
            TAKE_PARKED,
            &[
                &column!(refs, |one| one.0.tenant_id.as_uuid()),
                &column!(refs, |one| one.1.as_uuid()),
                &column!(refs, |one| one.2),
                &column!(refs, |one| one.0.message_id.as_uuid()),
                &column!(refs, |one| one.0.channel.as_i16()),
                &column!(refs, |one| one.3),
            ],
        )
        .await?;
    rows.iter().map(parked).collect()
}

fn parked(row: &Row) -> Result<Matched, DeliveryError> {
    let received_at: Timestamp = get(row, "received_at")?;
    let occurred_at: Option<Timestamp> = get(row, "occurred_at")?;
    let code: Option<String> = get(row, "code")?;
    let attempt =
        AttemptRef { message_id: message_id(row)?, channel: channel(row)?, attempt_no: get(row, "attempt_no")? };
    let receipt = Receipt {
        tenant_id: tenant_id(row)?,
        account_id: account_id(row)?.ok_or(DeliveryError::Row { column: "provider_account_id" })?,
        provider_ref: provider_ref(row)?,
        attempt: Some(attempt),
        status: receipt_status(row)?,
        failure: failure_class(row)?.map(|class| Failure::new(class, code.unwrap_or_default())),
        at: occurred_at.unwrap_or(received_at),
        key: hash(row, "receipt_key")?,
        wait_until: received_at,
    };
    Ok(Matched { place: None, receipt, attempt })
}

async fn known_attempts(
    tx: &EngineTx<'_>,
    receipts: &[(usize, &Receipt)],
) -> Result<HashMap<usize, AttemptRef>, DeliveryError> {
    let wanted: Vec<(usize, &Receipt)> =
        receipts.iter().copied().filter(|(_, receipt)| receipt.attempt.is_none()).collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let ordinals: Vec<i32> = column!(wanted, |one| i32::try_from(one.0).unwrap_or(i32::MAX));
    let rows = tx
        .query(
            LIST_REFS,
            &[
                &ordinals,
                &column!(wanted, |one| one.1.tenant_id.as_uuid()),
                &column!(wanted, |one| one.1.account_id.as_uuid()),
                &column!(wanted, |one| one.1.provider_ref.as_str()),
            ],
        )
        .await?;
    let mut known = HashMap::new();
    for row in &rows {
        let ordinal: i32 = get(row, "ordinal")?;
        let attempt =
            AttemptRef { message_id: message_id(row)?, channel: channel(row)?, attempt_no: get(row, "attempt_no")? };
        known.insert(usize::try_from(ordinal).unwrap_or(usize::MAX), attempt);
    }
    Ok(known)
}

async fn park(tx: &EngineTx<'_>, receipts: &[(usize, &Receipt)], now: Timestamp) -> Result<(), DeliveryError> {
    if receipts.is_empty() {
        return Ok(());
    }
    tx.execute(
        PARK_RECEIPTS,
        &[
            &column!(receipts, |one| one.1.tenant_id.as_uuid()),
            &column!(receipts, |one| one.1.account_id.as_uuid()),
            &column!(receipts, |one| one.1.provider_ref.as_str()),
            &column!(receipts, |one| one.1.key.as_slice()),
            &column!(receipts, |one| one.1.status.as_i16()),
            &column!(receipts, |one| one.1.failure.as_ref().map(|failure| failure.class.as_i16())),
            &column!(receipts, |one| one.1.failure.as_ref().map(|failure| failure.code.as_str())),
            &column!(receipts, |one| Some(one.1.at)),
            &column!(receipts, |_one| now),
        ],
    )
    .await?;
    Ok(())
}

async fn append_and_merge(
    tx: &EngineTx<'_>,
    matched: Vec<Matched>,
    now: Timestamp,
    report: &mut LedgerReport,
) -> Result<(), DeliveryError> {
    // Two copies in one batch: the first stands for both.
    let mut seen = HashSet::new();
    let (first, copies): (Vec<Matched>, Vec<Matched>) =
        matched.into_iter().partition(|one| seen.insert((one.attempt.message_id, one.receipt.key)));
    copies.iter().filter_map(|one| one.place).for_each(|place| report.receipts[place] = ReceiptFate::Duplicate);
    if first.is_empty() {
        return Ok(());
    }
    let events: Vec<DeliveryEvent> = first.iter().map(|one| event(one, now)).collect();
    let appended = append(tx, &events).await?;
    for (one, event) in first.iter().zip(&events) {
        let fate = if appended.contains(&event.event_id) { ReceiptFate::Merged } else { ReceiptFate::Duplicate };
        if let Some(place) = one.place {
            report.receipts[place] = fate;
        }
    }
    let merging: Vec<(&Matched, DeliveryState)> = first
        .iter()
        .zip(&events)
        .filter(|(_, event)| appended.contains(&event.event_id))
        .filter_map(|(one, event)| event.state.map(|state| (one, state)))
        .collect();
    report.changes = merge_states(tx, &merging, now).await?;
    report.receipt_events = events.into_iter().filter(|event| appended.contains(&event.event_id)).collect();
    Ok(())
}

fn event(one: &Matched, now: Timestamp) -> DeliveryEvent {
    let receipt = &one.receipt;
    let key =
        DeliveryKey { tenant_id: receipt.tenant_id, message_id: one.attempt.message_id, channel: one.attempt.channel };
    DeliveryEvent {
        state: lattice::state_of(receipt.status),
        failure_class: receipt.failure.as_ref().map(|failure| failure.class),
        code: receipt.failure.as_ref().map(|failure| failure.code.clone()),
        account_id: Some(receipt.account_id),
        receipt_status: Some(receipt.status),
        receipt_key: Some(receipt.key),
        // Ids grow in the order of commits; what the vendor's clock says is `at` alone.
        at: receipt.at,
        ..DeliveryEvent::new(key, EventKind::ReceiptMerged, one.attempt.attempt_no, now)
    }
}

async fn append(tx: &EngineTx<'_>, events: &[DeliveryEvent]) -> Result<HashSet<EventId>, DeliveryError> {
    let rows = tx
        .query(
            INSERT_RECEIPT_EVENTS,
            &[
                &column!(events, |event| event.key.tenant_id.as_uuid()),
                &column!(events, |event| event.key.message_id.as_uuid()),
                &column!(events, |event| event.event_id.as_uuid()),
                &column!(events, |event| event.key.channel.as_i16()),
                &column!(events, |event| event.at),
                &column!(events, |event| event.attempt_no),
                &column!(events, |event| event.state.map(DeliveryState::as_i16)),
                &column!(events, |event| event.failure_class.map(FailureClass::as_i16)),
                &column!(events, |event| event.code.as_deref()),
                &column!(events, |event| event.account_id.map(ProviderAccountId::as_uuid)),
                &column!(events, |event| event.receipt_status.map(ReceiptStatus::as_i16)),
                &column!(events, |event| event.receipt_key.as_ref().map(<[u8; 16]>::as_slice)),
            ],
        )
        .await?;
    rows.iter().map(|row| Ok(EventId::from_uuid(get::<Uuid>(row, "event_id")?))).collect()
}

async fn merge_states(
    tx: &EngineTx<'_>,
    merging: &[(&Matched, DeliveryState)],
    now: Timestamp,
) -> Result<Vec<StateChange>, DeliveryError> {
    if merging.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx
        .query(
            MERGE_RECEIPTS,
            &[
                &column!(merging, |one| one.0.receipt.tenant_id.as_uuid()),
                &column!(merging, |one| one.0.attempt.message_id.as_uuid()),
                &column!(merging, |one| one.0.attempt.channel.as_i16()),
                &column!(merging, |one| one.0.attempt.attempt_no),
                &column!(merging, |one| one.1.as_i16()),
                &column!(merging, |one| one.0.receipt.wait_until),
                &now,
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let key = DeliveryKey { tenant_id: tenant_id(row)?, message_id: message_id(row)?, channel: channel(row)? };
            let state = state(row)?;
            let speaks = |one: &&(&Matched, DeliveryState)| {
                one.0.attempt.message_id == key.message_id && one.0.attempt.channel == key.channel && one.1 == state
            };
            let failure = merging.iter().find(speaks).map(|one| {
                one.0.receipt.failure.clone().unwrap_or_else(|| Failure::new(FailureClass::Permanent, state.as_str()))
            });
            Ok(StateChange { key, state, is_open: get(row, "is_open")?, failure })
        })
        .collect()
}
