//! What is said, channel by channel. Every text in here is health information: it travels inside [`crate::Phi`].

use serde::{Deserialize, Serialize};

use crate::Channel;

/// A text message.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsContent {
    /// The text; may be empty where there is media.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Public `https` addresses of pictures or other media (MMS), at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_urls: Vec<String>,
}

/// An email.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailContent {
    /// The subject line.
    pub subject: String,
    /// The plain text part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The HTML part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// Where answers go, if not to the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Files that go along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// RFC 8058 one-click address for `List-Unsubscribe`; filled in by the gate's consent rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsubscribe_url: Option<String>,
}

/// A file in an email.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The name that the reader sees.
    pub filename: String,
    /// Its media type, for example `application/pdf`.
    pub content_type: String,
    /// The bytes, in standard base64.
    pub content_base64: String,
}

/// A message in the recipient's own inbox here.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InAppContent {
    /// A heading.
    pub title: String,
    /// The text.
    pub body: String,
}

/// The content for one channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum Content {
    /// For [`Channel::Sms`].
    Sms(SmsContent),
    /// For [`Channel::Email`].
    Email(EmailContent),
    /// For [`Channel::InApp`].
    InApp(InAppContent),
}

impl Content {
    /// The channel that it is written for.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Sms(_) => Channel::Sms,
            Self::Email(_) => Channel::Email,
            Self::InApp(_) => Channel::InApp,
        }
    }
}

/// Prints the kind only (DEL-9): a content can never be formatted into a log.
macro_rules! opaque_debug {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )+};
}
opaque_debug!(SmsContent, EmailContent, Attachment, InAppContent, Content);
