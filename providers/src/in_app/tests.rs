//! Tests of the in-app channel against an inbox in memory.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use carepost_kernel::{Channel, InAppContent, Secret};
use serde_json::json;

use super::*;
use crate::contract::InAppUnavailable;
use crate::contract_tests::support::{CANARY, cleared, outbound, shared, sms};
use crate::simulator::SimulatedAccount;

#[derive(Default)]
struct Memory {
    items: Mutex<Vec<InAppItem>>,
    is_away: AtomicBool,
}

#[async_trait]
impl InAppInbox for Memory {
    async fn put(&self, item: InAppItem) -> Result<(), InAppUnavailable> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(InAppUnavailable);
        }
        self.items.lock().unwrap().push(item);
        Ok(())
    }
}

fn config(settings: serde_json::Value) -> AccountConfig {
    let account = SimulatedAccount { vendor: Vendor::InApp, settings, credentials: Secret::from("{}"), base_url: None };
    crate::contract_tests::support::config(&account, &"https://carepost.example/webhooks".parse().unwrap())
}

fn message(to: &str) -> Outbound {
    let content = InAppContent { title: "Hello".to_owned(), body: CANARY.to_owned() };
    outbound(Channel::InApp, to, Content::InApp(content))
}

#[tokio::test]
async fn in_app_keeps_the_contract() {
    let memory = Arc::new(Memory::default());
    let shared = Shared { in_app: Arc::clone(&memory) as Arc<dyn InAppInbox>, ..shared() };
    let provider = crate::build(&config(json!({})), &shared).unwrap();

    let sent = cleared(message("recipient-7"));
    let attempt = sent.get().attempt;
    let outcome = provider.send(&sent).await;
    assert_eq!(outcome, SendOutcome::Accepted { provider_refs: vec![attempt.into()], delivered: true });
    {
        let items = memory.items.lock().unwrap();
        assert_eq!(items.len(), 1);
        assert_eq!((items[0].attempt, items[0].recipient.expose().as_str()), (attempt, "recipient-7"));
        assert_eq!(items[0].content.expose().body, CANARY);
        assert!(!format!("{items:?}{outcome:?}").contains("CANARY"), "DEL-9");
    }

    memory.is_away.store(true, Ordering::Relaxed);
    let away = provider.send(&cleared(message("recipient-7"))).await;
    assert_eq!(away, failed(FailureClass::Transient, "in_app_unavailable"));
    let nobody = provider.send(&cleared(message(""))).await;
    assert_eq!(nobody, failed(FailureClass::Permanent, "in_app_no_recipient"));
    let wrong = provider.send(&cleared(sms("+15005550100", CANARY))).await;
    assert_eq!(wrong, failed(FailureClass::Permanent, "in_app_wrong_channel"));
}

#[test]
fn in_app_takes_no_settings() {
    let fault = crate::build(&config(json!({ "x": 1 })), &shared()).err().unwrap();
    assert_eq!(fault.pointer, "/settings");
}
