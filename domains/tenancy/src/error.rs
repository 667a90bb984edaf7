//! Why something of the room failed. No text holds a value, a secret or an address.

use carepost_audit::AuditError;
use carepost_kernel::{ApiKeyId, ErrorKind, PlacementId, ProviderAccountId, SealError, TenantId, WebhookEndpointId};
use carepost_store::StoreError;

/// A failure of the room.
#[derive(Debug, thiserror::Error)]
pub enum TenancyError {
    /// A field is wrong; the same input will fail again.
    #[error("check input: {pointer}: {problem}")]
    Invalid {
        /// JSON pointer to the field.
        pointer: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The presented key opens nothing: malformed, unknown, revoked or expired.
    #[error("authenticate: the key is not valid")]
    Unauthenticated,
    /// No such tenant.
    #[error("find tenant {0}: there is none")]
    TenantNotFound(TenantId),
    /// No such account of this tenant.
    #[error("find provider account {0}: there is none")]
    AccountNotFound(ProviderAccountId),
    /// No such key of this tenant.
    #[error("find API key {0}: there is none")]
    ApiKeyNotFound(ApiKeyId),
    /// No such endpoint of this tenant.
    #[error("find webhook endpoint {0}: there is none")]
    EndpointNotFound(WebhookEndpointId),
    /// No such placement.
    #[error("find placement {0}: there is none")]
    PlacementNotFound(PlacementId),
    /// No account has this webhook token.
    #[error("find provider account by webhook token: there is none")]
    UnknownWebhookToken,
    /// The present state does not allow it.
    #[error("{tried}: {problem}")]
    Conflict {
        /// What was tried.
        tried: &'static str,
        /// Why it cannot be.
        problem: &'static str,
    },
    /// The master keys as configured cannot be used.
    #[error("read master keys: line {line}: {problem}")]
    MasterKeys {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A key was wrapped under a master key that is not configured any more.
    #[error("unwrap data key of {tenant_id}: master key {master_key_id} is not configured")]
    MasterKeyMissing {
        /// Whose key it is.
        tenant_id: TenantId,
        /// The missing master key.
        master_key_id: String,
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
    /// The trail could not be written, so the change was not made.
    #[error("write audit trail")]
    Audit(#[from] AuditError),
}

impl TenancyError {
    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::Unauthenticated => ErrorKind::Unauthenticated,
            Self::TenantNotFound(_)
            | Self::AccountNotFound(_)
            | Self::ApiKeyNotFound(_)
            | Self::EndpointNotFound(_)
            | Self::PlacementNotFound(_)
            | Self::UnknownWebhookToken => ErrorKind::NotFound,
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::MasterKeys { .. } | Self::MasterKeyMissing { .. } | Self::Seal { .. } | Self::Row { .. } => {
                ErrorKind::Internal
            }
            Self::Store { source, .. } => source.kind(),
            Self::Audit(error) => error.kind(),
        }
    }
}

/// A field that is wrong: what the vendors' own checks of an account answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// JSON pointer to the field.
    pub pointer: String,
    /// What is wrong with it; never the value.
    pub problem: &'static str,
}

impl FieldProblem {
    /// A problem of one field.
    pub fn new(pointer: impl Into<String>, problem: &'static str) -> Self {
        Self { pointer: pointer.into(), problem }
    }
}

impl From<FieldProblem> for TenancyError {
    fn from(FieldProblem { pointer, problem }: FieldProblem) -> Self {
        Self::Invalid { pointer, problem }
    }
}

/// Says what was tried when a store or a seal failed.
pub(crate) trait Tried<T> {
    /// Adds what was tried.
    fn tried(self, tried: &'static str) -> Result<T, TenancyError>;
}

impl<T> Tried<T> for Result<T, StoreError> {
    fn tried(self, tried: &'static str) -> Result<T, TenancyError> {
        self.map_err(|source| TenancyError::Store { tried, source })
    }
}

impl<T> Tried<T> for Result<T, SealError> {
    fn tried(self, tried: &'static str) -> Result<T, TenancyError> {
        self.map_err(|source| TenancyError::Seal { tried, source })
    }
}
