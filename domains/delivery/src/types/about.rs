//! What a message is about: what the gate's rules ask beside channel and purpose.

use serde::{Deserialize, Serialize};

use carepost_kernel::{BulkSendId, RecipientId, TemplateId, Topic};

/// Whom and what a message is about. Sealed with the content: that somebody gets bills of an orthodontist is health
/// information too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// The recipient that the tenant keeps here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient_id: Option<RecipientId>,
    /// The key of its type, for example `appointment_reminder`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_type: Option<String>,
    /// What it is about, where its type does not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    /// The language of its content: `en`, `es`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The template that it was made from, and which of its versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<(TemplateId, i32)>,
    /// The bulk send that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk_send_id: Option<BulkSendId>,
    /// Answers to somebody who has just opted out or asked for help: the one text that an opt-out lets pass.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub confirms_opt_out: bool,
}

impl About {
    /// Nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
