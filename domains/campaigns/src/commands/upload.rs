//! Filling a list: the good lines stand, the bad ones come back (CAM-4), nobody stands in it twice.

use std::collections::BTreeMap;

use metrics::counter;
use zeroize::Zeroizing;

use carepost_consent::commands::{Desk, find_by_external_ids, list_standing_for};
use carepost_kernel::{BulkSendId, RecipientId, SealError};
use carepost_tenancy::TenantHandle;

use crate::CampaignError;
use crate::error::{FieldFault, Tried as _};
use crate::metrics::BULK_LINES_TOTAL;
use crate::rules::compose::{row_owner, target_hash};
use crate::rules::life::{Deed, after};
use crate::rules::lines::{CheckedRow, Line, Lines, ROWS_MAX, Whom, check};
use crate::store::{self, SealedRow};
use crate::types::{BulkContent, UploadKey, UploadReport};

/// Lines that are worked on at a time.
const CHUNK: usize = 1_000;

/// Adds lines to a send's list, all in one transaction: what fails half-way has added nothing. Gives the report, and
/// whether it is that of an earlier upload with the same key.
///
/// # Errors
/// `NotFound`; `Conflict` where the list is closed; `KeyReused`; `Invalid` where the list would become too long; where the
/// database fails.
pub async fn upload_rows<'bytes>(
    desk: &Desk<'_, '_>,
    bulk_send_id: BulkSendId,
    read: impl FnOnce(&BulkContent) -> Result<Lines<'bytes>, CampaignError>,
    key: Option<UploadKey>,
) -> Result<(UploadReport, bool), CampaignError> {
    let (tx, tenant, now) = (desk.tx, desk.tenant, desk.now);
    let send = store::lock_send(tx, tenant, bulk_send_id).await?;
    if let Some(key) = key
        && let Some((fingerprint, report)) = store::find_upload(tx, bulk_send_id, &key).await?
    {
        return if fingerprint == key.fingerprint { Ok((report, true)) } else { Err(CampaignError::KeyReused) };
    }
    after(send.state, send.row_count, Deed::Upload)
        .map_err(|problem| CampaignError::Conflict { tried: Deed::Upload.tried(), problem })?;
    let content = store::find_content(tx, tenant, bulk_send_id).await?.content;
    let mut lines = read(&content)?;
    let mut adding =
        Adding { desk, bulk_send_id, content: &content, report: UploadReport::default(), last: send.last_row_no };
    loop {
        let chunk: Vec<Line> = lines.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        adding.add(chunk).await?;
    }
    let Adding { mut report, last, .. } = adding;
    report.bad_lines.sort_by_key(|bad| bad.line);
    let count = |lines: u64| i32::try_from(lines).unwrap_or(i32::MAX);
    store::add_to_send(tx, bulk_send_id, (count(report.stored), count(report.duplicates), last), now).await?;
    if let Some(key) = key {
        store::insert_upload(tx, bulk_send_id, &key, &report, now).await?;
    }
    for (result, count) in [("stored", report.stored), ("duplicate", report.duplicates), ("bad", report.bad)] {
        counter!(BULK_LINES_TOTAL, "result" => result).increment(count);
    }
    Ok((report, false))
}

/// An upload on its way.
struct Adding<'a, 'tx> {
    desk: &'a Desk<'a, 'tx>,
    bulk_send_id: BulkSendId,
    content: &'a BulkContent,
    report: UploadReport,
    /// The number of the last row.
    last: i32,
}

impl Adding<'_, '_> {
    async fn add(&mut self, chunk: Vec<Line>) -> Result<(), CampaignError> {
        let mut checked = Vec::with_capacity(chunk.len());
        for (line, input) in chunk {
            match input.and_then(|input| check(input, self.content)) {
                Ok(row) => checked.push((line, row)),
                Err(faults) => self.report.add_bad(line, faults),
            }
        }
        let people = People::find(self.desk, &checked).await?;
        let (mut rows, mut lines) = (Vec::with_capacity(checked.len()), BTreeMap::new());
        let mut next = self.last;
        for (line, row) in checked {
            let Some(recipient_id) = people.of(&row.whom) else {
                self.report.add_bad(line, vec![unknown(&row.whom)]);
                continue;
            };
            next = next.saturating_add(1);
            if next > ROWS_MAX {
                return Err(CampaignError::field("", "would make the list longer than 1,000,000 rows"));
            }
            lines.insert(next, line);
            rows.push(self.seal(next, recipient_id, &row)?);
        }
        let stored = store::insert_rows(self.desk.tx, self.bulk_send_id, &rows, self.desk.now).await?;
        self.report.stored += stored.len() as u64;
        stored.iter().for_each(|row_no| _ = lines.remove(row_no));
        lines.into_values().for_each(|line| self.report.add_duplicate(line));
        self.last = next;
        Ok(())
    }

    fn seal(
        &self,
        row_no: i32,
        recipient_id: Option<RecipientId>,
        row: &CheckedRow,
    ) -> Result<SealedRow, CampaignError> {
        const TRIED: &str = "seal row of a bulk send";
        let tenant: &TenantHandle = self.desk.tenant;
        let hash = match (recipient_id, &row.whom) {
            (Some(recipient_id), _) => target_hash(tenant, Ok(recipient_id)),
            (None, Whom::Address(channel, address)) => target_hash(tenant, Err((*channel, address))),
            (None, Whom::Recipient(_) | Whom::External(_)) => {
                return Err(CampaignError::Row { column: "recipient_id" });
            }
        };
        let plain = Zeroizing::new(serde_json::to_vec(&row.target).map_err(|_| SealError::Refused).tried(TRIED)?);
        let row_sealed = tenant.seal(&row_owner(tenant, self.bulk_send_id, row_no), &plain).tried(TRIED)?;
        Ok(SealedRow { row_no, target_hash: hash, recipient_id, row_sealed })
    }
}

fn unknown(whom: &Whom) -> FieldFault {
    let field = if matches!(whom, Whom::External(_)) { "/external_id" } else { "/recipient_id" };
    FieldFault::new(field, "is nobody of this practice")
}

/// Who is meant by the ids of some lines.
struct People {
    by_id: BTreeMap<RecipientId, RecipientId>,
    by_external_id: BTreeMap<String, RecipientId>,
}

impl People {
    async fn find(desk: &Desk<'_, '_>, checked: &[(u64, CheckedRow)]) -> Result<Self, CampaignError> {
        let (mut ids, mut external_ids) = (Vec::new(), Vec::new());
        for (_, row) in checked {
            match &row.whom {
                Whom::Recipient(id) => ids.push(*id),
                Whom::External(id) => external_ids.push(id.as_str()),
                Whom::Address(..) => {}
            }
        }
        let by_id = list_standing_for(desk, &ids).await?;
        let by_external_id = find_by_external_ids(desk, &external_ids).await?;
        Ok(Self {
            by_id,
            by_external_id: by_external_id.into_iter().map(|(id, found)| (id.to_owned(), found)).collect(),
        })
    }

    /// Somebody; `Some(None)`: an address that names nobody.
    #[expect(clippy::option_option, reason = "nobody found, and nobody looked for, are two things")]
    fn of(&self, whom: &Whom) -> Option<Option<RecipientId>> {
        match whom {
            Whom::Recipient(id) => self.by_id.get(id).map(|id| Some(*id)),
            Whom::External(id) => self.by_external_id.get(id).map(|id| Some(*id)),
            Whom::Address(..) => Some(None),
        }
    }
}

/// Keyed hashes of an upload's idempotency key and body.
#[must_use]
pub fn upload_key(tenant: &TenantHandle, key: &str, body: &[u8]) -> UploadKey {
    UploadKey {
        key_hash: tenant.hash("bulk-upload-key", key.as_bytes()),
        fingerprint: tenant.hash("bulk-upload-body", body),
    }
}
