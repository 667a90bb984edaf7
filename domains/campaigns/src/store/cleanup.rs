//! Retention: sends that have ended, or were never started, go with their rows once they are as old as messages may be.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_store::{EngineConnection, ToSql};

use super::{Result, get};
use crate::error::Tried as _;

const FIND_OLD_BULK_SEND: &str = include_str!("../sql/find_old_bulk_send.sql");
const DELETE_OLD_ROWS: &str = include_str!("../sql/delete_old_rows.sql");
const DELETE_OLD_CLAIMS: &str = include_str!("../sql/delete_old_claims.sql");
const DELETE_OLD_UPLOADS: &str = include_str!("../sql/delete_old_uploads.sql");
const DELETE_OLD_BULK_SEND: &str = include_str!("../sql/delete_old_bulk_send.sql");

/// Rows that one statement deletes.
const STEP: i64 = 2_000;

/// One step: some rows of the send that is past retention, or the send itself once it has none. False where there is
/// nothing left to do.
///
/// # Errors
/// Where the database fails.
pub async fn delete_old(connection: &EngineConnection, keep_from: Timestamp) -> Result<bool> {
    const TRIED: &str = "delete bulk sends past retention";
    let Some(row) = connection.query_opt(FIND_OLD_BULK_SEND, &[&keep_from]).await.tried(TRIED)? else {
        return Ok(false);
    };
    let (tenant_id, bulk_send_id): (Uuid, Uuid) = (get(&row, "tenant_id")?, get(&row, "bulk_send_id")?);
    let of_send: [&(dyn ToSql + Sync); 2] = [&tenant_id, &bulk_send_id];
    let page: [&(dyn ToSql + Sync); 3] = [&tenant_id, &bulk_send_id, &STEP];
    if connection.execute(DELETE_OLD_ROWS, &page).await.tried(TRIED)? == 0
        && connection.execute(DELETE_OLD_CLAIMS, &page).await.tried(TRIED)? == 0
    {
        connection.execute(DELETE_OLD_UPLOADS, &of_send).await.tried(TRIED)?;
        connection.execute(DELETE_OLD_BULK_SEND, &of_send).await.tried(TRIED)?;
    }
    Ok(true)
}
