//! Typed functions over this room's SQL: one for each file in `sql/`.
//!
//! What callers ask for takes the tenant's transaction; the gate's own reads take an engine's connection.

mod changes;
mod facts;
pub(crate) mod rows;

pub use changes::{
    delete_old_consent_changes, delete_old_contact_sends, insert_consent_changes, insert_contact_sends,
    list_consent_changes,
};
pub use facts::{MOST_ADDRESSES, SENDS_KEPT, load_facts};
