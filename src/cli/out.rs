//! What a command prints. A reader that goes away early is no fault of ours.

use std::io::Write as _;

use serde_json::Value;

/// A line on standard output.
pub fn line(text: &str) {
    let _written = writeln!(std::io::stdout().lock(), "{text}");
}

/// A line on standard error.
pub fn complain(text: &str) {
    let _written = writeln!(std::io::stderr().lock(), "{text}");
}

/// A result, for people and programs.
pub fn json(value: &Value) {
    line(&format!("{value:#}"));
}
