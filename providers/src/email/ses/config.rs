//! What an SES account is configured with.

use std::time::Duration;

use aws_credential_types::Credentials as AwsCredentials;
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
    /// For example `us-east-1`; makes the address and the signature's scope.
    region: String,
    /// An address of a verified identity.
    from_email: String,
    /// The sender's name as readers see it.
    #[serde(default)]
    from_name: Option<String>,
    /// The configuration set that publishes events, at most 64 characters.
    #[serde(default)]
    configuration_set: Option<String>,
    /// The one SNS topic that is believed. Without it no webhook is accepted.
    #[serde(default)]
    topic_arn: Option<String>,
    /// How old a notification may be, in seconds; default 14400. SNS keeps the first time through its retries, which
    /// by default last an hour.
    #[serde(default = "default_max_age_seconds")]
    max_age_seconds: u32,
}

const fn default_max_age_seconds() -> u32 {
    14_400
}

/// `credentials` of the account: of a user or role that may `ses:SendEmail`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    access_key_id: Secret<String>,
    secret_access_key: Secret<String>,
    /// Of temporary credentials.
    #[serde(default)]
    session_token: Option<Secret<String>>,
}

/// An account, checked.
pub(super) struct Account {
    pub(super) region: String,
    pub(super) sender: Sender,
    pub(super) send_url: Url,
    pub(super) timeout: Duration,
    pub(super) configuration_set: Option<String>,
    pub(super) topic_arn: Option<String>,
    pub(super) max_age_seconds: u32,
    pub(super) credentials: AwsCredentials,
    /// Where a simulator stands in for Amazon, it stands in for SNS, too.
    pub(super) base_url: Option<Url>,
}

impl Account {
    pub(super) fn new(config: &AccountConfig) -> Result<Self, ConfigError> {
        let settings: Settings = http::settings(config)?;
        let credentials: Credentials = http::credentials(config)?;
        let is_region = |text: &str| {
            (3..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !is_region(&settings.region) {
            return Err(http::bad_field("/settings/region", "not the name of a region"));
        }
        if settings.configuration_set.as_ref().is_some_and(|name| !(1..=64).contains(&name.len())) {
            return Err(http::bad_field("/settings/configuration_set", "not of 1 to 64 characters"));
        }
        if settings.topic_arn.as_ref().is_some_and(|arn| !arn.starts_with("arn:")) {
            return Err(http::bad_field("/settings/topic_arn", "not an ARN"));
        }
        if credentials.access_key_id.expose().is_empty() || credentials.secret_access_key.expose().is_empty() {
            return Err(http::bad_field("/credentials/access_key_id", "is empty"));
        }
        let base = config.base_url.as_ref().map_or_else(
            || format!("https://email.{}.amazonaws.com", settings.region),
            |base| base.as_str().trim_end_matches('/').to_owned(),
        );
        let send_url = format!("{base}/v2/email/outbound-emails");
        Ok(Self {
            sender: Sender::new(&settings.from_email, settings.from_name.as_deref())?,
            send_url: send_url.parse().map_err(|_| http::bad_field("/base_url", "not an address"))?,
            timeout: config.timeout,
            region: settings.region,
            configuration_set: settings.configuration_set,
            topic_arn: settings.topic_arn,
            max_age_seconds: settings.max_age_seconds,
            credentials: AwsCredentials::new(
                credentials.access_key_id.expose(),
                credentials.secret_access_key.expose(),
                credentials.session_token.as_ref().map(|token| token.expose().clone()),
                None,
                "carepost",
            ),
            base_url: config.base_url.clone(),
        })
    }
}
