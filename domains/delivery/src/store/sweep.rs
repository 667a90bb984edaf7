//! Housekeeping, a bounded number of rows at a time.

use jiff::Timestamp;

use carepost_kernel::{Channel, MessageId, ProviderAccountId, TenantId};
use carepost_store::EngineConnection;

use super::rows::{self, Result, get};

pub(super) const DELETE_EXPIRED_KEYS: &str = include_str!("../sql/delete_expired_keys.sql");
pub(super) const DELETE_OLD_REFS: &str = include_str!("../sql/delete_old_refs.sql");
pub(super) const LIST_PARKED_MATCHES: &str = include_str!("../sql/list_parked_matches.sql");

/// A parked receipt whose attempt is known by now.
#[derive(Debug, Clone)]
pub struct ParkedMatch {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Which account told.
    pub account_id: ProviderAccountId,
    /// The provider's id.
    pub provider_ref: String,
    /// The message,
    pub message_id: MessageId,
    /// its channel,
    pub channel: Channel,
    /// and the attempt.
    pub attempt_no: i16,
}

/// Forgets idempotency keys that ran out by `now`; returns how many.
///
/// # Errors
/// Where the database fails.
pub async fn delete_expired_keys(connection: &EngineConnection, now: Timestamp, limit: i64) -> Result<u64> {
    Ok(connection.execute(DELETE_EXPIRED_KEYS, &[&now, &limit]).await?)
}

/// Forgets providers' ids of messages from before an instant; returns how many.
///
/// # Errors
/// Where the database fails.
pub async fn delete_old_refs(connection: &EngineConnection, before: Timestamp, limit: i64) -> Result<u64> {
    Ok(connection.execute(DELETE_OLD_REFS, &[&before, &limit]).await?)
}

/// Parked receipts whose attempt is known by now.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_parked_matches(connection: &EngineConnection, limit: i64) -> Result<Vec<ParkedMatch>> {
    let rows = connection.query(LIST_PARKED_MATCHES, &[&limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(ParkedMatch {
                tenant_id: rows::tenant_id(row)?,
                account_id: ProviderAccountId::from_uuid(get(row, "provider_account_id")?),
                provider_ref: get(row, "provider_ref")?,
                message_id: rows::message_id(row)?,
                channel: rows::channel(row)?,
                attempt_no: get(row, "attempt_no")?,
            })
        })
        .collect()
}
