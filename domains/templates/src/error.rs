//! Why something of the room failed. No text holds a value, a name or an address.

use std::borrow::Cow;

use carepost_kernel::{Channel, ErrorKind, TemplateId};
use carepost_store::StoreError;

use crate::types::Language;

/// What is wrong at one place of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variant's channel and language, where it is a variant's.
    pub variant: Option<(Channel, Language)>,
    /// JSON pointer (RFC 6901) into the content.
    pub pointer: String,
    /// The line, from 1, where it is in a text.
    pub line: Option<usize>,
    /// The character in the line, from 1.
    pub column: Option<usize>,
    /// What is wrong. May name a variable or helper of the template, never a value.
    pub problem: Cow<'static, str>,
}

impl Fault {
    /// A fault of a field.
    pub(crate) fn of(pointer: impl Into<String>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self { variant: None, pointer: pointer.into(), line: None, column: None, problem: problem.into() }
    }
}

/// Why a template does not render with these variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// There is no variant for this channel, in any language that would do.
    #[error("render template: it has no variant for the channel {}", .0.as_str())]
    NoVariant(Channel),
    /// A variable that is needed was not given.
    #[error("render template: the variable {0} is missing")]
    Missing(String),
    /// A variable is of another kind than declared.
    #[error("render template: the variable {name}: {problem}")]
    Variable {
        /// Its declared name.
        name: String,
        /// What is wrong with its value.
        problem: &'static str,
    },
    /// A bound of rendering was reached.
    #[error("render template: {0}")]
    Bound(&'static str),
    /// The recipient's time zone is not known here.
    #[error("render template: the time zone is not known")]
    Zone,
    /// The renderer refused: a fault of ours, for checked templates do not do it.
    #[error("render template: the renderer refused at line {line}, column {column}")]
    Refused {
        /// The line in the compiled text.
        line: usize,
        /// The column in it.
        column: usize,
    },
}

impl RenderError {
    /// What a caller can do about it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { .. } => ErrorKind::Internal,
            _ => ErrorKind::Invalid,
        }
    }
}

/// A failure of the room.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Some fields are wrong; the same input will fail again.
    #[error("check template: it has {} faults", .0.len())]
    Invalid(Vec<Fault>),
    /// It does not render.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// No such template of this tenant.
    #[error("find template {0}: there is none")]
    NotFound(TemplateId),
    /// No such version of the template.
    #[error("find version {version} of template {template_id}: there is none")]
    VersionNotFound {
        /// Of which template.
        template_id: TemplateId,
        /// Which version.
        version: i32,
    },
    /// Somebody else has changed it since it was looked at.
    #[error("{tried}: {what} is {present} by now")]
    Outdated {
        /// What was tried.
        tried: &'static str,
        /// What has changed: the latest version, or the published one.
        what: &'static str,
        /// Which it is now; 0: none.
        present: i32,
    },
    /// The present state does not allow it.
    #[error("{tried}: {problem}")]
    Conflict {
        /// What was tried.
        tried: &'static str,
        /// Why it cannot be.
        problem: &'static str,
    },
    /// A stored row is not in the form that this program writes.
    #[error("read {table}: column {column} is malformed")]
    Row {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The database refused or was away.
    #[error("{tried}")]
    Store {
        /// What was tried.
        tried: &'static str,
        /// Why it failed.
        #[source]
        source: StoreError,
    },
}

impl TemplateError {
    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::Render(error) => error.kind(),
            Self::NotFound(_) | Self::VersionNotFound { .. } => ErrorKind::NotFound,
            Self::Conflict { .. } | Self::Outdated { .. } => ErrorKind::Conflict,
            Self::Row { .. } => ErrorKind::Internal,
            Self::Store { source, .. } => source.kind(),
        }
    }
}

/// Says what was tried when a store failed.
pub(crate) trait Tried<T> {
    /// Adds what was tried.
    fn tried(self, tried: &'static str) -> Result<T, TemplateError>;
}

impl<T> Tried<T> for Result<T, StoreError> {
    fn tried(self, tried: &'static str) -> Result<T, TemplateError> {
        self.map_err(|source| TemplateError::Store { tried, source })
    }
}
