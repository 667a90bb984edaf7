//! Lists of recipients as callers bring them, and what came of one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::FieldFault;

/// A line of a list: somebody by one of the two ids, or addresses.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RowInput {
    /// Their id here.
    pub recipient_id: Option<String>,
    /// The caller's own id of them.
    pub external_id: Option<String>,
    /// E.164 phone number.
    pub phone: Option<String>,
    /// Email address.
    pub email: Option<String>,
    /// Account for the inbox here.
    pub in_app: Option<String>,
    /// The language of the content: `en`, `es`; else the recipient's own.
    pub language: Option<String>,
    /// Values for the template's variables.
    pub variables: Map<String, Value>,
}

/// A line that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLine {
    /// Its number: of a CSV the line of the file, its heading being 1; of a JSON list the place, the first being 1.
    pub line: u64,
    /// The field, as in `/phone`; empty: the line as a whole.
    pub field: String,
    /// What is wrong with it; never a value.
    pub problem: String,
}

impl BadLine {
    pub(crate) fn new(line: u64, fault: FieldFault) -> Self {
        Self { line, field: fault.pointer, problem: fault.problem.to_owned() }
    }
}

/// Keyed hashes of an upload's idempotency key and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadKey {
    /// Of the key.
    pub key_hash: [u8; 16],
    /// Of the body.
    pub fingerprint: [u8; 16],
}

/// What came of an upload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadReport {
    /// Lines that were stored.
    pub stored: u64,
    /// Lines whose recipient or address was in the list already: it is sent to once.
    pub duplicates: u64,
    /// The numbers of the first of them.
    pub duplicate_lines: Vec<u64>,
    /// Lines that were left out because something is wrong with them.
    pub bad: u64,
    /// What is wrong with the first of them.
    pub bad_lines: Vec<BadLine>,
}

impl UploadReport {
    /// Lines that a report names; the rest is counted.
    pub const NAMED: usize = 1_000;

    pub(crate) fn add_bad(&mut self, line: u64, faults: Vec<FieldFault>) {
        self.bad += 1;
        let room = Self::NAMED.saturating_sub(self.bad_lines.len());
        self.bad_lines.extend(faults.into_iter().take(room).map(|fault| BadLine::new(line, fault)));
    }

    pub(crate) fn add_duplicate(&mut self, line: u64) {
        self.duplicates += 1;
        if self.duplicate_lines.len() < Self::NAMED {
            self.duplicate_lines.push(line);
        }
    }
}
