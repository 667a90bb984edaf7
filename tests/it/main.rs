//! The one integration binary: scenarios, and tests over the whole tree.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this crate is tests, helpers included")]

mod coverage_metrics;
mod dependencies;

// Tests over the whole tree and the schema.
mod coverage_columns;
mod coverage_inventory;
mod coverage_providers;
mod coverage_sql;
mod coverage_tenants;
mod coverage_traceability;
mod schema;
mod tidy;
mod tree;
