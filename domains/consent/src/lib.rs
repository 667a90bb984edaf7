//! Room: recipients, contact points, consent, preferences, suppressions, quiet hours and caps.

pub mod address;
pub mod commands;
pub mod error;
pub mod events;
pub mod evidence;
pub mod explain;
pub mod footer;
pub mod mask;
pub mod message_types;
pub mod metrics;
pub mod permanence;
pub mod policy;
pub mod rules;
pub mod store;
pub mod tokens;
pub mod types;

pub use commands::Desk;
pub use error::{ConsentError, FieldFault};
