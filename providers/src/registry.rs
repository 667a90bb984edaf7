//! From an account's configuration to a provider: the one list of vendors.

use std::sync::Arc;

use crate::contract::{AccountConfig, ConfigError, Provider, Shared, Vendor};
use crate::email::{sendgrid, ses, smtp};
use crate::sms::{twilio, vonage_messages, vonage_sms};
use crate::{http, in_app, network};

/// Builds the provider of an account.
///
/// # Errors
/// The first field of settings or credentials that does not hold up, or that leads farther than it may.
pub fn build(config: &AccountConfig, shared: &Shared) -> Result<Arc<dyn Provider>, ConfigError> {
    if let Some(base_url) = &config.base_url {
        network::check_url(base_url, shared.reach)
            .map_err(|_| http::bad_field("/base_url", "must be a public host"))?;
    }
    Ok(match config.vendor {
        Vendor::Twilio => Arc::new(twilio::Twilio::new(config, shared)?),
        Vendor::VonageSms => Arc::new(vonage_sms::VonageSms::new(config, shared)?),
        Vendor::VonageMessages => Arc::new(vonage_messages::VonageMessages::new(config, shared)?),
        Vendor::Sendgrid => Arc::new(sendgrid::Sendgrid::new(config, shared)?),
        Vendor::Ses => Arc::new(ses::Ses::new(config, shared)?),
        Vendor::Smtp => Arc::new(smtp::Smtp::new(config, shared)?),
        Vendor::InApp => Arc::new(in_app::InApp::new(config, shared)?),
    })
}
