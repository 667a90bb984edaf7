//! What can go wrong in this room.

use carepost_consent::ConsentError;
use carepost_kernel::{ErrorKind, MessageId, SealError};
use carepost_store::StoreError;

/// A failure of the delivery room. Safe to print: no variant holds a value of a row.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The database refused or is away.
    #[error("use the message store")]
    Store(#[from] StoreError),
    /// The answer to a commit was lost: what was written may be durable, or not.
    #[error("see the end of a commit")]
    Unseen(#[source] StoreError),
    /// A stored value does not open under the tenant's key.
    #[error("open payload of message {message_id}")]
    Seal {
        /// Which message.
        message_id: MessageId,
        /// Why.
        #[source]
        source: SealError,
    },
    /// What the gate has to know could not be read.
    #[error("use the consent room")]
    Consent(#[source] ConsentError),
    /// A row holds something that this version does not know.
    #[error("read column {column} of a row: unknown value")]
    Row {
        /// Which column.
        column: &'static str,
    },
}

impl DeliveryError {
    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) | Self::Unseen(error) => error.kind(),
            Self::Consent(error) => error.kind(),
            Self::Seal { .. } | Self::Row { .. } => ErrorKind::Internal,
        }
    }

    /// The rows themselves are refused, not the moment: the same rows are refused again, and others beside them are not.
    /// SQLSTATE classes 22 (data), 23 (integrity) and 54 (limits); values that the driver cannot write or read.
    #[must_use]
    pub fn is_about_rows(&self) -> bool {
        match self {
            Self::Store(error @ StoreError::Refused { .. }) => {
                error.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
            }
            Self::Store(StoreError::Unique { .. } | StoreError::Client { .. } | StoreError::Decode { .. }) => true,
            Self::Store(_) | Self::Unseen(_) | Self::Consent(_) => false,
            Self::Seal { .. } | Self::Row { .. } => true,
        }
    }
}

impl From<ConsentError> for DeliveryError {
    fn from(error: ConsentError) -> Self {
        match error {
            // One way to say that the database is away, so that one rule says what follows.
            ConsentError::Store { source, .. } => Self::Store(source),
            error => Self::Consent(error),
        }
    }
}
