//! Room: health information in text that is bound for channels which cannot be read securely.

pub mod error;
pub mod events;
pub mod metrics;
pub mod rules;
pub mod store;
pub mod types;
