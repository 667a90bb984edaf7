//! Accounts that the simulator knows: made on demand, or adopted from a stored configuration.

use carepost_kernel::Secret;
use serde_json::Value;
use url::Url;

use crate::contract::Vendor;

/// A fresh account at a simulated vendor, as an upstream system would configure it.
#[derive(Debug, Clone)]
pub struct SimulatedAccount {
    /// Which vendor.
    pub vendor: Vendor,
    /// What goes into [`crate::AccountConfig::settings`].
    pub settings: Value,
    /// What goes into [`crate::AccountConfig::credentials`].
    pub credentials: Secret<String>,
    /// What goes into [`crate::AccountConfig::base_url`].
    pub base_url: Option<Url>,
}

/// An account as a face sees it. Everything in it is made up.
pub(crate) struct Account {
    pub(crate) vendor: Vendor,
    /// What the face looks it up by: account id, API key, user name.
    pub(crate) key: String,
    /// What must come along with the key.
    pub(crate) secret: String,
    /// What webhooks are signed with.
    pub(crate) webhook_secret: String,
    /// A key pair or other bytes that the face needs.
    pub(crate) material: Vec<u8>,
    /// Where webhooks go.
    pub(crate) webhook_url: Url,
    pub(crate) settings: Value,
    pub(crate) credentials: Value,
    pub(crate) base_url: Option<Url>,
}

impl Account {
    /// The same as its owner configures it.
    pub(crate) fn as_simulated(&self) -> SimulatedAccount {
        SimulatedAccount {
            vendor: self.vendor,
            settings: self.settings.clone(),
            credentials: Secret::new(self.credentials.to_string()),
            base_url: self.base_url.clone(),
        }
    }
}

/// In-app messages need no vendor.
pub(crate) fn in_app(webhook_url: &Url) -> Account {
    Account {
        vendor: Vendor::InApp,
        key: webhook_url.to_string(),
        secret: String::new(),
        webhook_secret: String::new(),
        material: Vec::new(),
        webhook_url: webhook_url.clone(),
        settings: serde_json::json!({}),
        credentials: serde_json::json!({}),
        base_url: None,
    }
}
