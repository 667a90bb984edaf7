//! The engine's front for handlers: commands go to actors, news are made to hold.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{broadcast, oneshot};

use carepost_consent::types::AddressKey;
use carepost_delivery::types::{DeliveryEvent, NewMessage};
use carepost_kernel::{Chain, MessageId, TenantId};
use carepost_providers::{InboundMessage, ReceiptEvent};
use carepost_tenancy::{ProviderAccount, TenantHandle};

use crate::campaigns;
use crate::delivery::news::{self, GateNews};
use crate::delivery::receipts::{KeepInbound, MergeReceipts, ReceiptsActor};
use crate::delivery::shared::LiveTenant;
use crate::delivery::tenant::{self, CancelMessage, EnqueueMessages, RedriveMessages};
use crate::engine::{Accepted, ActorInfo, Cancellation, EngineApi, EngineError, RedriveReport, RedriveRequest, Seat};
use crate::metrics;

use super::Engine;

impl Engine {
    async fn ask<M, T>(&self, tenant_id: TenantId, message: M) -> Result<T, EngineError>
    where
        M: actix::Message<Result = Result<T, EngineError>> + Send + 'static,
        tenant::TenantActor: actix::Handler<M>,
        T: Send + 'static,
    {
        let live = tenant::live(&self.shared, tenant_id).await?;
        live.actor.ready().await;
        let addr = live.actor.addr().ok_or(EngineError::Moving)?;
        addr.send(message).await.map_err(|_| EngineError::restarting())?
    }

    async fn live(&self, tenant: &TenantHandle) -> Result<Arc<LiveTenant>, EngineError> {
        tenant::live(&self.shared, tenant.tenant.tenant_id).await
    }

    async fn hand_in(
        &self,
        tenant: &Arc<TenantHandle>,
        messages: Vec<NewMessage>,
    ) -> Vec<Result<Accepted, EngineError>> {
        let count = messages.len();
        let live = match self.live(tenant).await {
            Ok(live) => live,
            Err(error) => return vec![Err(error); count],
        };
        let (answers, told): (Vec<_>, Vec<_>) = messages
            .into_iter()
            .map(|message| {
                let (answer, told) = oneshot::channel();
                ((message, answer), told)
            })
            .unzip();
        let command = EnqueueMessages { tenant: Arc::clone(tenant), messages: answers };
        tenant::hand_in(&live, command).await;
        let mut results = Vec::with_capacity(count);
        for one in told {
            results.push(one.await.unwrap_or(Err(EngineError::restarting())));
        }
        results
    }

    async fn tell_receipts<M>(&self, message: M) -> Result<(), EngineError>
    where
        M: actix::Message<Result = Result<(), EngineError>> + Send + 'static,
        ReceiptsActor: actix::Handler<M>,
    {
        self.receipts.ready().await;
        let addr = self.receipts.addr().ok_or(EngineError::Moving)?;
        addr.send(message).await.map_err(|_| EngineError::restarting())?
    }
}

#[async_trait]
impl EngineApi for Engine {
    async fn enqueue(&self, tenant: &Arc<TenantHandle>, message: NewMessage) -> Result<Accepted, EngineError> {
        let mut results = self.enqueue_many(tenant, vec![message]).await;
        results.pop().unwrap_or(Err(EngineError::Internal))
    }

    async fn enqueue_many(
        &self,
        tenant: &Arc<TenantHandle>,
        messages: Vec<NewMessage>,
    ) -> Vec<Result<Accepted, EngineError>> {
        let results = self.hand_in(tenant, messages).await;
        metrics::count_enqueued(&results);
        results
    }

    async fn cancel(&self, tenant: &Arc<TenantHandle>, message_id: MessageId) -> Result<Cancellation, EngineError> {
        self.ask(tenant.tenant.tenant_id, CancelMessage { message_id }).await
    }

    async fn redrive(&self, tenant: &Arc<TenantHandle>, request: RedriveRequest) -> Result<RedriveReport, EngineError> {
        self.ask(tenant.tenant.tenant_id, RedriveMessages { tenant: Arc::clone(tenant), request }).await
    }

    async fn receive(&self, account: &Arc<ProviderAccount>, receipts: Vec<ReceiptEvent>) -> Result<(), EngineError> {
        self.tell_receipts(MergeReceipts { account: Arc::clone(account), events: receipts }).await
    }

    async fn receive_inbound(
        &self,
        account: &Arc<ProviderAccount>,
        inbound: Vec<InboundMessage>,
    ) -> Result<(), EngineError> {
        self.tell_receipts(KeepInbound { account: Arc::clone(account), inbound }).await
    }

    async fn consent_changed(&self, tenant_id: TenantId, keys: &[AddressKey]) {
        news::changed(&self.shared, tenant_id, GateNews::Of(keys.to_vec())).await;
    }

    async fn policy_changed(&self, tenant_id: TenantId) {
        // What waits in rows of a tenant that sleeps is to be looked at again as well.
        if let Err(error) = tenant::live(&self.shared, tenant_id).await {
            tracing::debug!(error = %Chain(&error), tenant.id = %tenant_id, "wake the tenant whose policy has changed");
        }
        news::changed(&self.shared, tenant_id, GateNews::All).await;
    }

    async fn bulk_sends_changed(&self, tenant_id: TenantId) {
        match tenant::live(&self.shared, tenant_id).await {
            Ok(live) => campaigns::wake(&self.shared, &live),
            // The scheduler of whoever owns it finds them within a second.
            Err(error) => tracing::debug!(error = %Chain(&error), tenant.id = %tenant_id, "wake bulk sends"),
        }
    }

    async fn seat(&self, tenant_id: TenantId, max_age: Duration) -> Result<Seat, EngineError> {
        tenant::seat(&self.shared, tenant_id, max_age).await
    }

    fn listen(&self, tenant_id: TenantId) -> broadcast::Receiver<Arc<DeliveryEvent>> {
        self.shared.hub.listen(tenant_id)
    }

    async fn actors(&self) -> Vec<ActorInfo> {
        self.shared.tree.list()
    }
}
