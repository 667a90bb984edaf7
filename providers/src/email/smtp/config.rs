//! What an SMTP account is configured with.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use carepost_kernel::{AttemptRef, Reach, Secret};
use serde::Deserialize;

use crate::contract::{AccountConfig, ConfigError};
use crate::email::mime::{self, Sender};
use crate::email::smtp::{tls, verp};
use crate::http;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Protection {
    /// TLS from the first byte; port 465 (RFC 8314).
    Implicit,
    /// `STARTTLS`, and no mail without it; port 587 or 25.
    Starttls,
    /// None: for hosts of this machine only.
    None,
}

/// `settings` of the account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The mail server's name, as in its certificate.
    host: String,
    /// Its port.
    port: u16,
    /// `implicit`, `starttls`, or `none` (this machine only). Default `starttls`.
    #[serde(default = "default_protection")]
    tls: Protection,
    /// A root certificate in PEM that is trusted instead of the system's: for a private authority.
    #[serde(default)]
    ca_certificate_pem: Option<String>,
    /// The sender's address.
    from_email: String,
    /// The sender's name as readers see it.
    #[serde(default)]
    from_name: Option<String>,
    /// Where bounces go. Default: the sender's address.
    #[serde(default)]
    envelope_sender: Option<String>,
    /// Whether the envelope sender names the attempt (`bounces+<ref>@...`). Default true; the server behind it must
    /// take such addresses.
    #[serde(default = "yes")]
    verp: bool,
    /// Whether delivery notices are asked for where the server offers DSN (RFC 3461). Default true.
    #[serde(default = "yes")]
    delivery_notices: bool,
    /// What is said in `EHLO`. Default: the sender's domain.
    #[serde(default)]
    hello_name: Option<String>,
    /// Most connections at once; default 8.
    #[serde(default = "default_connections")]
    max_connections: u16,
    /// Idle connections are kept this long, in seconds; default 60.
    #[serde(default = "default_idle_seconds")]
    idle_seconds: u32,
    /// How old a signed webhook may be, in seconds; default 300.
    #[serde(default = "default_max_age_seconds")]
    max_age_seconds: u32,
}

const fn default_protection() -> Protection {
    Protection::Starttls
}
const fn yes() -> bool {
    true
}
const fn default_connections() -> u16 {
    8
}
const fn default_idle_seconds() -> u32 {
    60
}
const fn default_max_age_seconds() -> u32 {
    300
}

/// `credentials` of the account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// For AUTH; comes with the password.
    #[serde(default)]
    username: Option<Secret<String>>,
    #[serde(default)]
    password: Option<Secret<String>>,
    /// Signs what is posted to the webhook. Without it nothing is accepted there.
    #[serde(default)]
    webhook_secret: Option<Secret<String>>,
}

/// The mail server and how to speak to it.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    /// How far its name may lead.
    pub(super) reach: Reach,
    pub(super) protection: Protection,
    /// Present unless the connection is unprotected.
    pub(super) tls: Option<tls::Connector>,
    pub(super) hello_name: String,
    pub(super) login: Option<(Secret<String>, Secret<String>)>,
    pub(super) max_connections: usize,
    pub(super) idle: Duration,
}

/// An account, checked.
pub(super) struct Account {
    pub(super) server: Arc<Server>,
    pub(super) sender: Sender,
    bounces: lettre::Address,
    verp: bool,
    pub(super) delivery_notices: bool,
    pub(super) timeout: Duration,
    pub(super) webhook_secret: Option<Secret<String>>,
    pub(super) max_age_seconds: u32,
}

impl Account {
    pub(super) fn new(config: &AccountConfig, reach: Reach) -> Result<Self, ConfigError> {
        if config.base_url.is_some() {
            return Err(http::bad_field("/base_url", "a mail server is named by host and port in the settings"));
        }
        let settings: Settings = http::settings(config)?;
        let credentials: Credentials = http::credentials(config)?;
        let sender = Sender::new(&settings.from_email, settings.from_name.as_deref())?;
        let bounces = match &settings.envelope_sender {
            Some(text) => {
                mime::address(text).ok_or(http::bad_field("/settings/envelope_sender", "not an email address"))?
            }
            None => sender.address.clone(),
        };
        if settings.verp && bounces.user().len() > verp::MAX_USER_BYTES {
            return Err(http::bad_field("/settings/envelope_sender", "too long to carry a reference"));
        }
        let server = server(&settings, &credentials, sender.domain(), reach)?;
        Ok(Self {
            server: Arc::new(server),
            sender,
            bounces,
            verp: settings.verp,
            delivery_notices: settings.delivery_notices,
            timeout: config.timeout,
            webhook_secret: credentials.webhook_secret.filter(|secret| !secret.expose().is_empty()),
            max_age_seconds: settings.max_age_seconds,
        })
    }

    /// Where bounces of an attempt go.
    pub(super) fn envelope_sender(&self, attempt: AttemptRef) -> String {
        let (user, domain) = (self.bounces.user(), self.bounces.domain());
        if self.verp { verp::address(user, domain, attempt) } else { self.bounces.to_string() }
    }
}

fn server(settings: &Settings, credentials: &Credentials, domain: &str, reach: Reach) -> Result<Server, ConfigError> {
    let host = settings.host.clone();
    let is_name = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        (1..=255).contains(&text.len()) && text.bytes().all(allowed)
    };
    if !is_name(&host) {
        return Err(http::bad_field("/settings/host", "not the name of a host"));
    }
    if !reach.allows_host(&host) {
        return Err(http::bad_field("/settings/host", "must be a public host"));
    }
    let hello_name = settings.hello_name.clone().unwrap_or_else(|| domain.to_owned());
    if !is_name(&hello_name) {
        return Err(http::bad_field("/settings/hello_name", "not the name of a host"));
    }
    if settings.max_connections == 0 {
        return Err(http::bad_field("/settings/max_connections", "is zero"));
    }
    let tls = match settings.tls {
        Protection::None if !is_this_machine(&host) => {
            return Err(http::bad_field("/settings/tls", "only a host of this machine may do without TLS"));
        }
        Protection::None => None,
        Protection::Implicit | Protection::Starttls => {
            Some(tls::Connector::new(&host, settings.ca_certificate_pem.as_deref())?)
        }
    };
    let login = match (&credentials.username, &credentials.password) {
        (Some(username), Some(password)) => Some((username.clone(), password.clone())),
        (None, None) => None,
        _ => return Err(http::bad_field("/credentials/password", "user name and password come together")),
    };
    Ok(Server {
        host,
        port: settings.port,
        reach,
        protection: settings.tls,
        tls,
        hello_name,
        login,
        max_connections: usize::from(settings.max_connections),
        idle: Duration::from_secs(u64::from(settings.idle_seconds)),
    })
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
