//! Room: one content to many recipients, from the upload to the last verdict.
//!
//! Invariants kept here: **CAM-1** nothing leaves before somebody has seen the count and started it (`rules/life.rs`);
//! **CAM-2** a row is one message at most, whatever is killed in between (`rules/compose.rs`: its idempotency key);
//! **CAM-3** each row's verdict comes from the gate itself and is stored (`rules/judge.rs`); **CAM-4** a bad line takes no
//! good one with it (`rules/lines.rs`).
//!
//! Deliberately absent: the feeding of rows to the engine and its timers (they live in `actors`), segments of patients
//! (they come with the campaigns of a later issue).

pub mod commands;
pub mod error;
pub mod events;
pub mod metrics;
pub mod rules;
pub mod store;
pub mod types;

pub use error::CampaignError;
