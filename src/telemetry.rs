//! Logs, panics and metrics of the process.
//!
//! DEL-9: no crate below us may log requests or statements, and a panic's payload, which may hold anything, is never
//! written: only where it happened.

mod exposition;
mod logs;
mod panics;
mod process;

pub use exposition::{Metrics, describe_all, names};
pub use logs::{LogSetupError, start_logs, start_logs_in};
pub use panics::install_panic_hook;
