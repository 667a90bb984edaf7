//! What a vendor says of an address that cannot or must not be written to holds for everything that comes after it: a hard
//! bounce, a complaint, a number that the carrier blocks (21610 and its like). For how long, the consent room's table says.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use metrics::counter;

use carepost_consent::commands::Suppress;
use carepost_consent::permanence::suppression_of;
use carepost_consent::types::ConsentSource;
use carepost_delivery::DeliveryError;
use carepost_delivery::ledger::Receipt;
use carepost_delivery::types::{Delivery, DeliveryKey};
use carepost_kernel::{Chain, Failure, Phi};
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
    if let Err(error) = suppress(shared, live, tenant, delivery, said).await {
        // The next message to the address is told the same.
        tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "suppress an address after a call");
    }
}

/// A receipt says that the address is none, or that its reader wants nothing more.
///
/// # Errors
/// Where storage is away: the vendor sends the receipt again.
pub(crate) async fn after_receipt(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    tenant: &TenantHandle,
    receipt: &Receipt,
) -> Result<(), DeliveryError> {
    let Some(said) = suppression_of(Some(receipt.status), receipt.failure.as_ref()) else { return Ok(()) };
    let session = live.writers.journal.connect().await?;
    let key = match &receipt.attempt {
        Some(attempt) => {
            let (message_id, channel) = (attempt.message_id, attempt.channel);
            Some(DeliveryKey { tenant_id: live.tenant_id, message_id, channel })
        }
        None => session.find_by_provider_ref(live.tenant_id, receipt.account_id, &receipt.provider_ref).await?,
    };
    let Some(key) = key else { return Ok(()) };
    let Some(row) = session.get_delivery(key).await? else { return Ok(()) };
    drop(session);
    let delivery = row.open(|owner, sealed| tenant.open(owner, sealed))?;
    suppress(shared, live, tenant, &delivery, said).await
}

async fn suppress(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    tenant: &TenantHandle,
    delivery: &Delivery,
    (reason, rest): carepost_consent::permanence::Suppression,
) -> Result<(), DeliveryError> {
    let channel = delivery.key.channel;
    let Some(address) = delivery.payload.expose().to.address(channel) else { return Ok(()) };
    let now = shared.now();
    let until = rest.map(|rest| {
        let rest = SignedDuration::try_from(rest).unwrap_or(SignedDuration::MAX);
        now.saturating_add(rest).unwrap_or(Timestamp::MAX)
    });
    let address = Phi::new(address.to_owned());
    let suppress = Suppress { channel, address, reason, source: ConsentSource::Provider, until };
    let keys = live.writers.journal.suppress(tenant, &suppress, now).await?;
    counter!(SUPPRESSIONS_TOTAL, "reason" => reason.as_str()).increment(1);
    news::changed(shared, live.tenant_id, GateNews::Of(keys)).await;
    Ok(())
}
