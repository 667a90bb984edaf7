//! Room: health information in text that is bound for channels which cannot be read securely (decision C35).
//!
//! Purpose: finds identifiers of a person, and conditions, drugs and procedures by name, in what a reader would see of a
//! text or an HTML body; says what follows from it under the tenant's policy; and has the words that stand in for a text
//! that must not leave (CON-016).
//!
//! Invariants:
//! - **GRD-1** A finding is a kind and a range of bytes on character boundaries; never the text itself (DEL-9).
//! - **GRD-2** Time is linear in the text, and the text is bounded; what is too long to judge does not pass.
//! - **GRD-3** What is the practice's own (name, phone, email, address) is no finding.
//! - **GRD-4** Nothing here has state besides the compiled dictionary: the same text gets the same findings.
//! - **GRD-6** The replacement text itself has no health information and fits one GSM-7 text message.
//! - **GRD-7** Only whoever was told that a channel is not secure and wants it still gets the text itself (decision C35).
//!
//! Deliberately absent: GRD-5, no health information to a vendor without an agreement (decision C57), which comes with the
//! register of agreements; statistics about language, what pictures and attachments say inside, rows of any database, the decision whether a
//! recipient has consented to plain email (the consent room's).

mod detect;
pub mod dictionary;
pub mod error;
pub mod events;
mod fold;
mod guard;
mod html;
pub mod metrics;
mod name;
pub mod rules;
pub mod store;
mod terms;
pub mod types;
mod words;

pub use dictionary::Dictionary;
pub use error::GuardError;
pub use guard::{Guard, MAX_TEXT_BYTES};
pub use rules::{Replacement, action_for, judge, replacement};
pub use types::{Allowed, Finding, FindingKind, Findings, GuardVerdict, PracticeIdentity};
