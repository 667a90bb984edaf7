//! Each person and each address is sent to once (CAM-5): the rows of a page that go where another row goes already are left
//! out, and what the others reach is written down before any of them is handed in.

use std::collections::BTreeSet;

use carepost_campaigns::rules::compose::{Composed, ReadyContent};
use carepost_campaigns::rules::once::{ClaimHash, Reach, duplicates};
use carepost_campaigns::store;

use super::work::{Desk, WorkError};

/// Numbers of the rows that are duplicates; none: the tenant is another process's by now.
pub(super) async fn find_duplicates<'row>(
    desk: &Desk<'_>,
    going: impl Iterator<Item = &'row Composed>,
) -> Result<Option<BTreeSet<i32>>, WorkError> {
    let page: Vec<Reach> = going.map(|row| Reach::of(desk.tenant, row)).collect();
    let mut doubled = BTreeSet::new();
    if page.is_empty() {
        return Ok(Some(doubled));
    }
    let hashes: Vec<ClaimHash> = page.iter().flat_map(Reach::hashes).collect();
    let speaks_of_each = matches!(*desk.kept.content, ReadyContent::Template(_));
    let is_ours = desk
        .write(async |tx| {
            let before = store::list_claims(tx, desk.named(), &hashes).await?;
            let mut held = before.clone();
            doubled = duplicates(&page, &mut held, speaks_of_each);
            held.retain(|hash, _| !before.contains_key(hash));
            store::insert_claims(tx, desk.named(), &held.into_iter().collect::<Vec<_>>()).await
        })
        .await?;
    Ok(is_ours.then_some(doubled))
}
