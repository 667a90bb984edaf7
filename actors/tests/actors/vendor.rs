//! A vendor in memory: takes every message, counts its calls, and gives a receipt for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use carepost_actors::{Engine, EngineApi as _, EngineError, ProviderSource};
use carepost_kernel::{Cleared, Failure, FailureClass, MessageId, ProviderRef, ReceiptStatus, SendOutcome};
use carepost_providers::{ConfigError, LookUpOutcome, Outbound, Provider, ReceiptEvent, Vendor};
use carepost_tenancy::ProviderAccount;
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

type Called = (Arc<ProviderAccount>, String);

/// How the vendor behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    /// Takes every message and gives a receipt.
    #[default]
    Delivers,
    /// Takes every message and tells no more.
    Silent,
    /// Takes every message, and its answer is lost after this time.
    HangsUp(Duration),
}

/// The vendor with all its accounts.
#[derive(Clone)]
pub(crate) struct FakeVendor {
    calls: Arc<Mutex<HashMap<MessageId, u32>>>,
    looked_up: Arc<Mutex<HashMap<MessageId, Timestamp>>>,
    mode: Arc<Mutex<Mode>>,
    called: UnboundedSender<Called>,
}

impl FakeVendor {
    pub(crate) fn new() -> (Self, UnboundedReceiver<Called>) {
        let (called, calls) = unbounded_channel();
        (Self { calls: Arc::default(), looked_up: Arc::default(), mode: Arc::default(), called }, calls)
    }

    pub(crate) fn behave(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    /// From when on it was asked after a message, if it was.
    pub(crate) fn looked_up(&self, message_id: MessageId) -> Option<Timestamp> {
        self.looked_up.lock().unwrap().get(&message_id).copied()
    }

    /// How often it was called for a message.
    pub(crate) fn calls(&self, message_id: MessageId) -> u32 {
        self.calls.lock().unwrap().get(&message_id).copied().unwrap_or(0)
    }
}

#[async_trait]
impl ProviderSource for FakeVendor {
    async fn provider(&self, account: &Arc<ProviderAccount>) -> Result<Arc<dyn Provider>, ConfigError> {
        Ok(Arc::new(FakeAccount { account: Arc::clone(account), vendor: self.clone() }))
    }
}

struct FakeAccount {
    account: Arc<ProviderAccount>,
    vendor: FakeVendor,
}

#[async_trait]
impl Provider for FakeAccount {
    fn vendor(&self) -> Vendor {
        Vendor::Twilio
    }

    async fn send(&self, cleared: &Cleared<Outbound>) -> SendOutcome {
        let attempt = cleared.get().attempt;
        *self.vendor.calls.lock().unwrap().entry(attempt.message_id).or_default() += 1;
        let mode = *self.vendor.mode.lock().unwrap();
        match mode {
            Mode::Delivers => {
                // Nobody listens once the test is over.
                let _over = self.vendor.called.send((Arc::clone(&self.account), attempt.to_string()));
            }
            Mode::Silent => {}
            Mode::HangsUp(after) => {
                tokio::time::sleep(after).await;
                return SendOutcome::Failed(Failure::new(FailureClass::Unknown, "twilio_timeout"));
            }
        }
        SendOutcome::Accepted { provider_refs: vec![attempt.into()], delivered: false }
    }

    async fn look_up(&self, outbound: &Outbound, attempted_at: Timestamp) -> LookUpOutcome {
        self.vendor.looked_up.lock().unwrap().insert(outbound.attempt.message_id, attempted_at);
        LookUpOutcome::Found { provider_refs: vec![outbound.attempt.into()] }
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
        while let Err(EngineError::Unavailable { .. } | EngineError::Moving) =
            engine.receive(&account, vec![receipt.clone()]).await
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}
