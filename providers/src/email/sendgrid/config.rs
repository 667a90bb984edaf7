//! What a SendGrid account is configured with.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::Secret;
use serde::Deserialize;
use url::Url;

use crate::contract::{AccountConfig, ConfigError};
use crate::email::mime::Sender;
use crate::http;

/// `settings` of the account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The verified sender's address.
    from_email: String,
    /// The sender's name as readers see it.
    #[serde(default)]
    from_name: Option<String>,
    /// The Event Webhook's verification key: base64 of its SubjectPublicKeyInfo. Without it no event is accepted.
    #[serde(default)]
    webhook_public_key: Option<String>,
    /// How old a signed request may be, in seconds; default 3600. SendGrid retries for up to 24 hours, and whether it
    /// signs each try anew is not documented: raise this to 86400 where retried events are refused as stale.
    #[serde(default = "default_max_age_seconds")]
    max_age_seconds: u32,
    /// Whether Inbound Parse may post here. It is unsigned: the secret token in the webhook's address, and basic
    /// authentication where the credentials have it, are all that vouches for it. Default false.
    #[serde(default)]
    inbound_parse: bool,
    /// Whether SendGrid may rewrite links and add a pixel in order to report clicks and opens. Default false: both
    /// tell SendGrid what a patient reads.
    #[serde(default)]
    engagement_tracking: bool,
    /// Unsubscribe group (`asm.group_id`) that SendGrid enforces.
    #[serde(default)]
    unsubscribe_group_id: Option<i64>,
    /// IP pool, at most 64 characters.
    #[serde(default)]
    ip_pool_name: Option<String>,
    /// SendGrid's sandbox mode: everything is checked, nothing is sent. Default false.
    #[serde(default)]
    sandbox_mode: bool,
}

const fn default_max_age_seconds() -> u32 {
    3600
}

/// `credentials` of the account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    /// An API key with the scope `mail.send`.
    pub(super) api_key: Secret<String>,
    /// User name in the address that Inbound Parse posts to.
    #[serde(default)]
    pub(super) inbound_username: Option<Secret<String>>,
    /// Its password.
    #[serde(default)]
    pub(super) inbound_password: Option<Secret<String>>,
}

/// An account, checked.
pub(super) struct Account {
    pub(super) sender: Sender,
    pub(super) mail_send_url: Url,
    pub(super) timeout: Duration,
    pub(super) webhook_public_key: Option<Vec<u8>>,
    pub(super) max_age_seconds: u32,
    pub(super) inbound_parse: bool,
    pub(super) engagement_tracking: bool,
    pub(super) unsubscribe_group_id: Option<i64>,
    pub(super) ip_pool_name: Option<String>,
    pub(super) sandbox_mode: bool,
    pub(super) credentials: Credentials,
}

impl Account {
    pub(super) fn new(config: &AccountConfig) -> Result<Self, ConfigError> {
        let settings: Settings = http::settings(config)?;
        let credentials: Credentials = http::credentials(config)?;
        if credentials.api_key.expose().is_empty() {
            return Err(http::bad_field("/credentials/api_key", "is empty"));
        }
        if credentials.inbound_username.is_some() != credentials.inbound_password.is_some() {
            return Err(http::bad_field("/credentials/inbound_password", "user name and password come together"));
        }
        if settings.ip_pool_name.as_ref().is_some_and(|name| name.len() > 64) {
            return Err(http::bad_field("/settings/ip_pool_name", "longer than 64 characters"));
        }
        let webhook_public_key = settings
            .webhook_public_key
            .map(|text| STANDARD.decode(text.trim()))
            .transpose()
            .map_err(|_| http::bad_field("/settings/webhook_public_key", "not base64"))?;
        let base = config.base_url.as_ref().map_or("https://api.sendgrid.com", Url::as_str);
        let mail_send_url = format!("{}/v3/mail/send", base.trim_end_matches('/'))
            .parse()
            .map_err(|_| http::bad_field("/base_url", "not an address"))?;
        Ok(Self {
            sender: Sender::new(&settings.from_email, settings.from_name.as_deref())?,
            mail_send_url,
            timeout: config.timeout,
            webhook_public_key,
            max_age_seconds: settings.max_age_seconds,
            inbound_parse: settings.inbound_parse,
            engagement_tracking: settings.engagement_tracking,
            unsubscribe_group_id: settings.unsubscribe_group_id,
            ip_pool_name: settings.ip_pool_name,
            sandbox_mode: settings.sandbox_mode,
            credentials,
        })
    }
}
