//! Templates and their versions as rows tell of them.

use carepost_kernel::{Channel, Purpose, TemplateId, Topic};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Category, Language, TemplateContent, named};

named! {
    /// Where a template stands.
    TemplateState = "state of a template" {
        /// Never published.
        Draft = "draft",
        /// Has a version that can be sent.
        Published = "published",
        /// Out of use.
        Archived = "archived",
    }
}

named! {
    /// Where a version stands.
    VersionState = "state of a version" {
        /// Never published.
        Draft = "draft",
        /// The one that is sent.
        Published = "published",
        /// Was published before another one.
        Superseded = "superseded",
    }
}

/// What a template says of itself, beside its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateMeta {
    /// Its name for people, 1 to 100 characters.
    pub name: String,
    /// What it is filed under.
    pub category: Category,
    /// The key of the type of message, as in `appointment_reminder`.
    pub type_key: Option<String>,
    /// Why the law lets it be sent.
    pub purpose: Purpose,
    /// What its reader would call it.
    pub topic: Topic,
    /// Whether everybody of the practice sees it, or its author alone.
    pub is_shared: bool,
    /// What a composer finds it by after `/`: it is a canned response then (TPL-018).
    pub shortcut: Option<String>,
}

/// A template, without the content of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its id. A practice's copy of a library template keeps the library's id.
    pub template_id: TemplateId,
    /// What it says of itself.
    pub meta: TemplateMeta,
    /// The library template that it is, or is a copy of.
    pub library_key: Option<String>,
    /// Who made it; the nil UUID where it is the library's own.
    pub created_by: Uuid,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The newest version, from 1.
    pub latest_version: i32,
    /// The version that is sent.
    pub published_version: Option<i32>,
    /// When it went out of use.
    pub archived_at: Option<Timestamp>,
}

impl Template {
    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> TemplateState {
        match (self.archived_at, self.published_version) {
            (Some(_), _) => TemplateState::Archived,
            (None, Some(_)) => TemplateState::Published,
            (None, None) => TemplateState::Draft,
        }
    }

    /// The version that is shown and rendered where none is named: the published one, else the newest.
    #[must_use]
    pub const fn current_version(&self) -> i32 {
        match self.published_version {
            Some(version) => version,
            None => self.latest_version,
        }
    }
}

/// One version.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateVersion {
    /// Its number, from 1.
    pub version: i32,
    /// What it holds.
    pub content: TemplateContent,
    /// Who wrote it.
    pub created_by: Uuid,
    /// When it was written.
    pub created_at: Timestamp,
    /// The version that it brought back.
    pub restored_from: Option<i32>,
    /// When it was first published.
    pub published_at: Option<Timestamp>,
}

/// A template to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTemplate {
    /// What it says of itself.
    pub meta: TemplateMeta,
    /// The content of its first version.
    pub content: TemplateContent,
}

/// A change of a template. What is left out stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TemplateChange {
    /// Another name.
    pub name: Option<String>,
    /// Another category.
    pub category: Option<Category>,
    /// Another type of message.
    pub type_key: Option<String>,
    /// Another purpose.
    pub purpose: Option<Purpose>,
    /// Another topic.
    pub topic: Option<Topic>,
    /// Who sees it.
    pub is_shared: Option<bool>,
    /// Another shortcut; an empty one takes it away.
    pub shortcut: Option<String>,
    /// Content of a new version.
    pub content: Option<TemplateContent>,
    /// What its author saw of the template.
    pub seen: Seen,
}

/// What somebody saw of a template before they changed it: where somebody else has been faster, nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// The latest version; none: whatever it is.
    pub latest_version: Option<i32>,
    /// The published version, 0 where there was none; none: whatever it is.
    pub published_version: Option<i32>,
}

/// Which templates a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateFilter {
    /// Of this category.
    pub category: Option<Category>,
    /// Of this type of message.
    pub type_key: Option<String>,
    /// In this state; archived ones are left out otherwise.
    pub state: Option<TemplateState>,
    /// Canned responses whose shortcut starts so; an empty text finds all of them.
    pub shortcut: Option<String>,
    /// Whoever asks: sees what is shared and what is their own. `None` sees all of the practice.
    pub viewer: Option<Uuid>,
}

/// How one text of a template differs between two versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiffPart {
    /// JSON pointer to the text in the content.
    pub pointer: String,
    /// Its channel, where it is a variant's.
    pub channel: Option<Channel>,
    /// Its language, where it is a variant's.
    pub language: Option<Language>,
    /// The difference as a unified diff.
    pub diff: String,
}
