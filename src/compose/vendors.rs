//! Providers out of accounts: real ones with their opened credentials, sandbox ones pointed at the simulators.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use carepost_actors::ProviderSource;
use carepost_actors::delivery::in_app::InAppStore;
use carepost_kernel::{Chain, Clock, ProviderAccountId, Reach, Secret, TenantId};
use carepost_providers::simulator::{SimulatedAccount, Simulator};
use carepost_providers::{AccountConfig, ConfigError, Provider, Shared, Vendor, build};
use carepost_tenancy::{Directory, NewAccount, ProviderAccount};
use dashmap::DashMap;
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

use super::{Storage, http_client};
use crate::config::Config;
use crate::http::{Providers, webhook_url};

/// What a sandbox account may say for itself; everything else is the simulator's.
const OWN_SETTINGS: [&str; 4] = ["from", "from_email", "from_name", "envelope_sender"];
/// What a new account has where it does not say otherwise.
const DEFAULT_TIMEOUT_MS: u32 = 10_000;

/// Makes providers, and keeps them for as long as their accounts stay as they are.
pub struct Vendors {
    directory: Directory,
    /// For accounts that tenants have configured.
    shared: Shared,
    public_url: Url,
    sandbox: Option<Sandbox>,
    ready: DashMap<ProviderAccountId, (i64, Arc<dyn Provider>)>,
    /// The simulators' side of each sandbox account; it outlives changes of the account.
    simulated: DashMap<ProviderAccountId, SimulatedAccount>,
    /// One for each vendor, to check accounts with.
    samples: DashMap<Vendor, SimulatedAccount>,
}

/// The simulated vendors, and what leads to them: they are on this machine.
struct Sandbox {
    simulator: Simulator,
    shared: Shared,
}

impl std::fmt::Debug for Vendors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vendors")
    }
}

impl Vendors {
    /// None made yet. Starts the simulated vendors where they are switched on.
    ///
    /// # Errors
    /// Where they do not start, or there is no TLS to be had.
    pub async fn open(config: &Config, storage: &Storage, clock: Clock, public_url: Url) -> anyhow::Result<Self> {
        let (directory, reach) = (storage.directory.clone(), config.outbound.reach());
        let in_app = Arc::new(InAppStore::new(directory.clone(), storage.placements.clone(), clock.clone()));
        let shared = Shared { http: http_client(&config.outbound, reach)?, reach, clock, in_app };
        let sandbox = match config.sandbox.is_enabled {
            true => Some(Sandbox {
                simulator: Simulator::start(config.sandbox.seed).await.context("start the simulated vendors")?,
                shared: Shared {
                    http: http_client(&config.outbound, Reach::Anywhere)?,
                    reach: Reach::Anywhere,
                    ..shared.clone()
                },
            }),
            false => None,
        };
        let (ready, simulated, samples) = (DashMap::new(), DashMap::new(), DashMap::new());
        Ok(Self { directory, shared, public_url, sandbox, ready, simulated, samples })
    }

    /// The simulated vendors, where they are switched on.
    #[must_use]
    pub fn simulator(&self) -> Option<&Simulator> {
        self.sandbox.as_ref().map(|sandbox| &sandbox.simulator)
    }

    async fn make(&self, account: &ProviderAccount) -> Result<Arc<dyn Provider>, ConfigError> {
        let vendor: Vendor = account.vendor.parse()?;
        let token = self.directory.open_webhook_token(account).await.map_err(|error| {
            tracing::error!(account.id = %account.account_id, error = %Chain(&error), "could not open a webhook token");
            fault("/webhook_token", "could not be opened now")
        })?;
        let webhook_url = self.webhook_url(vendor, token.expose())?;
        let candidate = Candidate {
            account_id: account.account_id,
            tenant_id: account.tenant_id,
            vendor,
            settings: &account.settings,
            base_url: account.base_url.as_deref(),
            timeout_ms: account.timeout_ms,
            webhook_url,
        };
        if is_simulated(account.sandbox, vendor) {
            let sandbox = self.sandbox()?;
            let entry = self.simulated.entry(account.account_id);
            let simulated = entry.or_insert_with(|| sandbox.simulator.account(vendor, &candidate.webhook_url)).clone();
            return build(&candidate.in_sandbox(&simulated), &sandbox.shared);
        }
        let credentials = self.directory.open_credentials(account).await.map_err(|error| {
            tracing::error!(account.id = %account.account_id, error = %Chain(&error), "could not open credentials");
            fault("/credentials", "could not be opened now")
        })?;
        build(&candidate.with(credentials)?, &self.shared)
    }

    fn sandbox(&self) -> Result<&Sandbox, ConfigError> {
        self.sandbox.as_ref().ok_or_else(|| fault("/sandbox", "the sandbox is switched off on this server"))
    }

    fn webhook_url(&self, vendor: Vendor, token: &str) -> Result<Url, ConfigError> {
        webhook_url(&self.public_url, vendor.as_str(), token)
            .ok_or_else(|| fault("/vendor", "our public address makes no webhook address"))
    }
}

#[async_trait]
impl ProviderSource for Vendors {
    async fn provider(&self, account: &Arc<ProviderAccount>) -> Result<Arc<dyn Provider>, ConfigError> {
        if let Some(ready) = self.ready.get(&account.account_id)
            && ready.0 == account.version
        {
            return Ok(Arc::clone(&ready.1));
        }
        let provider = self.make(account).await?;
        self.ready.insert(account.account_id, (account.version, Arc::clone(&provider)));
        Ok(provider)
    }
}

impl Providers for Vendors {
    fn check(&self, account: &NewAccount) -> Result<(), ConfigError> {
        let vendor: Vendor = account.vendor.parse()?;
        if vendor.channel() != account.channel {
            return Err(fault("/channel", "is not the one that this vendor serves"));
        }
        let candidate = Candidate {
            account_id: ProviderAccountId::from_uuid(Uuid::nil()),
            tenant_id: TenantId::from_uuid(Uuid::nil()),
            vendor,
            settings: &account.settings,
            base_url: account.base_url.as_deref(),
            timeout_ms: account.route.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS),
            webhook_url: self.webhook_url(vendor, "check")?,
        };
        let built = if is_simulated(account.sandbox, vendor) {
            let Sandbox { simulator, shared } = self.sandbox()?;
            let sample =
                self.samples.entry(vendor).or_insert_with(|| simulator.account(vendor, &candidate.webhook_url));
            build(&candidate.in_sandbox(&sample), shared)
        } else {
            let credentials = account.credentials.clone().unwrap_or_else(|| Secret::from("{}"));
            build(&candidate.with(credentials)?, &self.shared)
        };
        built.map(|_provider| ())
    }
}

/// In-app messages are stored here whatever the account says: there is nothing to simulate.
fn is_simulated(sandbox: bool, vendor: Vendor) -> bool {
    sandbox && vendor != Vendor::InApp
}

/// An account on its way to a provider.
struct Candidate<'a> {
    account_id: ProviderAccountId,
    tenant_id: TenantId,
    vendor: Vendor,
    settings: &'a Value,
    base_url: Option<&'a str>,
    timeout_ms: u32,
    webhook_url: Url,
}

impl Candidate<'_> {
    fn with(self, credentials: Secret<String>) -> Result<AccountConfig, ConfigError> {
        let base_url = self.base_url.map(Url::parse).transpose().map_err(|_| fault("/base_url", "is no address"))?;
        let settings = self.settings.clone();
        Ok(self.config(settings, credentials, base_url))
    }

    fn in_sandbox(self, simulated: &SimulatedAccount) -> AccountConfig {
        let settings = merged(self.settings, &simulated.settings);
        self.config(settings, simulated.credentials.clone(), simulated.base_url.clone())
    }

    fn config(self, settings: Value, credentials: Secret<String>, base_url: Option<Url>) -> AccountConfig {
        AccountConfig {
            account_id: self.account_id,
            tenant_id: self.tenant_id,
            vendor: self.vendor,
            settings,
            credentials,
            base_url,
            webhook_url: self.webhook_url,
            timeout: Duration::from_millis(self.timeout_ms.into()),
        }
    }
}

/// The account's settings under the simulator's, but for the sender, which stays the account's own.
fn merged(own: &Value, simulated: &Value) -> Value {
    let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let (own, mut merged): (Map<String, Value>, Map<String, Value>) = (fields(own), fields(own));
    for (name, value) in fields(simulated) {
        // A sender is either a number or a Messaging Service.
        let is_replaced = name == "from" && own.contains_key("messaging_service_sid");
        let is_own = OWN_SETTINGS.contains(&name.as_str()) && own.contains_key(&name);
        if !is_replaced && !is_own {
            merged.insert(name, value);
        }
    }
    Value::Object(merged)
}

fn fault(pointer: &str, problem: &'static str) -> ConfigError {
    ConfigError { pointer: pointer.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::merged;

    #[test]
    fn a_sandbox_account_keeps_its_sender_and_nothing_that_leads_outside() {
        let simulated = json!({ "host": "127.0.0.1", "port": 1, "from_email": "care@clinic.example" });
        let own = json!({ "host": "mail.example", "from_email": "me@example.com", "hello_name": "me.example" });
        let expected =
            json!({ "host": "127.0.0.1", "port": 1, "from_email": "me@example.com", "hello_name": "me.example" });
        assert_eq!(merged(&own, &simulated), expected);
        assert_eq!(merged(&json!({}), &simulated), simulated);
        let service = json!({ "messaging_service_sid": "MG0" });
        let twilio = json!({ "account_sid": "AC0", "from": "+15005550006" });
        assert_eq!(merged(&service, &twilio), json!({ "messaging_service_sid": "MG0", "account_sid": "AC0" }));
    }
}
