//! What a vendor says of an address that cannot or must not be written to holds for everything that comes after it: a hard
//! bounce, a complaint, a number that the carrier blocks (21610 and its like). For how long, the consent room's table says.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use metrics::counter;

use carepost_consent::commands::Suppress;
use carepost_consent::permanence::{Suppression, lifts, suppression_of};
use carepost_consent::types::ConsentSource;
use carepost_delivery::DeliveryError;
use carepost_delivery::ledger::{LedgerBatch, Receipt};
use carepost_delivery::types::{Delivery, DeliveryEvent, DeliveryKey};
use carepost_kernel::{Chain, Failure, Phi, ReceiptStatus};
use carepost_tenancy::TenantHandle;

use crate::metrics::SUPPRESSIONS_TOTAL;

use super::news::{self, GateNews};
use super::shared::{LiveTenant, Shared};

/// A call was refused because of the address.
pub(crate) async fn after_call(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    tenant: &TenantHandle,
    delivery: &Delivery,
    failure: &Failure,
) {
    let Some(said) = suppression_of(None, Some(failure)) else { return };
    if let Err(error) = suppress(shared, live, tenant, delivery, (said, None)).await {
        // The next message to the address is told the same.
        tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "suppress an address after a call");
    }
}

/// A receipt says that the address is none, or that its reader wants nothing more, or to hear again.
///
/// # Errors
/// Where storage is away: the vendor sends the receipt again.
pub(crate) async fn after_receipt(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    tenant: &TenantHandle,
    receipt: &Receipt,
) -> Result<(), DeliveryError> {
    let Some(word) = word_of(receipt.status, receipt.failure.as_ref()) else { return Ok(()) };
    let key = match &receipt.attempt {
        Some(attempt) => {
            let (message_id, channel) = (attempt.message_id, attempt.channel);
            Some(DeliveryKey { tenant_id: live.tenant_id, message_id, channel })
        }
        None => {
            let session = live.writers.journal.connect().await?;
            session.find_by_provider_ref(live.tenant_id, receipt.account_id, &receipt.provider_ref).await?
        }
    };
    // One that is parked is heard when it is matched.
    let Some(key) = key else { return Ok(()) };
    heed(shared, live, tenant, (key, receipt.at), word).await
}

/// Receipts that had come before the answer which they belong to, and are matched now: whoever brought them was answered
/// long ago.
pub(crate) fn after_matches(shared: &Arc<Shared>, batch: &LedgerBatch, events: &[DeliveryEvent]) {
    let brought: HashSet<[u8; 16]> = batch.receipts.iter().map(|receipt| receipt.key).collect();
    for event in events.iter().filter(|event| event.receipt_key.is_none_or(|key| !brought.contains(&key))) {
        let failure = event.failure_class.map(|class| Failure::new(class, event.code.clone().unwrap_or_default()));
        let Some(word) = event.receipt_status.and_then(|status| word_of(status, failure.as_ref())) else { continue };
        let (shared, key, at) = (Arc::clone(shared), event.key, event.at);
        actix::spawn(async move {
            let Some(live) = shared.live(key.tenant_id) else { return };
            let Ok(tenant) = live.handle(&shared).await else { return };
            if let Err(error) = heed(&shared, &live, &tenant, (key, at), word).await {
                tracing::warn!(error = %Chain(&error), tenant.id = %key.tenant_id, "heed a receipt that was parked");
            }
        });
    }
}

/// What a receipt says of its address.
#[derive(Debug, Clone, Copy)]
enum Word {
    /// It gets nothing.
    Shut(Suppression),
    /// Its reader wants to hear again.
    Open,
}

fn word_of(status: ReceiptStatus, failure: Option<&Failure>) -> Option<Word> {
    if lifts(status) { Some(Word::Open) } else { suppression_of(Some(status), failure).map(Word::Shut) }
}

async fn heed(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    tenant: &TenantHandle,
    (key, at): (DeliveryKey, Timestamp),
    word: Word,
) -> Result<(), DeliveryError> {
    let session = live.writers.journal.connect().await?;
    let Some(row) = session.get_delivery(key).await? else { return Ok(()) };
    drop(session);
    let delivery = row.open(|owner, sealed| tenant.open(owner, sealed))?;
    match word {
        Word::Shut(said) => suppress(shared, live, tenant, &delivery, (said, Some(at))).await,
        Word::Open => {
            let channel = key.channel;
            let Some(address) = delivery.payload.expose().to.address(channel) else { return Ok(()) };
            let address = Phi::new(address.to_owned());
            let keys = live.writers.journal.reopen(tenant, channel, &address, at).await?;
            news::changed(shared, live.tenant_id, GateNews::Of(keys)).await;
            Ok(())
        }
    }
}

async fn suppress(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    tenant: &TenantHandle,
    delivery: &Delivery,
    ((reason, rest), at): (Suppression, Option<Timestamp>),
) -> Result<(), DeliveryError> {
    let channel = delivery.key.channel;
    let Some(address) = delivery.payload.expose().to.address(channel) else { return Ok(()) };
    let now = shared.now();
    // A copy of old news makes no rest longer.
    let until = rest.map(|rest| {
        let rest = SignedDuration::try_from(rest).unwrap_or(SignedDuration::MAX);
        at.unwrap_or(now).saturating_add(rest).unwrap_or(Timestamp::MAX)
    });
    if until.is_some_and(|until| until <= now) {
        return Ok(());
    }
    let address = Phi::new(address.to_owned());
    let suppress = Suppress { channel, address, reason, source: ConsentSource::Provider, until, at };
    let keys = live.writers.journal.suppress(tenant, &suppress, now).await?;
    counter!(SUPPRESSIONS_TOTAL, "reason" => reason.as_str()).increment(1);
    news::changed(shared, live.tenant_id, GateNews::Of(keys)).await;
    Ok(())
}
