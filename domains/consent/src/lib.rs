//! Room: recipients, contact points, consent, preferences, suppressions, quiet hours and caps.

pub mod error;
pub mod events;
pub mod footer;
pub mod metrics;
pub mod permanence;
pub mod rules;
pub mod store;
pub mod tokens;
pub mod types;
