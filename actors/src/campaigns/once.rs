//! Each person and each address is sent to once (CAM-5): the rows of a page that go where another row goes already are left
//! out, and what the others reach is written down before any of them is handed in.

use std::collections::BTreeMap;

use carepost_campaigns::rules::compose::{Composed, ReadyContent};
use carepost_campaigns::rules::once::{ClaimHash, Held, Holder, Reach, duplicates};
use carepost_campaigns::store;
use jiff::Timestamp;

use super::work::{Desk, WorkError};

/// The rows that are duplicates, and of which rows; none: the tenant is another process's by now.
pub(super) async fn find_duplicates<'row>(
    desk: &Desk<'_>,
    going: impl Iterator<Item = &'row Composed>,
    now: Timestamp,
) -> Result<Option<BTreeMap<i32, Vec<Holder>>>, WorkError> {
    let page: Vec<Reach> = going.map(|row| Reach::of(desk.tenant, row)).collect();
    let mut doubled = BTreeMap::new();
    if page.is_empty() {
        return Ok(Some(doubled));
    }
    let hashes: Vec<ClaimHash> = page.iter().flat_map(Reach::hashes).collect();
    let speaks_of_each = matches!(*desk.content.words, ReadyContent::Template(_));
    let is_ours = desk
        .write(async |tx| {
            let before = store::list_claims(tx, desk.named(), &hashes, now).await?;
            let mut held = before.clone();
            doubled = duplicates(&page, &mut held, speaks_of_each);
            store::insert_claims(tx, desk.named(), &added(held, &before)).await
        })
        .await?;
    Ok(is_ours.then_some(doubled))
}

/// What is held now and was not.
fn added(held: Held, before: &Held) -> Vec<(ClaimHash, Holder)> {
    let all = held.into_iter().flat_map(|(hash, holders)| holders.into_iter().map(move |holder| (hash, holder)));
    let is_new = |(hash, holder): &(ClaimHash, Holder)| {
        let known = before.get(hash).into_iter().flatten();
        known.filter(|one| one.row_no == holder.row_no).count() == 0
    };
    all.filter(is_new).collect()
}
