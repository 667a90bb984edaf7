//! A Vonage SMS account's settings and credentials.

use carepost_kernel::Secret;
use serde::Deserialize;

use crate::contract::{AccountConfig, ConfigError};
use crate::http;

/// What is public of an account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VonageSmsSettings {
    /// The account's key: 8 characters.
    pub api_key: String,
    /// The sender: a number without `+`, or up to 11 letters and digits.
    pub from: String,
    /// How requests and webhooks are signed; must be what the vendor's dashboard shows.
    #[serde(default)]
    pub signature_method: SignatureMethod,
    /// Sends are signed instead of carrying the API secret.
    #[serde(default)]
    pub sign_requests: bool,
}

/// The vendor's ways to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureMethod {
    /// A bare MD5 over the parameters and the secret: the vendor's oldest and weakest.
    Md5Hash,
    /// HMAC-MD5.
    Md5,
    /// HMAC-SHA-1.
    Sha1,
    /// HMAC-SHA-256.
    #[default]
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// An account's secrets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VonageSmsCredentials {
    /// The account's secret; not needed where sends are signed.
    #[serde(default)]
    pub api_secret: Option<Secret<String>>,
    /// Signs webhooks, and sends where wished. Without it no webhook is believed.
    #[serde(default)]
    pub signature_secret: Option<Secret<String>>,
    /// The other signature secret while it is being replaced; checks webhooks only.
    #[serde(default)]
    pub previous_signature_secret: Option<Secret<String>>,
}

impl VonageSmsCredentials {
    /// The secrets that a webhook may be signed with.
    pub(super) fn signing_secrets(&self) -> impl Iterator<Item = &str> {
        [&self.signature_secret, &self.previous_signature_secret]
            .into_iter()
            .flatten()
            .map(|secret| secret.expose().as_str())
    }
}

/// Reads and checks both.
pub(super) fn read(config: &AccountConfig) -> Result<(VonageSmsSettings, VonageSmsCredentials), ConfigError> {
    let settings: VonageSmsSettings = http::settings(config)?;
    let credentials: VonageSmsCredentials = http::credentials(config)?;
    if settings.api_key.is_empty() {
        return Err(http::bad_field("/settings/api_key", "must not be empty"));
    }
    if settings.from.is_empty() {
        return Err(http::bad_field("/settings/from", "must not be empty"));
    }
    if settings.sign_requests && credentials.signature_secret.is_none() {
        return Err(http::bad_field("/credentials/signature_secret", "must be given where sends are signed"));
    }
    if !settings.sign_requests && credentials.api_secret.is_none() {
        return Err(http::bad_field("/credentials/api_secret", "must be given where sends are not signed"));
    }
    if credentials.signing_secrets().any(str::is_empty) {
        return Err(http::bad_field("/credentials/signature_secret", "must not be empty"));
    }
    Ok((settings, credentials))
}
