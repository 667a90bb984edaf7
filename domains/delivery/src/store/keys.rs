//! Idempotency keys as callers' own look-ups see them (DEL-2). `ingest.rs` claims them.

use std::collections::HashMap;

use jiff::Timestamp;

use carepost_kernel::MessageId;
use carepost_store::TenantTx;

use super::rows::{self, Result};

pub(super) const LIST_KEY_HOLDERS: &str = include_str!("../sql/list_key_holders.sql");

/// The message that a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHolder {
    /// Which one.
    pub message_id: MessageId,
    /// Keyed hash of the body that it came with.
    pub fingerprint: [u8; 16],
}

/// Whom these keys of the transaction's tenant belong to, by key hash. A key that is unknown or has run out is left out.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_key_holders(
    tx: &TenantTx<'_>,
    key_hashes: &[[u8; 16]],
    now: Timestamp,
) -> Result<HashMap<[u8; 16], KeyHolder>> {
    let hashes: Vec<&[u8]> = key_hashes.iter().map(<[u8; 16]>::as_slice).collect();
    let rows = tx.query(LIST_KEY_HOLDERS, &[&tx.tenant_id().as_uuid(), &hashes, &now]).await?;
    let holder = |row| {
        let held = KeyHolder { message_id: rows::message_id(row)?, fingerprint: rows::hash(row, "fingerprint")? };
        Ok((rows::hash(row, "key_hash")?, held))
    };
    rows.iter().map(holder).collect()
}
