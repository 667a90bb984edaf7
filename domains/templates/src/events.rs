//! What was done with templates: the history that a practice sees.

use carepost_kernel::EventId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::types::named;

named! {
    /// What was done.
    TemplateAction = "action on a template" {
        /// It was made, with its first version.
        Created = "created",
        /// A library template became a practice's own.
        Copied = "copied",
        /// A version was added, or what it says of itself changed.
        Saved = "saved",
        /// A former version was brought back as a new one.
        Restored = "restored",
        /// A version is sent from now on.
        Published = "published",
        /// It went out of use.
        Archived = "archived",
    }
}

/// One entry of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateEvent {
    /// Its id, which grows with time.
    pub event_id: EventId,
    /// What was done.
    pub action: TemplateAction,
    /// With which version.
    pub version: i32,
    /// By whom: the API key, or the nil UUID for the program itself.
    pub actor_id: Uuid,
    /// When.
    pub at: Timestamp,
}
