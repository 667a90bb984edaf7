//! The room's SQL against a real PostgreSQL. Run through `scripts/with-postgres`.

#![expect(clippy::unwrap_used, reason = "all of this crate is tests, helpers included")]

mod days;
mod links;
mod replay;
mod search;
mod support;
mod upkeep;
