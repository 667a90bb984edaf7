//! Many people at once, for lists of recipients.

use std::collections::{BTreeMap, BTreeSet};

use carepost_kernel::RecipientId;

use super::Desk;
use super::people::external_id_hash;
use crate::ConsentError;
use crate::store::people;
use crate::types::Recipient;

/// Who is meant by each of these ids: where two records were merged, the one that stands for both. Who is nobody of this
/// tenant is left out.
///
/// # Errors
/// Where the database fails, or a record does not open.
pub async fn list_people(
    desk: &Desk<'_, '_>,
    ids: &[RecipientId],
) -> Result<BTreeMap<RecipientId, Recipient>, ConsentError> {
    let survivors = people::list_survivors(desk.tx, ids).await?;
    let wanted: BTreeSet<RecipientId> = survivors.values().copied().collect();
    let rows = people::list_by_id(desk.tx, &wanted.into_iter().collect::<Vec<_>>()).await?;
    let opened = desk.open_people(rows).await?;
    let by_id: BTreeMap<RecipientId, Recipient> = opened.into_iter().map(|one| (one.recipient_id, one)).collect();
    Ok(survivors.into_iter().filter_map(|(asked, id)| Some((asked, by_id.get(&id)?.clone()))).collect())
}

/// The record that stands for each of these ids. Who is nobody of this tenant is left out.
///
/// # Errors
/// Where the database fails.
pub async fn list_standing_for(
    desk: &Desk<'_, '_>,
    ids: &[RecipientId],
) -> Result<BTreeMap<RecipientId, RecipientId>, ConsentError> {
    people::list_survivors(desk.tx, ids).await
}

/// Who is meant by each of the callers' own ids. Who is nobody of this tenant is left out.
///
/// # Errors
/// Where the database fails.
pub async fn find_by_external_ids<'id>(
    desk: &Desk<'_, '_>,
    external_ids: &[&'id str],
) -> Result<BTreeMap<&'id str, RecipientId>, ConsentError> {
    let hashes: Vec<[u8; 16]> = external_ids.iter().map(|id| external_id_hash(desk, id)).collect();
    let rows = people::list_by_external_id(desk.tx, &hashes).await?;
    let ids: Vec<RecipientId> = rows.iter().map(|row| row.recipient_id).collect();
    let survivors = people::list_survivors(desk.tx, &ids).await?;
    let mut by_hash: BTreeMap<[u8; 16], RecipientId> = BTreeMap::new();
    for row in rows {
        if let (Some(hash), Some(id)) = (row.external_id_hash, survivors.get(&row.recipient_id)) {
            by_hash.insert(hash, *id);
        }
    }
    let found = external_ids.iter().zip(&hashes).filter_map(|(id, hash)| Some((*id, *by_hash.get(hash)?)));
    Ok(found.collect())
}
