//! The room's SQL against a real PostgreSQL. Run through `scripts/with-postgres`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this crate is tests, helpers included")]

mod claims;
mod engine;
mod support;
mod upload;
