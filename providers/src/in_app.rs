//! Our own inbox for recipients: stored and told at once, so that acceptance is delivery.

use std::sync::Arc;

use async_trait::async_trait;
use carepost_kernel::{Cleared, Content, FailureClass, Phi, SendOutcome};

use crate::contract::{AccountConfig, ConfigError, InAppInbox, InAppItem, Outbound, Provider, Shared, Vendor};
use crate::http::failed;

/// The in-app channel of one tenant.
pub struct InApp {
    inbox: Arc<dyn InAppInbox>,
}

impl InApp {
    /// Takes no settings and no credentials: both must be empty objects.
    ///
    /// # Errors
    /// Where the settings are not an empty object.
    pub fn new(config: &AccountConfig, shared: &Shared) -> Result<Self, ConfigError> {
        if config.settings.as_object().is_some_and(serde_json::Map::is_empty) {
            Ok(Self { inbox: Arc::clone(&shared.in_app) })
        } else {
            Err(ConfigError { pointer: "/settings".to_owned(), problem: "in-app takes no settings" })
        }
    }
}

#[async_trait]
impl Provider for InApp {
    fn vendor(&self) -> Vendor {
        Vendor::InApp
    }

    async fn send(&self, cleared: &Cleared<Outbound>) -> SendOutcome {
        let outbound = cleared.get();
        let Content::InApp(content) = outbound.content.expose() else {
            return failed(FailureClass::Permanent, "in_app_wrong_channel");
        };
        if outbound.to.expose().is_empty() {
            return failed(FailureClass::Permanent, "in_app_no_recipient");
        }
        let item = InAppItem {
            tenant_id: outbound.tenant_id,
            attempt: outbound.attempt,
            recipient: outbound.to.clone(),
            content: Phi::new(content.clone()),
        };
        match self.inbox.put(item).await {
            Ok(()) => SendOutcome::Accepted { provider_refs: vec![outbound.attempt.into()], delivered: true },
            // A second put changes nothing, so that trying again is safe.
            Err(_unavailable) => failed(FailureClass::Transient, "in_app_unavailable"),
        }
    }
}

#[cfg(test)]
mod tests;
