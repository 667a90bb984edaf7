//! A Vonage Messages account's settings and credentials.

use carepost_kernel::Secret;
use serde::Deserialize;

use crate::contract::{AccountConfig, ConfigError};
use crate::http;

/// What is public of an account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VonageMessagesSettings {
    /// The sender: a number without `+`, or a name.
    pub from: String,
    /// The application's UUID, where calls carry a token signed by its key.
    #[serde(default)]
    pub application_id: Option<String>,
    /// The account's key, where calls carry key and secret.
    #[serde(default)]
    pub api_key: Option<String>,
}

/// An account's secrets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VonageMessagesCredentials {
    /// The application's RSA key in PEM.
    #[serde(default)]
    pub private_key: Option<Secret<String>>,
    /// The account's secret.
    #[serde(default)]
    pub api_secret: Option<Secret<String>>,
    /// Signs webhooks. Without it none is believed.
    #[serde(default)]
    pub signature_secret: Option<Secret<String>>,
    /// The other signature secret while it is being replaced.
    #[serde(default)]
    pub previous_signature_secret: Option<Secret<String>>,
}

impl VonageMessagesCredentials {
    /// The secrets that a webhook may be signed with.
    pub(super) fn signing_secrets(&self) -> impl Iterator<Item = &str> {
        [&self.signature_secret, &self.previous_signature_secret]
            .into_iter()
            .flatten()
            .map(|secret| secret.expose().as_str())
    }
}

/// Reads and checks both; that the credentials suffice for calls is for [`super::signature::CallAuth`] to say.
pub(super) fn read(config: &AccountConfig) -> Result<(VonageMessagesSettings, VonageMessagesCredentials), ConfigError> {
    let settings: VonageMessagesSettings = http::settings(config)?;
    let credentials: VonageMessagesCredentials = http::credentials(config)?;
    if settings.from.is_empty() {
        return Err(http::bad_field("/settings/from", "must not be empty"));
    }
    if credentials.signing_secrets().any(str::is_empty) {
        return Err(http::bad_field("/credentials/signature_secret", "must not be empty"));
    }
    Ok((settings, credentials))
}
