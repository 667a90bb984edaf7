//! `ReceiptsActor`: verified webhooks on their way into the ledger and the inbox.

use std::sync::Arc;

use actix::{Actor, Context, Handler, Message, ResponseFuture};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use carepost_delivery::DeliveryError;
use carepost_delivery::ledger::{Receipt, receipt_key};
use carepost_delivery::store::NewInbound;
use carepost_kernel::{Chain, Channel, InboundId, Phi};
use carepost_providers::contract::OptOutKeyword;
use carepost_providers::{InboundMessage, ReceiptEvent};
use carepost_tenancy::{ProviderAccount, TenantHandle};

use crate::engine::EngineError;
use crate::keeper::Guard;

use super::ledger::{Entry, PendingReceipts};
use super::replies::{self, Inbound};
use super::shared::{LiveTenant, Shared};
use super::{suppressing, tenant};

/// Merge what a provider says of attempts.
#[derive(Message)]
#[rtype(result = "Result<(), EngineError>")]
pub(crate) struct MergeReceipts {
    pub(crate) account: Arc<ProviderAccount>,
    pub(crate) events: Vec<ReceiptEvent>,
}

/// Keep what somebody has written to the tenant.
#[derive(Message)]
#[rtype(result = "Result<(), EngineError>")]
pub(crate) struct KeepInbound {
    pub(crate) account: Arc<ProviderAccount>,
    pub(crate) inbound: Vec<InboundMessage>,
}

pub(crate) struct ReceiptsActor {
    shared: Arc<Shared>,
    _guard: Guard,
}

impl ReceiptsActor {
    pub(crate) const fn new(shared: Arc<Shared>, guard: Guard) -> Self {
        Self { shared, _guard: guard }
    }
}

impl Actor for ReceiptsActor {
    type Context = Context<Self>;
}

impl Handler<MergeReceipts> for ReceiptsActor {
    type Result = ResponseFuture<Result<(), EngineError>>;

    fn handle(&mut self, command: MergeReceipts, _: &mut Self::Context) -> Self::Result {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let live = tenant::live(&shared, command.account.tenant_id).await?;
            let tenant = live.handle(&shared).await?;
            let now = shared.now();
            let receipts: Vec<Receipt> =
                command.events.into_iter().map(|event| receipt(&command.account, &tenant, event, now)).collect();
            merge(&live, receipts.clone()).await?;
            for receipt in &receipts {
                // Copies as well: a process may have died between the two. What was said since then stands.
                suppressing::after_receipt(&shared, &live, &tenant, receipt).await.map_err(|error| {
                    tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "suppress an address");
                    EngineError::away()
                })?;
            }
            Ok(())
        })
    }
}

impl Handler<KeepInbound> for ReceiptsActor {
    type Result = ResponseFuture<Result<(), EngineError>>;

    fn handle(&mut self, command: KeepInbound, _: &mut Self::Context) -> Self::Result {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let live = tenant::live(&shared, command.account.tenant_id).await?;
            let tenant = live.handle(&shared).await?;
            let now = shared.now();
            for message in command.inbound {
                let kept = keep(&live, &tenant, &command.account, message, now).await.map_err(|error| {
                    tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "store inbound message");
                    EngineError::away()
                })?;
                if let Some(inbound) = kept {
                    replies::follow(&shared, &live, &tenant, &inbound).await?;
                }
            }
            Ok(())
        })
    }
}

/// Hands receipts to the ledger; answers when they are durable.
async fn merge(live: &LiveTenant, receipts: Vec<Receipt>) -> Result<(), EngineError> {
    if receipts.is_empty() {
        return Ok(());
    }
    let (answer, told) = oneshot::channel();
    let entry = Entry::Receive(PendingReceipts { receipts, answer });
    live.writers.ledger.tell(entry)?;
    told.await.map_err(|_| EngineError::restarting())?
}

fn receipt(account: &ProviderAccount, tenant: &TenantHandle, event: ReceiptEvent, now: Timestamp) -> Receipt {
    let wait = SignedDuration::try_from(tenant.tenant.settings.receipt_wait(account.channel));
    Receipt {
        tenant_id: account.tenant_id,
        account_id: account.account_id,
        key: receipt_key(account.account_id, &event.dedup_key),
        provider_ref: event.provider_ref,
        attempt: event.attempt,
        status: event.status,
        failure: event.failure,
        // A vendor's clock that runs ahead must not date our history into the future, nor a slip in it before all time.
        at: event.occurred_at.map_or(now, |occurred_at| occurred_at.min(now).max(Timestamp::UNIX_EPOCH)),
        wait_until: now.saturating_add(wait.unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX),
    }
}

/// Stores a message; none comes back where all that follows from it was done.
async fn keep(
    live: &LiveTenant,
    tenant: &TenantHandle,
    account: &ProviderAccount,
    message: InboundMessage,
    now: Timestamp,
) -> Result<Option<Inbound>, DeliveryError> {
    let inbound_id = InboundId::new(now);
    let from = message.from.expose();
    let address = carepost_delivery::prepare::normalize_address(account.channel, from);
    let sender_hash = tenant.hash(account.channel.as_str(), address.as_deref().unwrap_or(from).as_bytes());
    let keyword = message.keyword.map(|keyword| match keyword {
        OptOutKeyword::Stop => "stop",
        OptOutKeyword::Start => "start",
        OptOutKeyword::Help => "help",
    });
    let payload = serde_json::json!({
        "from": from,
        "to": message.to,
        "subject": message.subject.as_ref().map(carepost_kernel::Phi::expose),
        "text": message.text.expose(),
        "html": message.html.as_ref().map(carepost_kernel::Phi::expose),
        "media": message.media.iter().map(carepost_kernel::Phi::expose).collect::<Vec<_>>(),
        "in_reply_to": message.in_reply_to,
        "occurred_at": message.occurred_at,
    });
    let owner = [tenant.tenant.tenant_id.as_uuid().as_bytes().as_slice(), inbound_id.as_uuid().as_bytes()].concat();
    let payload_sealed = tenant
        .seal(&owner, payload.to_string().as_bytes())
        .map_err(|_| DeliveryError::Row { column: "payload_sealed" })?;
    let new = NewInbound {
        tenant_id: account.tenant_id,
        inbound_id,
        account_id: account.account_id,
        provider_ref: message.provider_ref,
        channel: channel_of(account),
        received_at: now,
        sender_hash,
        keyword,
        payload_sealed,
    };
    let session = live.writers.journal.connect().await?;
    // A copy of a message that is there changes nothing, and ends what a process that died has begun.
    let stored = session.insert_inbound(&new).await?;
    Ok((!stored.is_handled).then(|| Inbound {
        inbound_id: stored.inbound_id,
        channel: new.channel,
        received_at: now,
        keyword: keyword.and_then(replies::keyword_of),
        from: Phi::new(address.unwrap_or_else(|| from.clone())),
        text: message.text.clone(),
    }))
}

const fn channel_of(account: &ProviderAccount) -> Channel {
    account.channel
}
