//! Metrics of the room. Labels are enums, never ids.

/// Presented keys, by `result`: `cached`, `loaded`, `refused`, `unavailable` (count).
pub const TENANCY_AUTHENTICATIONS_TOTAL: &str = "tenancy_authentications_total";
/// Reads of the database that a cache could not answer, by `what`: `tenant`, `accounts`, `key`, `token`, `link_tag` (count).
pub const TENANCY_LOADS_TOTAL: &str = "tenancy_loads_total";
/// Changes of configuration that other processes made and this one noticed (count).
pub const TENANCY_FOREIGN_CHANGES_TOTAL: &str = "tenancy_foreign_changes_total";
/// Tenants in the cache (count).
pub const TENANCY_CACHED_TENANTS: &str = "tenancy_cached_tenants";
/// Live API keys in the cache (count).
pub const TENANCY_CACHED_KEYS: &str = "tenancy_cached_keys";
