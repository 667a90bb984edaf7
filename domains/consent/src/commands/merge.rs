//! Two records of one person become one, and can be parted again: a merge writes down exactly what it moved.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use carepost_kernel::{ContactPointId, MergeId, RecipientId, SealError};

use super::{Desk, keys_of, spots_of};
use crate::ConsentError;
use crate::error::Tried as _;
use crate::store::evidence::{Spot, list_consent_states, lock_addresses, replace_states};
use crate::store::merges;
use crate::store::people::{self, RecipientRow, Ward, list_guardians, list_wards};
use crate::store::points::{PointRow, list_points, update_points};
use crate::store::preferences::{find_preferences, put_preferences};
use crate::types::{AddressKey, ChangeKind, ConsentSource, Guardian, Merge, Preferences, PreferencesRecord};

const MERGE: &str = "merge recipients";
const UNMERGE: &str = "part merged recipients";

/// What a merge moved: no more and no less is put back.
#[derive(Default, Serialize, Deserialize)]
struct Moved {
    /// Contact points that the survivor has now, with the rank that they had.
    points: Vec<(ContactPointId, i16)>,
    /// Contact points that the survivor had as well: switched off.
    closed: Vec<ContactPointId>,
    /// The survivor's own that were not used and are now.
    opened: Vec<ContactPointId>,
    /// Guardians that were added.
    added: Vec<Ward>,
    /// Guardians that were taken away.
    gone: Vec<Ward>,
    /// The survivor's wishes as they were, and the version that the merge made of them.
    wishes: Option<(Preferences, i64)>,
}

/// Lets `survivor_id` stand for `merged_id`: its addresses, evidence, guardians and refusals become the survivor's.
///
/// # Errors
/// Of kind `NotFound` where one of them is nobody of this tenant, `Conflict` where one of them is merged already or both
/// are the same; where the database fails.
pub async fn merge(
    desk: &Desk<'_, '_>,
    merged_id: RecipientId,
    survivor_id: RecipientId,
) -> Result<(Merge, Vec<AddressKey>), ConsentError> {
    people::lock_people(desk.tx).await?;
    if merged_id == survivor_id {
        return Err(ConsentError::Conflict { tried: MERGE, problem: "nobody is merged into themselves" });
    }
    for id in [merged_id, survivor_id] {
        if find(desk, id).await?.merged_into.is_some() {
            return Err(ConsentError::Conflict { tried: MERGE, problem: "one of them is merged already" });
        }
    }
    let points = list_points(desk.tx, &[merged_id, survivor_id]).await?;
    let spots = all_spots(desk, &points, [merged_id, survivor_id]).await?;
    let mut moved = Moved::default();
    move_points(desk, &mut moved, points, (merged_id, survivor_id)).await?;
    move_guardians(desk, &mut moved, (merged_id, survivor_id)).await?;
    moved.wishes = join_wishes(desk, (merged_id, survivor_id)).await?;
    merges::set_merged_into(desk.tx, merged_id, Some(survivor_id), desk.now).await?;
    let merge = Merge { merge_id: MergeId::new(desk.now), merged_id, survivor_id };
    let stored = serde_json::to_value(&moved).map_err(|_| SealError::Malformed).tried(MERGE)?;
    merges::insert_merge(desk.tx, merge, &stored, (desk.actor, desk.now)).await?;
    Ok((merge, settle(desk, &spots, (merged_id, survivor_id), true).await?))
}

/// Takes a merge back: what it moved goes where it was. What was written since stays where it was written.
///
/// # Errors
/// Of kind `NotFound` where it is nobody of this tenant, `Conflict` where the record is not merged, or the survivor has
/// been merged since; where the database fails.
pub async fn unmerge(desk: &Desk<'_, '_>, merged_id: RecipientId) -> Result<(Merge, Vec<AddressKey>), ConsentError> {
    people::lock_people(desk.tx).await?;
    find(desk, merged_id).await?;
    let Some((merge, stored)) = merges::find_merge(desk.tx, merged_id).await? else {
        return Err(ConsentError::Conflict { tried: UNMERGE, problem: "the record is not merged" });
    };
    if find(desk, merge.survivor_id).await?.merged_into.is_some() {
        let problem = "the record that stands for it is merged itself: part that one first";
        return Err(ConsentError::Conflict { tried: UNMERGE, problem });
    }
    let moved: Moved = serde_json::from_value(stored).map_err(|_| ConsentError::Row { column: "moved" })?;
    let both = (merged_id, merge.survivor_id);
    let points = list_points(desk.tx, &[merged_id, merge.survivor_id]).await?;
    let spots = all_spots(desk, &points, [merged_id, merge.survivor_id]).await?;
    put_points_back(desk, &moved, points, both).await?;
    people::delete_guardians(desk.tx, &moved.added).await?;
    people::put_guardians(desk.tx, &moved.gone).await?;
    if let Some((wishes, version)) = moved.wishes {
        let present = find_preferences(desk.tx, merge.survivor_id).await?;
        // Who has wished something since is not overruled.
        if present.version == version {
            write_wishes(desk, merge.survivor_id, wishes, version + 1).await?;
        }
    }
    merges::set_merged_into(desk.tx, merged_id, None, desk.now).await?;
    merges::undo_merge(desk.tx, merge.merge_id, desk.now).await?;
    Ok((merge, settle(desk, &spots, both, false).await?))
}

async fn find(desk: &Desk<'_, '_>, recipient_id: RecipientId) -> Result<RecipientRow, ConsentError> {
    let found = people::list_by_id(desk.tx, &[recipient_id]).await?.pop();
    found.ok_or(ConsentError::RecipientNotFound(recipient_id))
}

/// Both people at every address that either has or ever spoke of.
async fn all_spots(
    desk: &Desk<'_, '_>,
    points: &[PointRow],
    both: [RecipientId; 2],
) -> Result<BTreeSet<AddressKey>, ConsentError> {
    let mut keys: BTreeSet<AddressKey> = keys_of(points).collect();
    for id in both {
        keys.extend(list_consent_states(desk.tx, id).await?.into_iter().map(|(key, _)| key));
    }
    let all: Vec<AddressKey> = keys.iter().copied().collect();
    lock_addresses(desk.tx, &all).await?;
    Ok(keys)
}

/// Derives what both have said anew: a merged record has no state of its own.
async fn settle(
    desk: &Desk<'_, '_>,
    keys: &BTreeSet<AddressKey>,
    (merged_id, survivor_id): (RecipientId, RecipientId),
    is_merged: bool,
) -> Result<Vec<AddressKey>, ConsentError> {
    let spots_at = |id: RecipientId| keys.iter().map(move |key| (*key, id));
    if is_merged {
        let gone: Vec<Spot> = spots_at(merged_id).collect();
        replace_states(desk.tx, &gone, &vec![Vec::new(); gone.len()]).await?;
        desk.rederive(&spots_at(survivor_id).collect::<Vec<_>>()).await?;
    } else {
        let spots: Vec<Spot> = spots_at(merged_id).chain(spots_at(survivor_id)).collect();
        desk.rederive(&spots).await?;
        // An address is spoken for by those who have it or said something there.
        let points = list_points(desk.tx, &[merged_id, survivor_id]).await?;
        for id in [merged_id, survivor_id] {
            let own: Vec<PointRow> = points.iter().filter(|point| point.recipient_id == id).cloned().collect();
            let kept: BTreeSet<Spot> = spots_of(&own, id).collect();
            let spoken: BTreeSet<AddressKey> = said_by(desk, id, keys).await?;
            let foreign: Vec<Spot> =
                spots_at(id).filter(|spot| !kept.contains(spot) && !spoken.contains(&spot.0)).collect();
            replace_states(desk.tx, &foreign, &vec![Vec::new(); foreign.len()]).await?;
        }
    }
    let heard = guardians_keys(desk, &[merged_id, survivor_id]).await?;
    desk.tell(keys.iter().copied().chain(heard), ChangeKind::Recipient).await
}

/// Where those are reached who answer for these people: the gate knows their wards by every record.
async fn guardians_keys(desk: &Desk<'_, '_>, wards: &[RecipientId]) -> Result<Vec<AddressKey>, ConsentError> {
    let links = list_guardians(desk.tx, wards).await?;
    let guardians: BTreeSet<RecipientId> = links.into_iter().map(|(_, guardian)| guardian.guardian_id).collect();
    let guardians: Vec<RecipientId> = guardians.into_iter().collect();
    Ok(keys_of(&list_points(desk.tx, &guardians).await?).collect())
}

/// The addresses at which a person has said something themselves.
async fn said_by(
    desk: &Desk<'_, '_>,
    recipient_id: RecipientId,
    keys: &BTreeSet<AddressKey>,
) -> Result<BTreeSet<AddressKey>, ConsentError> {
    let states = list_consent_states(desk.tx, recipient_id).await?;
    Ok(states.into_iter().map(|(key, _)| key).filter(|key| keys.contains(key)).collect())
}

async fn move_points(
    desk: &Desk<'_, '_>,
    moved: &mut Moved,
    points: Vec<PointRow>,
    (merged_id, survivor_id): (RecipientId, RecipientId),
) -> Result<(), ConsentError> {
    let (theirs, mut own): (Vec<PointRow>, Vec<PointRow>) =
        points.into_iter().partition(|point| point.recipient_id == merged_id);
    let mut changed = Vec::new();
    let mut next_rank = own.iter().map(|point| point.rank).max().map_or(0, |last| last.saturating_add(1));
    for mut point in theirs {
        if let Some(twin) = own.iter_mut().find(|twin| twin.key() == point.key()) {
            if point.is_active {
                moved.closed.push(point.contact_point_id);
                if !std::mem::replace(&mut twin.is_active, true) {
                    moved.opened.push(twin.contact_point_id);
                    changed.push(twin.clone());
                }
                changed.push(PointRow { is_active: false, ..point });
            }
            continue;
        }
        moved.points.push((point.contact_point_id, point.rank));
        point.recipient_id = survivor_id;
        point.rank = next_rank;
        next_rank = next_rank.saturating_add(1);
        changed.push(point);
    }
    update_points(desk.tx, &changed).await
}

async fn put_points_back(
    desk: &Desk<'_, '_>,
    moved: &Moved,
    points: Vec<PointRow>,
    (merged_id, survivor_id): (RecipientId, RecipientId),
) -> Result<(), ConsentError> {
    let mut changed = Vec::new();
    for point in points {
        let id = point.contact_point_id;
        let rank = moved.points.iter().find(|(moved, _)| *moved == id).map(|(_, rank)| *rank);
        if let Some(rank) = rank.filter(|_| point.recipient_id == survivor_id) {
            changed.push(PointRow { recipient_id: merged_id, rank, ..point });
        } else if moved.closed.contains(&id) {
            changed.push(PointRow { is_active: true, ..point });
        } else if moved.opened.contains(&id) {
            changed.push(PointRow { is_active: false, ..point });
        }
    }
    update_points(desk.tx, &changed).await
}

async fn move_guardians(
    desk: &Desk<'_, '_>,
    moved: &mut Moved,
    (merged_id, survivor_id): (RecipientId, RecipientId),
) -> Result<(), ConsentError> {
    let own = list_guardians(desk.tx, &[survivor_id]).await?;
    let is_own = |guardian: &Guardian| own.iter().any(|(_, one)| one.guardian_id == guardian.guardian_id);
    for (_, guardian) in list_guardians(desk.tx, &[merged_id]).await? {
        if guardian.guardian_id != survivor_id && !is_own(&guardian) {
            moved.added.push((survivor_id, guardian));
        }
    }
    let wards = list_wards(desk.tx, survivor_id).await?;
    for (ward_id, guardian) in list_wards(desk.tx, merged_id).await? {
        moved.gone.push((ward_id, guardian));
        if ward_id != survivor_id && wards.iter().all(|(known, _)| *known != ward_id) {
            moved.added.push((ward_id, Guardian { guardian_id: survivor_id, ..guardian }));
        }
    }
    people::delete_guardians(desk.tx, &moved.gone).await?;
    people::put_guardians(desk.tx, &moved.added).await
}

/// What either did not want is not wanted; in all else the survivor's wish goes first.
async fn join_wishes(
    desk: &Desk<'_, '_>,
    (merged_id, survivor_id): (RecipientId, RecipientId),
) -> Result<Option<(Preferences, i64)>, ConsentError> {
    let theirs = find_preferences(desk.tx, merged_id).await?.preferences;
    let own = find_preferences(desk.tx, survivor_id).await?;
    let mut joined = own.preferences.clone();
    for (topic, channels) in theirs.off {
        joined.off.entry(topic).or_default().extend(channels);
    }
    joined.first_channel = joined.first_channel.or(theirs.first_channel);
    joined.quiet = joined.quiet.or(theirs.quiet);
    joined.most_per_week = match (joined.most_per_week, theirs.most_per_week) {
        (Some(own), Some(theirs)) => Some(own.min(theirs)),
        (own, theirs) => own.or(theirs),
    };
    joined.digest = joined.digest.or(theirs.digest);
    if joined == own.preferences {
        return Ok(None);
    }
    write_wishes(desk, survivor_id, joined, own.version + 1).await?;
    Ok(Some((own.preferences, own.version + 1)))
}

async fn write_wishes(
    desk: &Desk<'_, '_>,
    recipient_id: RecipientId,
    preferences: Preferences,
    version: i64,
) -> Result<(), ConsentError> {
    let record = PreferencesRecord { preferences, version, updated_at: Some(desk.now) };
    put_preferences(desk.tx, recipient_id, &record, (ConsentSource::Staff, desk.actor, desk.now)).await
}
