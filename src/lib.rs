//! The parts of the binary, as a library: so that tests reach them. It wires and serves; it decides nothing.

pub mod cli;
pub mod compose;
pub mod config;
pub mod http;
pub mod telemetry;
