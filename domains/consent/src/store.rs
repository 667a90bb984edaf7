//! Typed functions over this room's SQL: one for each file in `sql/`.
//!
//! What callers ask for takes the tenant's transaction; the gate's own reads take an engine's connection. What changes
//! something is behind [`crate::commands`]: only they keep states, evidence and news together.

mod changes;
pub(crate) mod evidence;
mod facts;
pub(crate) mod merges;
pub(crate) mod people;
pub(crate) mod points;
pub(crate) mod policies;
pub(crate) mod preferences;
pub(crate) mod rows;
pub(crate) mod suppressions;

use carepost_kernel::Cursor;
use uuid::Uuid;

pub use changes::{
    delete_old_consent_changes, delete_old_contact_sends, find_last_send, insert_consent_changes, insert_contact_sends,
    list_consent_changes,
};
pub use evidence::list_consent_states;
pub use facts::{MOST_ADDRESSES, MOST_SENDS, SENDS_KEPT, load_facts};
pub use policies::{
    find_policy, find_policy_in_force, list_due_policies, list_policies, policy_in_force, rules_in_force,
};
pub use preferences::{list_first_channels, list_terms};
pub use suppressions::SuppressionFilter;

/// A page holds no more rows.
const MAX_PAGE: usize = 500;

/// Where a page starts, its size, and how many rows to ask for: one more tells that there is a next page.
fn page_bounds(cursor: Option<Cursor>, limit: usize) -> (Option<Uuid>, usize, i64) {
    let limit = limit.clamp(1, MAX_PAGE);
    (cursor.map(Cursor::last), limit, i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1))
}
