//! Uploads that were posted with an idempotency key.

use jiff::Timestamp;

use carepost_kernel::BulkSendId;
use carepost_store::{Json, TenantTx, ToSql};

use super::{Result, get};
use crate::CampaignError;
use crate::error::Tried as _;
use crate::types::{UploadKey, UploadReport};

const FIND_BULK_UPLOAD: &str = include_str!("../sql/find_bulk_upload.sql");
const INSERT_BULK_UPLOAD: &str = include_str!("../sql/insert_bulk_upload.sql");

/// What came of an upload with this key: the fingerprint of its body, and the report.
pub(crate) async fn find_upload(
    tx: &TenantTx<'_>,
    bulk_send_id: BulkSendId,
    key: &UploadKey,
) -> Result<Option<([u8; 16], UploadReport)>> {
    let key_hash = key.key_hash.as_slice();
    let params: [&(dyn ToSql + Sync); 3] = [&tx.tenant_id().as_uuid(), &bulk_send_id.as_uuid(), &key_hash];
    let Some(row) = tx.query_opt(FIND_BULK_UPLOAD, &params).await.tried("find upload")? else { return Ok(None) };
    let fingerprint = get::<&[u8]>(&row, "fingerprint")?.try_into();
    let fingerprint = fingerprint.map_err(|_| CampaignError::Row { column: "fingerprint" })?;
    let Json(report) = get(&row, "report")?;
    Ok(Some((fingerprint, report)))
}

/// Remembers what came of an upload.
pub(crate) async fn insert_upload(
    tx: &TenantTx<'_>,
    bulk_send_id: BulkSendId,
    key: &UploadKey,
    report: &UploadReport,
    now: Timestamp,
) -> Result<()> {
    let (key_hash, fingerprint) = (key.key_hash.as_slice(), key.fingerprint.as_slice());
    let params: [&(dyn ToSql + Sync); 6] =
        [&tx.tenant_id().as_uuid(), &bulk_send_id.as_uuid(), &key_hash, &fingerprint, &Json(report), &now];
    tx.execute(INSERT_BULK_UPLOAD, &params).await.tried("remember upload")?;
    Ok(())
}
