//! Room: one template to many recipients.

pub mod error;
pub mod events;
pub mod metrics;
pub mod rules;
pub mod store;
pub mod types;
