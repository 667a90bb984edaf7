//! Room: templates, their versions and variants, rendering, and the library.
pub mod error;
pub mod events;
pub mod library;
pub mod metrics;
pub mod rules;
pub mod store;
pub mod types;
