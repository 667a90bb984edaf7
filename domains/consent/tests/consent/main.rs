//! The room's SQL against a real PostgreSQL. Run through `scripts/with-postgres`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this crate is tests, helpers included")]

mod consent;
mod facts;
mod guardians;
mod imports;
mod links;
mod merges;
mod people;
mod policies;
mod replay;
mod support;
mod wishes;
