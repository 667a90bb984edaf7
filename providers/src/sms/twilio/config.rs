//! A Twilio account's settings and credentials.

use carepost_kernel::Secret;
use serde::Deserialize;

use crate::contract::{AccountConfig, ConfigError};
use crate::http;

/// What is public of an account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwilioSettings {
    /// `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// The sender: a number in E.164, a short code or an alphanumeric name. Either this or a Messaging Service.
    #[serde(default)]
    pub from: Option<String>,
    /// The Messaging Service that picks the sender: `MG` and 32 hexadecimal digits.
    #[serde(default)]
    pub messaging_service_sid: Option<String>,
}

/// An account's secrets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwilioCredentials {
    /// The primary auth token. It signs webhooks: without it none is believed.
    #[serde(default)]
    pub auth_token: Option<Secret<String>>,
    /// The other token while the primary one is being replaced; checks webhooks only.
    #[serde(default)]
    pub previous_auth_token: Option<Secret<String>>,
    /// An API key, `SK...`, used for calls instead of the auth token.
    #[serde(default)]
    pub api_key_sid: Option<String>,
    /// The API key's secret.
    #[serde(default)]
    pub api_key_secret: Option<Secret<String>>,
}

impl TwilioCredentials {
    /// User and password for calls.
    pub(super) fn basic<'a>(&'a self, account_sid: &'a str) -> (&'a str, &'a str) {
        match (&self.api_key_sid, &self.api_key_secret, &self.auth_token) {
            (Some(sid), Some(secret), _) => (sid, secret.expose()),
            (_, _, Some(token)) => (account_sid, token.expose()),
            // `read` lets no such account through.
            _ => (account_sid, ""),
        }
    }

    /// The tokens that a webhook may be signed with.
    pub(super) fn signing_tokens(&self) -> impl Iterator<Item = &str> {
        [&self.auth_token, &self.previous_auth_token].into_iter().flatten().map(|token| token.expose().as_str())
    }
}

/// Reads and checks both.
pub(super) fn read(config: &AccountConfig) -> Result<(TwilioSettings, TwilioCredentials), ConfigError> {
    let settings: TwilioSettings = http::settings(config)?;
    let credentials: TwilioCredentials = http::credentials(config)?;
    if !is_sid(&settings.account_sid, "AC") {
        return Err(http::bad_field("/settings/account_sid", "must be AC and 32 hexadecimal digits"));
    }
    match (&settings.from, &settings.messaging_service_sid) {
        (Some(from), None) if from.is_empty() => {
            return Err(http::bad_field("/settings/from", "must not be empty"));
        }
        (None, Some(sid)) if !is_sid(sid, "MG") => {
            return Err(http::bad_field("/settings/messaging_service_sid", "must be MG and 32 hexadecimal digits"));
        }
        (Some(_), None) | (None, Some(_)) => {}
        _ => return Err(http::bad_field("/settings/from", "either from or messaging_service_sid must be given")),
    }
    if credentials.api_key_sid.is_some() != credentials.api_key_secret.is_some() {
        return Err(http::bad_field("/credentials/api_key_secret", "an API key needs both its sid and its secret"));
    }
    if credentials.api_key_sid.is_none() && credentials.auth_token.is_none() {
        return Err(http::bad_field("/credentials/auth_token", "an auth token or an API key must be given"));
    }
    Ok((settings, credentials))
}

fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
