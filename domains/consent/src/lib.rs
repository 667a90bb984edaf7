//! Room: recipients, contact points, consent, preferences, suppressions, quiet hours and caps.

pub mod address;
pub mod commands;
pub mod error;
pub mod events;
pub mod evidence;
pub mod explain;
pub mod message_types;
pub mod metrics;
pub mod policy;
pub mod rules;
pub mod store;
pub mod types;

pub use commands::Desk;
pub use error::{ConsentError, FieldFault};
