//! Room: recipients, contact points, consent, preferences, suppressions, quiet hours and caps.
//!
//! Purpose: knows who is reached where, what they have consented to and what they wish, and tells the gate all of it in
//! one round trip. The rules of the gate are here as well, pure and apart from the rows.
//!
//! Invariants:
//! - **CON-1** Present consent follows from the evidence alone, whatever the order in which it was stored ([`evidence`]).
//! - **CON-2** A change, its evidence and its news commit together ([`commands`]).
//! - **CON-3** Evidence, histories and accepted terms are append-only.
//! - **CON-4** An opt-out is of the address, for everybody who reads there, and is news once.
//! - **CON-5** Good lines of a list stand; bad ones come back with line, field and reason, never with a value.
//! - **CON-6** Undoing a merge restores what it moved, no more and no less.
//!
//! Deliberately absent: vendors, the sending itself, search by name, the removal of people.

pub mod address;
pub mod commands;
pub mod error;
pub mod events;
pub mod evidence;
pub mod footer;
pub mod keywords;
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
