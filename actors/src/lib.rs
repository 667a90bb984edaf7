//! The living parts.
pub mod engine;
pub use engine::{Accepted, ActorInfo, Cancellation, EngineApi, EngineError, Limit, RedriveReport, RedriveRequest};
