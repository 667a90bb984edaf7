//! A tenant's accounts at vendors.

use carepost_kernel::{Channel, ProviderAccountId, Secret, TenantId};
use jiff::Timestamp;
use serde_json::Value;

use super::{Sealed, named};

named! {
    /// Whether an account is used.
    AccountStatus = "account status" {
        /// In the route.
        Active = "active",
        /// In the route, but nothing is sent over it now.
        Paused = "paused",
        /// Out of the route for good; its webhooks still come in.
        Closed = "closed",
    }
}

/// A tenant's account at a vendor. Its credentials are inside as ciphertext: see `Directory::open_credentials`.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderAccount {
    /// Its id.
    pub account_id: ProviderAccountId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its name for people, unique for the tenant.
    pub name: String,
    /// What it sends.
    pub channel: Channel,
    /// Which vendor, by the name that the providers crate gives it.
    pub vendor: String,
    /// What the vendor needs besides secrets: an object.
    pub settings: Value,
    /// Runs on the simulators.
    pub sandbox: bool,
    /// Lower goes first.
    pub route_order: i16,
    /// Among equals of the order: the share.
    pub route_weight: i16,
    /// Calls per second; `None` is no set rate.
    pub rate_per_second: Option<u32>,
    /// Calls at a time.
    pub max_in_flight: u32,
    /// How long one call may take, in milliseconds.
    pub timeout_ms: u32,
    /// Whether it is used.
    pub status: AccountStatus,
    /// Stands in for the vendor's own address.
    pub base_url: Option<String>,
    /// Grows by one with each change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    pub(crate) credentials: Option<Sealed>,
    pub(crate) webhook_token: Sealed,
    pub(crate) webhook_token_hash: [u8; 32],
}

impl ProviderAccount {
    /// Whether there are credentials. More is not told.
    #[must_use]
    pub const fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }
}

/// An account to be made, or an account as it would be after a change: what the vendor's own check sees.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its name for people, 1 to 100 characters.
    pub name: String,
    /// What it sends.
    pub channel: Channel,
    /// Which vendor.
    pub vendor: String,
    /// What the vendor needs besides secrets: an object.
    pub settings: Value,
    /// The vendor's secrets: a JSON object as text.
    pub credentials: Option<Secret<String>>,
    /// Runs on the simulators.
    pub sandbox: bool,
    /// Where it stands in the route.
    pub route: RouteChange,
    /// Stands in for the vendor's own address.
    pub base_url: Option<String>,
}

/// Place in the route and limits of calls. `None` leaves the present value, or the default of a new account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RouteChange {
    /// Lower goes first; default 0.
    pub route_order: Option<i16>,
    /// Among equals of the order: the share; default 1.
    pub route_weight: Option<i16>,
    /// Calls per second; `Some(None)` is no set rate, which is the default.
    pub rate_per_second: Option<Option<u32>>,
    /// Calls at a time; default 64.
    pub max_in_flight: Option<u32>,
    /// How long one call may take, in milliseconds; default 10,000.
    pub timeout_ms: Option<u32>,
}

/// What shall be different about an account; `None` leaves a field alone.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// Its name for people.
    pub name: Option<String>,
    /// What the vendor needs besides secrets: replaces the object.
    pub settings: Option<Value>,
    /// New secrets, for example after a rotation at the vendor.
    pub credentials: Option<Secret<String>>,
    /// Place in the route and limits of calls.
    pub route: RouteChange,
    /// Stands in for the vendor's own address; `Some(None)` takes it away.
    pub base_url: Option<Option<String>>,
    /// Pause, resume or close.
    pub status: Option<AccountStatus>,
}
