//! The store against a real PostgreSQL. Run through `scripts/with-postgres`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this crate is tests, helpers included")]

mod embedded;
mod healing;
mod isolation;
mod leases;
mod migrations;
mod support;
mod tls;
