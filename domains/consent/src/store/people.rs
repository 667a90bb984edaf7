//! Records of people and who answers for them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use carepost_kernel::{Cursor, Page, RecipientId};
use carepost_store::{Row, TenantTx, ToSql};

use super::page_bounds;
use super::rows::{self, Result, get, number};
use crate::error::Tried as _;
use crate::types::{AddressKey, Guardian, GuardianScope, RecipientKind};

pub(super) const LOCK_PEOPLE: &str = include_str!("../sql/lock_people.sql");
pub(super) const LOCK_RECIPIENT: &str = include_str!("../sql/lock_recipient.sql");
pub(super) const LIST_RECIPIENTS: &str = include_str!("../sql/list_recipients.sql");
pub(super) const LIST_RECIPIENTS_BY_ID: &str = include_str!("../sql/list_recipients_by_id.sql");
pub(super) const LIST_RECIPIENTS_BY_EXTERNAL_ID: &str = include_str!("../sql/list_recipients_by_external_id.sql");
pub(super) const LIST_RECIPIENTS_AT: &str = include_str!("../sql/list_recipients_at.sql");
pub(super) const LIST_SURVIVORS: &str = include_str!("../sql/list_survivors.sql");
pub(super) const INSERT_RECIPIENTS: &str = include_str!("../sql/insert_recipients.sql");
pub(super) const UPDATE_RECIPIENTS: &str = include_str!("../sql/update_recipients.sql");
pub(super) const LIST_GUARDIANS: &str = include_str!("../sql/list_guardians.sql");
pub(super) const LIST_WARDS: &str = include_str!("../sql/list_wards.sql");
pub(super) const PUT_GUARDIANS: &str = include_str!("../sql/put_guardians.sql");
pub(super) const DELETE_GUARDIANS: &str = include_str!("../sql/delete_guardians.sql");

/// A record as it is stored, its profile still sealed.
#[derive(Clone)]
pub(crate) struct RecipientRow {
    pub(crate) recipient_id: RecipientId,
    pub(crate) external_id_hash: Option<[u8; 16]>,
    pub(crate) profile_sealed: Vec<u8>,
    pub(crate) kind: RecipientKind,
    pub(crate) language: String,
    pub(crate) zone: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) is_active: bool,
    pub(crate) merged_into: Option<RecipientId>,
    pub(crate) version: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// A guardian and the person whom they answer for.
pub(crate) type Ward = (RecipientId, Guardian);

/// Lets one writer at a time work on a tenant's people.
pub(crate) async fn lock_people(tx: &TenantTx<'_>) -> Result<()> {
    tx.query(LOCK_PEOPLE, &[&tx.tenant_id().as_uuid()]).await.tried("lock recipients")?;
    Ok(())
}

/// Lets one writer at a time work on one person; gives the record that stands for them, or `None` where there is none.
pub(crate) async fn lock_recipient(
    tx: &TenantTx<'_>,
    recipient_id: RecipientId,
) -> Result<Option<Option<RecipientId>>> {
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &recipient_id.as_uuid()];
    let row = tx.query_opt(LOCK_RECIPIENT, &params).await.tried("lock recipient")?;
    row.map(|row| Ok(get::<Option<Uuid>>(&row, "merged_into")?.map(RecipientId::from_uuid))).transpose()
}

/// One page of people, the newest first.
pub(crate) async fn list_recipients(
    tx: &TenantTx<'_>,
    is_active: Option<bool>,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<RecipientRow>> {
    let (after, limit, fetch) = page_bounds(cursor, limit);
    let found = tx
        .query(LIST_RECIPIENTS, &[&tx.tenant_id().as_uuid(), &after, &is_active, &fetch])
        .await
        .tried("list recipients")?;
    Ok(Page::from_rows(read_all(&found)?, limit, |row| row.recipient_id.as_uuid()))
}

/// People by their ids, in no order.
pub(crate) async fn list_by_id(tx: &TenantTx<'_>, ids: &[RecipientId]) -> Result<Vec<RecipientRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &uuids(ids)];
    read_all(&tx.query(LIST_RECIPIENTS_BY_ID, &params).await.tried("find recipients")?)
}

/// People by the hashes of the callers' own ids, in no order.
pub(crate) async fn list_by_external_id(tx: &TenantTx<'_>, hashes: &[[u8; 16]]) -> Result<Vec<RecipientRow>> {
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 16]>::as_slice).collect();
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &hashes];
    read_all(&tx.query(LIST_RECIPIENTS_BY_EXTERNAL_ID, &params).await.tried("find recipients by external id")?)
}

/// People with an address, used or not; the newest 200.
pub(crate) async fn list_at(tx: &TenantTx<'_>, key: &AddressKey) -> Result<Vec<RecipientRow>> {
    let hash = key.address_hash.as_slice();
    let params: [&(dyn ToSql + Sync); 3] = [&tx.tenant_id().as_uuid(), &hash, &key.channel.as_i16()];
    read_all(&tx.query(LIST_RECIPIENTS_AT, &params).await.tried("find recipients by address")?)
}

/// The record that stands for each of these.
pub(crate) async fn list_survivors(
    tx: &TenantTx<'_>,
    ids: &[RecipientId],
) -> Result<BTreeMap<RecipientId, RecipientId>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &uuids(ids)];
    let found = tx.query(LIST_SURVIVORS, &params).await.tried("find survivors of merges")?;
    found.iter().map(|row| Ok((RecipientId::from_uuid(get(row, "asked_id")?), rows::recipient_id(row)?))).collect()
}

/// Makes records.
pub(crate) async fn insert_recipients(tx: &TenantTx<'_>, people: &[RecipientRow], now: Timestamp) -> Result<()> {
    write(tx, INSERT_RECIPIENTS, people, now).await
}

/// Changes records.
pub(crate) async fn update_recipients(tx: &TenantTx<'_>, people: &[RecipientRow], now: Timestamp) -> Result<()> {
    write(tx, UPDATE_RECIPIENTS, people, now).await
}

async fn write(tx: &TenantTx<'_>, sql: &'static str, people: &[RecipientRow], now: Timestamp) -> Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id().as_uuid();
    let ids: Vec<Uuid> = people.iter().map(|one| one.recipient_id.as_uuid()).collect();
    let hashes: Vec<Option<&[u8]>> =
        people.iter().map(|one| one.external_id_hash.as_ref().map(<[u8; 16]>::as_slice)).collect();
    let profiles: Vec<&[u8]> = people.iter().map(|one| one.profile_sealed.as_slice()).collect();
    let kinds: Vec<i16> = people.iter().map(|one| one.kind.as_i16()).collect();
    let languages: Vec<&str> = people.iter().map(|one| one.language.as_str()).collect();
    let zones: Vec<Option<&str>> = people.iter().map(|one| one.zone.as_deref()).collect();
    let states: Vec<Option<&str>> = people.iter().map(|one| one.state.as_deref()).collect();
    let active: Vec<bool> = people.iter().map(|one| one.is_active).collect();
    let params: [&(dyn ToSql + Sync); 10] =
        [&tenant_id, &ids, &hashes, &profiles, &kinds, &languages, &zones, &states, &active, &now];
    tx.execute(sql, &params).await.tried("write recipients")?;
    Ok(())
}

/// Who answers for these people.
pub(crate) async fn list_guardians(tx: &TenantTx<'_>, ids: &[RecipientId]) -> Result<Vec<Ward>> {
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &uuids(ids)];
    tx.query(LIST_GUARDIANS, &params).await.tried("list guardians")?.iter().map(read_ward).collect()
}

/// For whom somebody answers.
pub(crate) async fn list_wards(tx: &TenantTx<'_>, guardian_id: RecipientId) -> Result<Vec<Ward>> {
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &guardian_id.as_uuid()];
    tx.query(LIST_WARDS, &params).await.tried("list wards")?.iter().map(read_ward).collect()
}

/// Adds guardians, or changes them.
pub(crate) async fn put_guardians(tx: &TenantTx<'_>, wards: &[Ward]) -> Result<()> {
    if wards.is_empty() {
        return Ok(());
    }
    let (people, guardians) = ward_columns(wards);
    let scopes: Vec<i16> = wards.iter().map(|(_, guardian)| guardian.scope.as_i16()).collect();
    let ends: Vec<Option<Date>> = wards.iter().map(|(_, guardian)| guardian.ends_on).collect();
    let params: [&(dyn ToSql + Sync); 5] = [&tx.tenant_id().as_uuid(), &people, &guardians, &scopes, &ends];
    tx.execute(PUT_GUARDIANS, &params).await.tried("write guardians")?;
    Ok(())
}

/// Takes guardians away.
pub(crate) async fn delete_guardians(tx: &TenantTx<'_>, wards: &[Ward]) -> Result<()> {
    if wards.is_empty() {
        return Ok(());
    }
    let (people, guardians) = ward_columns(wards);
    let params: [&(dyn ToSql + Sync); 3] = [&tx.tenant_id().as_uuid(), &people, &guardians];
    tx.execute(DELETE_GUARDIANS, &params).await.tried("take guardians away")?;
    Ok(())
}

fn ward_columns(wards: &[Ward]) -> (Vec<Uuid>, Vec<Uuid>) {
    wards.iter().map(|(recipient_id, guardian)| (recipient_id.as_uuid(), guardian.guardian_id.as_uuid())).unzip()
}

pub(super) fn uuids(ids: &[RecipientId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.as_uuid()).collect()
}

fn read_all(found: &[Row]) -> Result<Vec<RecipientRow>> {
    found.iter().map(read).collect()
}

fn read(row: &Row) -> Result<RecipientRow> {
    Ok(RecipientRow {
        recipient_id: rows::recipient_id(row)?,
        external_id_hash: rows::optional_hash(row, "external_id_hash")?,
        profile_sealed: get(row, "profile_sealed")?,
        kind: number(row, "kind", RecipientKind::from_i16)?,
        language: get(row, "language")?,
        zone: get(row, "zone")?,
        state: get(row, "state")?,
        is_active: get(row, "is_active")?,
        merged_into: get::<Option<Uuid>>(row, "merged_into")?.map(RecipientId::from_uuid),
        version: get(row, "version")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
    })
}

fn read_ward(row: &Row) -> Result<Ward> {
    let guardian = Guardian {
        guardian_id: RecipientId::from_uuid(get(row, "guardian_id")?),
        scope: number(row, "scope", GuardianScope::from_i16)?,
        ends_on: get(row, "ends_on")?,
    };
    Ok((rows::recipient_id(row)?, guardian))
}
