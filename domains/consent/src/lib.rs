//! Room: recipients, contact points, consent, preferences, suppressions, quiet hours and caps.

pub mod error;
pub mod events;
pub mod explain;
pub mod keywords;
pub mod message_types;
pub mod metrics;
pub mod policy;
pub mod rules;
pub mod store;
pub mod types;
