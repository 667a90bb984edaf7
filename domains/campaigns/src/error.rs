//! Why something of the room failed. No text holds a value, a name or an address.

use carepost_consent::ConsentError;
use carepost_delivery::DeliveryError;
use carepost_kernel::{BulkSendId, ErrorKind, SealError};
use carepost_store::StoreError;
use carepost_templates::error::TemplateError;

pub use carepost_consent::FieldFault;

/// A failure of the room.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// Fields are wrong; the same input will fail again.
    #[error("check input: {} of its fields are wrong", .0.len())]
    Invalid(Vec<FieldFault>),
    /// No such bulk send of this tenant.
    #[error("find bulk send {0}: there is none")]
    NotFound(BulkSendId),
    /// The present state does not allow it.
    #[error("{tried}: {problem}")]
    Conflict {
        /// What was tried.
        tried: &'static str,
        /// Why it cannot be.
        problem: &'static str,
    },
    /// The idempotency key belongs to an upload with another body.
    #[error("use idempotency key: it belongs to an upload with another body")]
    KeyReused,
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
    /// The templates' room failed.
    #[error("read template of a bulk send")]
    Template(#[from] TemplateError),
    /// The consent room failed.
    #[error("read recipients of a bulk send")]
    Consent(#[from] ConsentError),
    /// The delivery room failed.
    #[error("work on deliveries of a bulk send")]
    Delivery(#[from] DeliveryError),
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

impl CampaignError {
    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::KeyReused => ErrorKind::KeyReused,
            Self::Seal { .. } | Self::Row { .. } => ErrorKind::Internal,
            Self::Template(error) => error.kind(),
            Self::Consent(error) => error.kind(),
            Self::Delivery(error) => error.kind(),
            Self::Store { source, .. } => source.kind(),
        }
    }

    /// One field that is wrong.
    pub(crate) fn field(pointer: impl Into<String>, problem: &'static str) -> Self {
        Self::Invalid(vec![FieldFault::new(pointer, problem)])
    }
}

/// Says what was tried when a store or a seal failed.
pub(crate) trait Tried<T> {
    /// Adds what was tried.
    fn tried(self, tried: &'static str) -> Result<T, CampaignError>;
}

impl<T> Tried<T> for Result<T, StoreError> {
    fn tried(self, tried: &'static str) -> Result<T, CampaignError> {
        self.map_err(|source| CampaignError::Store { tried, source })
    }
}

impl<T> Tried<T> for Result<T, SealError> {
    fn tried(self, tried: &'static str) -> Result<T, CampaignError> {
        self.map_err(|source| CampaignError::Seal { tried, source })
    }
}
