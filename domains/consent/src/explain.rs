//! The reason for every message that did not go: rules and codes by number, and what each rule said, in a few bytes.
//!
//! Numbers are in rows for ever: they are only ever added to.

mod codes;
mod decision;

pub use codes::{Effect, GateCode, Rule};
pub use decision::{Decision, DecodeError};

#[cfg(test)]
mod tests;
