//! Room: tenants, their keys, provider accounts, webhook endpoints, data keys and limits.
//!
//! Purpose: says who may call, whose data is whose, under which key it is sealed, over which accounts it leaves and
//! how much of it. Everything is read through the [`Directory`], a cached view that every process has of its own.
//!
//! Invariants:
//! - **TEN-1** An API key is stored as its hash alone; its text is seen once, at its making.
//! - **TEN-2** Credentials, webhook tokens and secrets are stored sealed under the tenant's data key, bound to their
//!   row; data keys are stored wrapped under a master key that the database never sees (DEL-9).
//! - **TEN-3** A change and its audit entry commit together.
//! - **TEN-4** A revoked key opens nothing: at once in the process that revoked it, within one `refresh` elsewhere.
//! - **TEN-5** A database that is away is said to be away: it never turns into "not authenticated" or "not found".
//! - **TEN-6** A tenant never sees another one's rows: what API callers ask for runs under row-level security.
//! - **DEL-12** Every cache that strangers can fill is bounded.
//!
//! Deliberately absent: vendors' formats (the check is handed in), the environment and files (see `src/config`),
//! users and sessions, the rotation of keys.

mod commands;
mod directory;
pub mod error;
pub mod events;
pub mod keys;
pub mod metrics;
mod rules;
mod store;
pub mod types;

pub use directory::{Directory, EndpointProgress};
pub use error::{FieldProblem, TenancyError};
pub use events::TenancyEvent;
pub use keys::{MasterKeys, TenantHandle};
pub use types::{
    AccountChange, AccountStatus, ApiKey, EndpointChange, EndpointStatus, LinkTag, NewAccount, NewApiKey, NewEndpoint,
    NewTenant, PlacementChoice, PlacementKind, PlacementRecord, Principal, ProviderAccount, RouteChange, Scope, Scopes,
    SettingsChange, Tenant, TenantSettings, TenantStatus, UnknownPolicy, WebhookEndpoint,
};
