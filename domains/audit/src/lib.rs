//! Room: the append-only trail of who changed what.
//!
//! Purpose: one row for each change of configuration by hand, written in the transaction of the change itself.
//!
//! Invariants:
//! - **AUD-1** A change and its trail commit together or not at all: [`record`] takes the change's transaction.
//! - **AUD-2** Rows are never changed: no role may update or delete them.
//! - **AUD-3** No secret and no health information is written down: details are names and values of configuration.
//!
//! Deliberately absent: reads of health information (an access log), a hash chain and exports.

pub mod error;
pub mod events;
pub mod metrics;
mod rules;
mod store;
mod types;

pub use error::AuditError;
pub use store::{list, record};
pub use types::{Actor, AuditEvent, AuditEventRow, DEPLOYMENT};
