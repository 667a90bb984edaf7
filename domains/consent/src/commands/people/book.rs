//! Many people written at once: everything that they lean on is read first, then decided without the database, then
//! written. What changes nothing writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use carepost_kernel::{Channel, ContactPointId, RecipientId};
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

use super::{EXTERNAL_ID, Item, Upserted, blank};
use crate::ConsentError;
use crate::address::address_hash;
use crate::commands::check::{Checked, CheckedGuardian, CheckedPoint, GuardianId, Removal};
use crate::commands::{ADDRESS, Desk, keys_of};
use crate::error::FieldFault;
use crate::store::evidence::{Spot, lock_addresses};
use crate::store::people::{self, RecipientRow, Ward};
use crate::store::points::{self, PointRow};
use crate::types::{AddressKey, ChangeKind, Guardian, Profile};

/// Addresses that one person can ever have had.
const MOST_POINTS: usize = 60;
/// Where each day ends last.
const LAST_ZONE: Offset = Offset::constant(-12);

type Hash = [u8; 16];
type Written = (Vec<Result<Upserted, Vec<FieldFault>>>, Vec<AddressKey>);

/// Writes people; one answer for each, in their order, and the addresses that the gate must look at again.
///
/// # Errors
/// Where a target is nobody of this tenant, and where the database fails: then nothing is written.
pub(in crate::commands) async fn write(desk: &Desk<'_, '_>, items: Vec<Item>) -> Result<Written, ConsentError> {
    people::lock_people(desk.tx).await?;
    let mut book = Book::read(desk, &items).await?;
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        answers.push(book.enter(desk, item)?);
    }
    let keys = book.close(desk).await?;
    Ok((answers, keys))
}

/// What is known of the people who are written, and what will be written.
#[derive(Default)]
struct Book {
    by_id: BTreeMap<RecipientId, RecipientRow>,
    by_external_id: BTreeMap<Hash, RecipientId>,
    survivors: BTreeMap<RecipientId, RecipientId>,
    points: BTreeMap<RecipientId, Vec<PointRow>>,
    guardians: BTreeMap<RecipientId, Vec<Guardian>>,
    /// External ids that stood in this very list.
    named: BTreeSet<Hash>,
    made: BTreeSet<RecipientId>,
    changed: BTreeSet<RecipientId>,
    /// People of whom the gate knows something else now, at each of their addresses.
    shown: BTreeSet<RecipientId>,
    new_points: BTreeSet<ContactPointId>,
    changed_points: BTreeSet<ContactPointId>,
    put_wards: Vec<Ward>,
    gone_wards: Vec<Ward>,
}

impl Book {
    async fn read(desk: &Desk<'_, '_>, items: &[Item]) -> Result<Self, ConsentError> {
        let mut hashes = Vec::new();
        let mut ids = Vec::new();
        for Item { target, checked } in items {
            ids.extend(*target);
            hashes.extend(checked.external_id.is().map(|id| hash(desk, id)));
            for guardian in &checked.guardians {
                match &guardian.by {
                    GuardianId::Ours(id) => ids.push(*id),
                    GuardianId::Theirs(id) => hashes.push(hash(desk, id)),
                }
            }
        }
        let mut book = Self::default();
        let mut found = people::list_by_external_id(desk.tx, &hashes).await?;
        found.extend(people::list_by_id(desk.tx, &ids).await?);
        for row in found {
            book.by_external_id.extend(row.external_id_hash.map(|hash| (hash, row.recipient_id)));
            book.by_id.insert(row.recipient_id, row);
        }
        let known: Vec<RecipientId> = book.by_id.keys().copied().collect();
        book.survivors = people::list_survivors(desk.tx, &known).await?;
        let owners: Vec<RecipientId> = book.survivors.values().copied().collect();
        for point in points::list_points(desk.tx, &owners).await? {
            book.points.entry(point.recipient_id).or_default().push(point);
        }
        for (recipient_id, guardian) in people::list_guardians(desk.tx, &owners).await? {
            book.guardians.entry(recipient_id).or_default().push(guardian);
        }
        Ok(book)
    }

    /// Decides over one person. A person with a fault is left as they were.
    fn enter(&mut self, desk: &Desk<'_, '_>, item: Item) -> Result<Result<Upserted, Vec<FieldFault>>, ConsentError> {
        let Item { target, checked } = item;
        let external = checked.external_id.is().map(|id| hash(desk, id));
        let known = match target {
            Some(id) if !self.by_id.contains_key(&id) => return Err(ConsentError::RecipientNotFound(id)),
            Some(id) => Some(id),
            None => external.and_then(|hash| self.by_external_id.get(&hash).copied()),
        };
        let mut row = known.and_then(|id| self.by_id.get(&id).cloned()).unwrap_or_else(|| blank(desk));
        let owner = self.survivors.get(&row.recipient_id).copied().unwrap_or(row.recipient_id);
        let mut faults = Vec::new();
        if let Some(hash) = external {
            let belongs = self.by_external_id.get(&hash).is_some_and(|other| *other != row.recipient_id);
            if self.named.contains(&hash) {
                faults.push(FieldFault::new("/external_id", "stands there twice"));
            } else if belongs {
                faults.push(FieldFault::new("/external_id", "belongs to somebody else"));
            }
        }
        let wards = self.wards(desk, (&row, owner), &checked.guardians, &mut faults);
        if self.points.get(&owner).map_or(0, Vec::len) + checked.points.len() > MOST_POINTS {
            faults.push(FieldFault::new("/contact_points", "the person has too many addresses"));
        }
        if !faults.is_empty() {
            return Ok(Err(faults));
        }
        let is_new = known.is_none();
        let is_changed = self.put_person(desk, &mut row, &checked, external)?
            | self.put_points(desk, owner, &checked.points)?
            | self.put_wards(owner, wards, desk.now);
        let upserted = Upserted { recipient_id: row.recipient_id, is_new, is_changed: is_changed || is_new };
        self.named.extend(external);
        self.by_external_id.extend(row.external_id_hash.map(|hash| (hash, row.recipient_id)));
        self.by_id.insert(row.recipient_id, row);
        Ok(Ok(upserted))
    }

    /// Writes the fields of a person over what was there.
    fn put_person(
        &mut self,
        desk: &Desk<'_, '_>,
        row: &mut RecipientRow,
        checked: &Checked,
        external: Option<Hash>,
    ) -> Result<bool, ConsentError> {
        let is_new = row.profile_sealed.is_empty();
        let mut profile = if is_new { Profile::default() } else { desk.open_profile(row)? };
        let mut is_changed = checked.external_id.put(&mut profile.external_id)
            | checked.given_name.put(&mut profile.given_name)
            | checked.family_name.put(&mut profile.family_name)
            | checked.birth_date.put(&mut profile.birth_date)
            | checked.notes.put(&mut profile.notes);
        if profile.external_id.is_none() {
            row.external_id_hash = None;
        } else if external.is_some() {
            row.external_id_hash = external;
        }
        let kind = checked.kind.unwrap_or(row.kind);
        is_changed |= std::mem::replace(&mut row.kind, kind) != kind;
        let language = checked.language.clone().unwrap_or_else(|| row.language.clone());
        let is_active = checked.is_active.unwrap_or(row.is_active);
        let is_shown = checked.zone.put(&mut row.zone)
            | checked.state.put(&mut row.state)
            | (row.language != language)
            | (row.is_active != is_active);
        row.language = language;
        row.is_active = is_active;
        if is_new {
            row.profile_sealed = desk.seal_profile(row.recipient_id, &profile)?;
            self.made.insert(row.recipient_id);
        } else if is_changed || is_shown {
            row.profile_sealed = desk.seal_profile(row.recipient_id, &profile)?;
            if !self.made.contains(&row.recipient_id) {
                self.changed.insert(row.recipient_id);
            }
        }
        if is_shown {
            self.shown.insert(row.recipient_id);
        }
        Ok(is_changed || is_shown)
    }

    /// Adds and changes addresses; those that are not told of stay.
    fn put_points(
        &mut self,
        desk: &Desk<'_, '_>,
        owner: RecipientId,
        told: &[CheckedPoint],
    ) -> Result<bool, ConsentError> {
        let mut is_changed = false;
        let stored = self.points.entry(owner).or_default();
        for one in told {
            let key = desk.key(one.channel, &one.address);
            let known = stored.iter_mut().find(|point| point.key() == key);
            if let Some(point) = known {
                let before = point.clone();
                point.is_active = one.is_active.unwrap_or(true);
                point.rank = one.rank.unwrap_or(point.rank);
                point.verified_at = match one.is_verified {
                    None => point.verified_at,
                    Some(true) => point.verified_at.or(Some(desk.now)),
                    Some(false) => None,
                };
                if *point != before {
                    is_changed = true;
                    self.changed_points.insert(point.contact_point_id);
                }
                continue;
            }
            let point = new_point(desk, owner, one, next_rank(stored))?;
            is_changed = true;
            self.new_points.insert(point.contact_point_id);
            stored.push(point);
        }
        Ok(is_changed)
    }

    /// Finds the guardians who were told of, under the records that stand for them; a guardian must be known, or stand earlier
    /// in the same list.
    fn wards(
        &self,
        desk: &Desk<'_, '_>,
        (row, owner): (&RecipientRow, RecipientId),
        told: &[CheckedGuardian],
        faults: &mut Vec<FieldFault>,
    ) -> Vec<(Guardian, Removal)> {
        let mut found = Vec::new();
        for one in told {
            let id = match &one.by {
                GuardianId::Ours(id) => self.by_id.get(id).map(|known| known.recipient_id),
                GuardianId::Theirs(id) => self.by_external_id.get(&hash(desk, id)).copied(),
            };
            match id.map(|id| self.survivors.get(&id).copied().unwrap_or(id)) {
                None => faults.push(FieldFault::new(one.field.clone(), "is nobody who is known here")),
                Some(id) if id == row.recipient_id || id == owner => {
                    faults.push(FieldFault::new(one.field.clone(), "nobody answers for themselves"));
                }
                Some(guardian_id) => {
                    let guardian = Guardian { guardian_id, scope: one.scope, ends_on: one.ends_on };
                    found.push((guardian, one.removal));
                }
            }
        }
        found
    }

    /// Adds, changes and ends links. The last word on a guardian holds, in whichever order a list has them.
    fn put_wards(&mut self, recipient_id: RecipientId, told: Vec<(Guardian, Removal)>, now: Timestamp) -> bool {
        let mut is_changed = false;
        let stored = self.guardians.entry(recipient_id).or_default();
        for (guardian, removal) in told {
            let guardian_id = guardian.guardian_id;
            let before = stored.iter().find(|one| one.guardian_id == guardian_id).copied();
            let after = after(before, guardian, removal, now);
            if before == after {
                continue;
            }
            let is_same = |(id, one): &Ward| (*id, one.guardian_id) == (recipient_id, guardian_id);
            stored.retain(|one| one.guardian_id != guardian_id);
            self.put_wards.retain(|ward| !is_same(ward));
            self.gone_wards.retain(|ward| !is_same(ward));
            if let Some(after) = after {
                stored.push(after);
                self.put_wards.push((recipient_id, after));
            } else {
                self.gone_wards.push((recipient_id, guardian));
            }
            self.shown.insert(guardian_id);
            is_changed = true;
        }
        is_changed
    }

    /// Writes all of it; tells the gate.
    async fn close(self, desk: &Desk<'_, '_>) -> Result<Vec<AddressKey>, ConsentError> {
        let rows = |ids: &BTreeSet<RecipientId>| -> Vec<RecipientRow> {
            ids.iter().filter_map(|id| self.by_id.get(id).cloned()).collect()
        };
        let of = |ids: &BTreeSet<ContactPointId>| -> Vec<PointRow> {
            let all = self.points.values().flatten();
            all.filter(|point| ids.contains(&point.contact_point_id)).cloned().collect()
        };
        let (added, changed) = (of(&self.new_points), of(&self.changed_points));
        people::insert_recipients(desk.tx, &rows(&self.made), desk.now).await?;
        people::update_recipients(desk.tx, &rows(&self.changed), desk.now).await?;
        points::insert_points(desk.tx, &added).await?;
        points::update_points(desk.tx, &changed).await?;
        people::delete_guardians(desk.tx, &self.gone_wards).await?;
        people::put_guardians(desk.tx, &self.put_wards).await?;
        // What was said of an address before anybody was known there holds for them as well.
        let touched: Vec<PointRow> = added.into_iter().chain(changed).collect();
        let spots: Vec<Spot> =
            touched.iter().flat_map(|point| point.keys().map(|key| (key, point.recipient_id))).collect();
        let keys: BTreeSet<AddressKey> = spots.iter().map(|(key, _)| *key).collect();
        lock_addresses(desk.tx, &keys.iter().copied().collect::<Vec<_>>()).await?;
        desk.rederive(&spots).await?;
        let shown = self.shown.iter().filter_map(|id| {
            let owner = self.survivors.get(id).unwrap_or(id);
            self.points.get(owner)
        });
        let keys = keys.into_iter().chain(shown.flat_map(|points| keys_of(points)));
        desk.tell(keys, ChangeKind::Recipient).await
    }
}

/// What becomes of a link. One that is taken away has ended, and stays: what waits about the ward is closed to the guardian
/// as after a last day, where without any link nothing would be asked. Only what was a mistake leaves no trace.
fn after(before: Option<Guardian>, told: Guardian, removal: Removal, now: Timestamp) -> Option<Guardian> {
    match removal {
        Removal::No => Some(told),
        Removal::Mistake => None,
        Removal::Ended => {
            let ended = ended_on(now);
            before.map(|link| Guardian { ends_on: Some(link.ends_on.map_or(ended, |day| day.min(ended))), ..link })
        }
    }
}

/// The newest day that is over wherever somebody may live.
fn ended_on(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::fixed(LAST_ZONE)).date().saturating_sub(1.day())
}

fn next_rank(points: &[PointRow]) -> i16 {
    points.iter().map(|point| point.rank).max().map_or(0, |last| last.saturating_add(1))
}

fn new_point(
    desk: &Desk<'_, '_>,
    recipient_id: RecipientId,
    told: &CheckedPoint,
    rank: i16,
) -> Result<PointRow, ConsentError> {
    let contact_point_id = ContactPointId::new(desk.now);
    let is_phone = told.channel == Channel::Sms;
    Ok(PointRow {
        contact_point_id,
        recipient_id,
        channel: told.channel,
        address_hash: desk.key(told.channel, &told.address).address_hash,
        voice_hash: is_phone.then(|| address_hash(desk.tenant.hash_key(), Channel::Voice, &told.address)),
        address_sealed: desk.seal_text((ADDRESS, contact_point_id.as_uuid()), &told.address)?,
        verified_at: (told.is_verified == Some(true)).then_some(desk.now),
        rank: told.rank.unwrap_or(rank),
        is_active: told.is_active.unwrap_or(true),
    })
}

fn hash(desk: &Desk<'_, '_>, external_id: &str) -> Hash {
    desk.tenant.hash(EXTERNAL_ID, external_id.as_bytes())
}
