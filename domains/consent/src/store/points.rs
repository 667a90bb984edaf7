//! Contact points.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{Channel, ContactPointId, RecipientId};
use carepost_store::{Row, TenantTx, ToSql};

use super::people::uuids;
use super::rows::{self, Result, get, number};
use crate::error::Tried as _;
use crate::types::AddressKey;

pub(super) const LIST_CONTACT_POINTS: &str = include_str!("../sql/list_contact_points.sql");
pub(super) const LIST_PEOPLE_REACHED: &str = include_str!("../sql/list_people_reached.sql");
pub(super) const INSERT_CONTACT_POINTS: &str = include_str!("../sql/insert_contact_points.sql");
pub(super) const UPDATE_CONTACT_POINTS: &str = include_str!("../sql/update_contact_points.sql");

/// A contact point as it is stored, its address still sealed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PointRow {
    pub(crate) contact_point_id: ContactPointId,
    pub(crate) recipient_id: RecipientId,
    pub(crate) channel: Channel,
    pub(crate) address_hash: [u8; 16],
    pub(crate) voice_hash: Option<[u8; 16]>,
    pub(crate) address_sealed: Vec<u8>,
    pub(crate) verified_at: Option<Timestamp>,
    pub(crate) rank: i16,
    pub(crate) is_active: bool,
}

impl PointRow {
    /// The address as messages know it.
    pub(crate) const fn key(&self) -> AddressKey {
        AddressKey { channel: self.channel, address_hash: self.address_hash }
    }

    /// The address on every channel that uses it: a phone is called as well.
    pub(crate) fn keys(&self) -> impl Iterator<Item = AddressKey> {
        let voice = self.voice_hash.map(|address_hash| AddressKey { channel: Channel::Voice, address_hash });
        std::iter::once(self.key()).chain(voice)
    }
}

/// The contact points of these people, by person in the order of preference.
pub(crate) async fn list_points(tx: &TenantTx<'_>, ids: &[RecipientId]) -> Result<Vec<PointRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &uuids(ids)];
    tx.query(LIST_CONTACT_POINTS, &params).await.tried("list contact points")?.iter().map(read).collect()
}

/// Who is reached at an address now.
pub(crate) async fn list_people_reached(tx: &TenantTx<'_>, key: &AddressKey) -> Result<Vec<RecipientId>> {
    let hash = key.address_hash.as_slice();
    let params: [&(dyn ToSql + Sync); 3] = [&tx.tenant_id().as_uuid(), &hash, &key.channel.as_i16()];
    let found = tx.query(LIST_PEOPLE_REACHED, &params).await.tried("find who is reached at an address")?;
    found.iter().map(rows::recipient_id).collect()
}

/// Adds contact points.
pub(crate) async fn insert_points(tx: &TenantTx<'_>, points: &[PointRow]) -> Result<()> {
    if points.is_empty() {
        return Ok(());
    }
    let (ids, people) = id_columns(points);
    let (channels, hashes): (Vec<i16>, Vec<&[u8]>) =
        points.iter().map(|point| (point.channel.as_i16(), point.address_hash.as_slice())).unzip();
    let voices: Vec<Option<&[u8]>> =
        points.iter().map(|point| point.voice_hash.as_ref().map(<[u8; 16]>::as_slice)).collect();
    let sealed: Vec<&[u8]> = points.iter().map(|point| point.address_sealed.as_slice()).collect();
    let (verified, ranks, active) = changing_columns(points);
    let params: [&(dyn ToSql + Sync); 10] =
        [&tx.tenant_id().as_uuid(), &ids, &people, &channels, &hashes, &voices, &sealed, &verified, &ranks, &active];
    tx.execute(INSERT_CONTACT_POINTS, &params).await.tried("add contact points")?;
    Ok(())
}

/// Changes whose contact points are, whether they are verified and used, and their order.
pub(crate) async fn update_points(tx: &TenantTx<'_>, points: &[PointRow]) -> Result<()> {
    if points.is_empty() {
        return Ok(());
    }
    let (ids, people) = id_columns(points);
    let (verified, ranks, active) = changing_columns(points);
    let params: [&(dyn ToSql + Sync); 6] = [&tx.tenant_id().as_uuid(), &ids, &people, &verified, &ranks, &active];
    tx.execute(UPDATE_CONTACT_POINTS, &params).await.tried("change contact points")?;
    Ok(())
}

fn id_columns(points: &[PointRow]) -> (Vec<Uuid>, Vec<Uuid>) {
    points.iter().map(|point| (point.contact_point_id.as_uuid(), point.recipient_id.as_uuid())).unzip()
}

fn changing_columns(points: &[PointRow]) -> (Vec<Option<Timestamp>>, Vec<i16>, Vec<bool>) {
    let verified = points.iter().map(|point| point.verified_at).collect();
    let ranks = points.iter().map(|point| point.rank).collect();
    (verified, ranks, points.iter().map(|point| point.is_active).collect())
}

fn read(row: &Row) -> Result<PointRow> {
    Ok(PointRow {
        contact_point_id: ContactPointId::from_uuid(get(row, "contact_point_id")?),
        recipient_id: rows::recipient_id(row)?,
        channel: number(row, "channel", Channel::from_i16)?,
        address_hash: rows::hash(row, "address_hash")?,
        voice_hash: rows::optional_hash(row, "voice_hash")?,
        address_sealed: get(row, "address_sealed")?,
        verified_at: get(row, "verified_at")?,
        rank: get(row, "rank")?,
        is_active: get(row, "is_active")?,
    })
}
