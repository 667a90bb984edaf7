//! Whom and which addresses a send has reached already (CAM-5). Read and written behind the fence of the tenant's lease: one
//! process at a time works on a send.

use jiff::Timestamp;

use carepost_kernel::{BulkSendId, TenantId};
use carepost_store::{EngineTx, ToSql};

use super::{Result, get};
use crate::CampaignError;
use crate::error::Tried as _;
use crate::rules::once::{ClaimHash, Held, Holder};

const LIST_BULK_CLAIMS: &str = include_str!("../sql/list_bulk_claims.sql");
const INSERT_BULK_CLAIMS: &str = include_str!("../sql/insert_bulk_claims.sql");

/// Who holds these at this instant; what nobody holds is left out. A row that has ended without a message, or is to be asked
/// about later, holds nothing any more.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_claims(
    tx: &EngineTx<'_>,
    (tenant_id, bulk_send_id): (TenantId, BulkSendId),
    hashes: &[ClaimHash],
    now: Timestamp,
) -> Result<Held> {
    let wanted: Vec<&[u8]> = hashes.iter().map(<[u8; 16]>::as_slice).collect();
    let params: [&(dyn ToSql + Sync); 4] = [&tenant_id.as_uuid(), &bulk_send_id.as_uuid(), &wanted, &now];
    let found = tx.query(LIST_BULK_CLAIMS, &params).await.tried("find what a bulk send has reached")?;
    let mut held = Held::new();
    for row in &found {
        let hash: &[u8] = get(row, "claim_hash")?;
        let hash = hash.try_into().map_err(|_| CampaignError::Row { column: "claim_hash" })?;
        let holder = Holder {
            row_no: get(row, "row_no")?,
            names_person: get(row, "names_person")?,
            is_sent: get(row, "is_sent")?,
        };
        held.entry(hash).or_default().push(holder);
    }
    Ok(held)
}

/// Notes who holds these from now on.
///
/// # Errors
/// Where the database fails.
pub async fn insert_claims(
    tx: &EngineTx<'_>,
    (tenant_id, bulk_send_id): (TenantId, BulkSendId),
    claims: &[(ClaimHash, Holder)],
) -> Result<()> {
    if claims.is_empty() {
        return Ok(());
    }
    let hashes: Vec<&[u8]> = claims.iter().map(|(hash, _)| hash.as_slice()).collect();
    let rows: Vec<i32> = claims.iter().map(|(_, holder)| holder.row_no).collect();
    let people: Vec<bool> = claims.iter().map(|(_, holder)| holder.names_person).collect();
    let params: [&(dyn ToSql + Sync); 5] = [&tenant_id.as_uuid(), &bulk_send_id.as_uuid(), &hashes, &rows, &people];
    tx.execute(INSERT_BULK_CLAIMS, &params).await.tried("note what a bulk send has reached")?;
    Ok(())
}
