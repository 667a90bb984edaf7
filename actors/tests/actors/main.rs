//! The actors against a real PostgreSQL. Run through `scripts/with-postgres`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this crate is tests, helpers included")]

mod activation;
mod keepers;
mod ledger;
mod notifier;
mod proxy;
mod receiver;
mod support;
mod vendor;
