//! The room's SQL against a real PostgreSQL. Run through `scripts/with-postgres`.

#![expect(clippy::unwrap_used, reason = "all of this crate is tests, helpers included")]

mod editors;
mod isolation;
mod support;
mod versions;
