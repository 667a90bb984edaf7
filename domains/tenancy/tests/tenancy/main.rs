//! The room against a real PostgreSQL. Run through `scripts/with-postgres`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this crate is tests, helpers included")]

mod accounts;
mod audit;
mod endpoints;
mod isolation;
mod keys;
mod secrets;
mod statements;
mod support;
mod tenants;
