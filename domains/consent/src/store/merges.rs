//! Merges of records, with what it takes to undo them.

use jiff::Timestamp;
use serde_json::Value;

use carepost_kernel::{MergeId, RecipientId};
use carepost_store::{TenantTx, ToSql};

use super::rows::{Result, get};
use crate::error::Tried as _;
use crate::types::{Actor, Merge};

pub(super) const MERGE_RECIPIENT: &str = include_str!("../sql/merge_recipient.sql");
pub(super) const INSERT_MERGE: &str = include_str!("../sql/insert_merge.sql");
pub(super) const FIND_MERGE: &str = include_str!("../sql/find_merge.sql");
pub(super) const UNDO_MERGE: &str = include_str!("../sql/undo_merge.sql");

/// Lets one record stand for another, or for itself again.
pub(crate) async fn set_merged_into(
    tx: &TenantTx<'_>,
    recipient_id: RecipientId,
    survivor_id: Option<RecipientId>,
    now: Timestamp,
) -> Result<()> {
    let survivor_id = survivor_id.map(RecipientId::as_uuid);
    let params: [&(dyn ToSql + Sync); 4] = [&tx.tenant_id().as_uuid(), &recipient_id.as_uuid(), &survivor_id, &now];
    tx.execute(MERGE_RECIPIENT, &params).await.tried("merge recipient")?;
    Ok(())
}

/// Writes down what a merge moved.
pub(crate) async fn insert_merge(
    tx: &TenantTx<'_>,
    merge: Merge,
    moved: &Value,
    (actor, now): (&Actor, Timestamp),
) -> Result<()> {
    let params: [&(dyn ToSql + Sync); 8] = [
        &tx.tenant_id().as_uuid(),
        &merge.merge_id.as_uuid(),
        &merge.merged_id.as_uuid(),
        &merge.survivor_id.as_uuid(),
        moved,
        &actor.kind.as_i16(),
        &actor.id,
        &now,
    ];
    tx.execute(INSERT_MERGE, &params).await.tried("write merge down")?;
    Ok(())
}

/// The merge of a record that still holds, with what it moved.
pub(crate) async fn find_merge(tx: &TenantTx<'_>, merged_id: RecipientId) -> Result<Option<(Merge, Value)>> {
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &merged_id.as_uuid()];
    let Some(row) = tx.query_opt(FIND_MERGE, &params).await.tried("find merge")? else { return Ok(None) };
    let merge = Merge {
        merge_id: MergeId::from_uuid(get(&row, "merge_id")?),
        merged_id,
        survivor_id: RecipientId::from_uuid(get(&row, "survivor_id")?),
    };
    Ok(Some((merge, get(&row, "moved")?)))
}

/// A merge does not hold any more.
pub(crate) async fn undo_merge(tx: &TenantTx<'_>, merge_id: MergeId, now: Timestamp) -> Result<()> {
    let params: [&(dyn ToSql + Sync); 3] = [&tx.tenant_id().as_uuid(), &merge_id.as_uuid(), &now];
    tx.execute(UNDO_MERGE, &params).await.tried("undo merge")?;
    Ok(())
}
