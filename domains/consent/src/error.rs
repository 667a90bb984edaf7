//! Why something of the room failed. No text holds a value, a name or an address.

use carepost_kernel::{ErrorKind, RecipientId, SealError, SuppressionId};
use carepost_store::StoreError;

/// A failure of the room.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// Fields are wrong; the same input will fail again.
    #[error("check input: {} of its fields are wrong", .0.len())]
    Invalid(Vec<FieldFault>),
    /// No such person of this tenant.
    #[error("find recipient {0}: there is none")]
    RecipientNotFound(RecipientId),
    /// No such suppression of this tenant.
    #[error("find suppression {0}: there is none")]
    SuppressionNotFound(SuppressionId),
    /// No such version of this tenant's policy.
    #[error("find version {0} of the policy: there is none")]
    PolicyNotFound(u32),
    /// The present state does not allow it.
    #[error("{tried}: {problem}")]
    Conflict {
        /// What was tried.
        tried: &'static str,
        /// Why it cannot be.
        problem: &'static str,
    },
    /// Something sealed does not open, or cannot be sealed.
    #[error("{tried}")]
    Seal {
        /// What was tried.
        tried: &'static str,
        /// Why it failed.
        #[source]
        source: SealError,
    },
    /// A stored row is not in the form that this program writes.
    #[error("read rows: column {column} is malformed")]
    Row {
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

impl ConsentError {
    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::RecipientNotFound(_) | Self::SuppressionNotFound(_) | Self::PolicyNotFound(_) => ErrorKind::NotFound,
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::Seal { .. } | Self::Row { .. } => ErrorKind::Internal,
            Self::Store { source, .. } => source.kind(),
        }
    }

    /// One field that is wrong.
    pub(crate) fn field(pointer: impl Into<String>, problem: &'static str) -> Self {
        Self::Invalid(vec![FieldFault::new(pointer, problem)])
    }
}

/// A field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// JSON pointer (RFC 6901) to the field, or the name of a column.
    pub pointer: String,
    /// What is wrong with it; never its value.
    pub problem: &'static str,
}

impl FieldFault {
    /// A fault of one field.
    pub fn new(pointer: impl Into<String>, problem: &'static str) -> Self {
        Self { pointer: pointer.into(), problem }
    }
}

/// Says what was tried when a store or a seal failed.
pub(crate) trait Tried<T> {
    /// Adds what was tried.
    fn tried(self, tried: &'static str) -> Result<T, ConsentError>;
}

impl<T> Tried<T> for Result<T, StoreError> {
    fn tried(self, tried: &'static str) -> Result<T, ConsentError> {
        self.map_err(|source| ConsentError::Store { tried, source })
    }
}

impl<T> Tried<T> for Result<T, SealError> {
    fn tried(self, tried: &'static str) -> Result<T, ConsentError> {
        self.map_err(|source| ConsentError::Seal { tried, source })
    }
}
