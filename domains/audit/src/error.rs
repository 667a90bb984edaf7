//! Why the trail could not be written or read.

use carepost_kernel::ErrorKind;
use carepost_store::StoreError;

/// A failure of the trail. The change that it belongs to must then not commit (AUD-1).
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The entry is not in the form of the trail: a fault of ours.
    #[error("record audit event: malformed entry for {action}")]
    Malformed {
        /// The action that the entry names.
        action: &'static str,
    },
    /// The database refused or was away.
    #[error("use audit trail")]
    Store(#[from] StoreError),
    /// A stored row is not in the form that this program writes.
    #[error("read audit trail: column {column} has an unexpected type")]
    Row {
        /// The column.
        column: &'static str,
    },
}

impl AuditError {
    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed { .. } | Self::Row { .. } => ErrorKind::Internal,
            Self::Store(error) => error.kind(),
        }
    }
}
