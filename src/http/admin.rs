//! Configuration: tenants, keys, provider accounts, endpoints, limits; the audit trail and the tree of actors.
//!
//! Everything below `/tenants/{tenant}` is open to the deployment's administrator and to the tenant's own keys with
//! `admin:tenant`. Every change is in the audit trail and takes effect at once.

pub(super) mod accounts;
pub(super) mod actors;
pub(super) mod api_keys;
pub(super) mod audit;
pub(super) mod endpoints;
pub(super) mod settings;
pub(super) mod tenants;
