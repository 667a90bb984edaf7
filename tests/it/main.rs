//! The one integration binary: scenarios, and tests over the whole tree.

#![expect(clippy::unwrap_used, reason = "all of this crate is tests, helpers included")]

mod coverage_metrics;
mod dependencies;
