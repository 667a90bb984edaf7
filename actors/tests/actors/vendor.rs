//! A vendor in memory: takes every message, counts its calls, and gives a receipt for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use carepost_actors::{Engine, EngineApi as _, EngineError, ProviderSource};
use carepost_kernel::{Cleared, MessageId, ProviderRef, ReceiptStatus, SendOutcome};
use carepost_providers::{ConfigError, Outbound, Provider, ReceiptEvent, Vendor};
use carepost_tenancy::ProviderAccount;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

type Called = (Arc<ProviderAccount>, String);

/// The vendor with all its accounts.
pub(crate) struct FakeVendor {
    calls: Arc<Mutex<HashMap<MessageId, u32>>>,
    called: UnboundedSender<Called>,
}

impl FakeVendor {
    pub(crate) fn new() -> (Self, UnboundedReceiver<Called>) {
        let (called, calls) = unbounded_channel();
        (Self { calls: Arc::default(), called }, calls)
    }

    /// How often it was called for a message.
    pub(crate) fn calls(&self, message_id: MessageId) -> u32 {
        self.calls.lock().unwrap().get(&message_id).copied().unwrap_or(0)
    }
}

#[async_trait]
impl ProviderSource for FakeVendor {
    async fn provider(&self, account: &Arc<ProviderAccount>) -> Result<Arc<dyn Provider>, ConfigError> {
        let (account, calls, called) = (Arc::clone(account), Arc::clone(&self.calls), self.called.clone());
        Ok(Arc::new(FakeAccount { account, calls, called }))
    }
}

struct FakeAccount {
    account: Arc<ProviderAccount>,
    calls: Arc<Mutex<HashMap<MessageId, u32>>>,
    called: UnboundedSender<Called>,
}

#[async_trait]
impl Provider for FakeAccount {
    fn vendor(&self) -> Vendor {
        Vendor::Twilio
    }

    async fn send(&self, cleared: &Cleared<Outbound>) -> SendOutcome {
        let attempt = cleared.get().attempt;
        *self.calls.lock().unwrap().entry(attempt.message_id).or_default() += 1;
        // Nobody listens once the test is over.
        let _over = self.called.send((Arc::clone(&self.account), attempt.to_string()));
        SendOutcome::Accepted { provider_refs: vec![attempt.into()], delivered: false }
    }
}

/// Brings the receipts, each again and again until it is taken, as vendors do.
pub(crate) async fn bring_receipts(engine: Engine, mut calls: UnboundedReceiver<Called>) {
    while let Some((account, provider_ref)) = calls.recv().await {
        let receipt = ReceiptEvent {
            provider_ref: ProviderRef::new(provider_ref.as_str()).unwrap(),
            attempt: None,
            status: ReceiptStatus::Delivered,
            failure: None,
            occurred_at: None,
            dedup_key: provider_ref,
        };
        while let Err(EngineError::Unavailable { .. }) = engine.receive(&account, vec![receipt.clone()]).await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}
