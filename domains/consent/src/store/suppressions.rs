//! What keeps addresses from getting anything.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{Channel, Cursor, Page, SuppressionId};
use carepost_store::{Row, TenantTx, ToSql};

use super::page_bounds;
use super::rows::{self, Result, get, number};
use crate::error::Tried as _;
use crate::types::{Actor, AddressKey, ConsentSource, SuppressionReason};

pub(super) const INSERT_SUPPRESSION: &str = include_str!("../sql/insert_suppression.sql");
pub(super) const UPDATE_SUPPRESSION: &str = include_str!("../sql/update_suppression.sql");
pub(super) const LIFT_SUPPRESSIONS: &str = include_str!("../sql/lift_suppressions.sql");
pub(super) const LIST_OPEN_SUPPRESSIONS: &str = include_str!("../sql/list_open_suppressions.sql");
pub(super) const FIND_LIFT: &str = include_str!("../sql/find_lift.sql");
pub(super) const FIND_SUPPRESSION: &str = include_str!("../sql/find_suppression.sql");
pub(super) const LIST_SUPPRESSIONS: &str = include_str!("../sql/list_suppressions.sql");

/// A suppression as it is stored, its address still sealed.
#[derive(Clone)]
pub(crate) struct SuppressionRow {
    pub(crate) suppression_id: SuppressionId,
    pub(crate) key: AddressKey,
    pub(crate) address_sealed: Option<Vec<u8>>,
    pub(crate) reason: SuppressionReason,
    pub(crate) source: ConsentSource,
    pub(crate) since: Timestamp,
    pub(crate) until: Option<Timestamp>,
    pub(crate) lifted_at: Option<Timestamp>,
    pub(crate) actor: Actor,
}

impl SuppressionRow {
    /// Whether it keeps anything back now.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.lifted_at.is_none() && self.until.is_none_or(|until| until > now)
    }
}

/// Which suppressions a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SuppressionFilter {
    /// Of this reason alone.
    pub reason: Option<SuppressionReason>,
    /// Of this channel alone.
    pub channel: Option<Channel>,
    /// Those that hold at this instant; none: all that ever were.
    pub live_at: Option<Timestamp>,
}

pub(crate) async fn insert_suppression(tx: &TenantTx<'_>, row: &SuppressionRow) -> Result<()> {
    let (tenant_id, suppression_id) = (tx.tenant_id().as_uuid(), row.suppression_id.as_uuid());
    let hash = row.key.address_hash.as_slice();
    let params: [&(dyn ToSql + Sync); 11] = [
        &tenant_id,
        &suppression_id,
        &row.key.channel.as_i16(),
        &hash,
        &row.address_sealed,
        &row.reason.as_i16(),
        &row.source.as_i16(),
        &row.since,
        &row.until,
        &row.actor.kind.as_i16(),
        &row.actor.id,
    ];
    tx.execute(INSERT_SUPPRESSION, &params).await.tried("suppress address")?;
    Ok(())
}

pub(crate) async fn update_suppression(
    tx: &TenantTx<'_>,
    suppression_id: SuppressionId,
    until: Option<Timestamp>,
    address_sealed: Option<&[u8]>,
) -> Result<()> {
    let (tenant_id, suppression_id) = (tx.tenant_id().as_uuid(), suppression_id.as_uuid());
    tx.execute(UPDATE_SUPPRESSION, &[&tenant_id, &suppression_id, &until, &address_sealed])
        .await
        .tried("lengthen suppression")?;
    Ok(())
}

pub(crate) async fn lift_suppressions(
    tx: &TenantTx<'_>,
    ids: &[SuppressionId],
    at: Timestamp,
    actor: &Actor,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let tenant_id = tx.tenant_id().as_uuid();
    tx.execute(LIFT_SUPPRESSIONS, &[&tenant_id, &ids, &at, &actor.kind.as_i16(), &actor.id])
        .await
        .tried("lift suppression")?;
    Ok(())
}

/// When an address was last let get messages again that had been kept from it for this reason.
pub(crate) async fn find_lift(
    tx: &TenantTx<'_>,
    key: &AddressKey,
    reason: SuppressionReason,
) -> Result<Option<Timestamp>> {
    let (tenant_id, hash) = (tx.tenant_id().as_uuid(), key.address_hash.as_slice());
    let found = tx
        .query_opt(FIND_LIFT, &[&tenant_id, &hash, &key.channel.as_i16(), &reason.as_i16()])
        .await
        .tried("find the lift of a suppression")?;
    found.map(|row| get(&row, "lifted_at")).transpose()
}

/// Those of an address that nobody has lifted.
pub(crate) async fn list_open(tx: &TenantTx<'_>, key: &AddressKey) -> Result<Vec<SuppressionRow>> {
    let (tenant_id, hash) = (tx.tenant_id().as_uuid(), key.address_hash.as_slice());
    let found = tx
        .query(LIST_OPEN_SUPPRESSIONS, &[&tenant_id, &hash, &key.channel.as_i16()])
        .await
        .tried("list suppressions of an address")?;
    found.iter().map(read).collect()
}

pub(crate) async fn find_suppression(
    tx: &TenantTx<'_>,
    suppression_id: SuppressionId,
) -> Result<Option<SuppressionRow>> {
    let (tenant_id, suppression_id) = (tx.tenant_id().as_uuid(), suppression_id.as_uuid());
    let found = tx.query_opt(FIND_SUPPRESSION, &[&tenant_id, &suppression_id]).await.tried("find suppression")?;
    found.as_ref().map(read).transpose()
}

pub(crate) async fn list_suppressions(
    tx: &TenantTx<'_>,
    filter: SuppressionFilter,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<SuppressionRow>> {
    let (after, limit, fetch) = page_bounds(cursor, limit);
    let tenant_id = tx.tenant_id().as_uuid();
    let reason = filter.reason.map(SuppressionReason::as_i16);
    let channel = filter.channel.map(Channel::as_i16);
    let params: [&(dyn ToSql + Sync); 6] = [&tenant_id, &after, &reason, &channel, &filter.live_at, &fetch];
    let found = tx.query(LIST_SUPPRESSIONS, &params).await.tried("list suppressions")?;
    let found = found.iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(Page::from_rows(found, limit, |row| row.suppression_id.as_uuid()))
}

fn read(row: &Row) -> Result<SuppressionRow> {
    Ok(SuppressionRow {
        suppression_id: SuppressionId::from_uuid(get(row, "suppression_id")?),
        key: rows::address_key(row)?,
        address_sealed: get(row, "address_sealed")?,
        reason: number(row, "reason", SuppressionReason::from_i16)?,
        source: rows::source(row)?,
        since: get(row, "since")?,
        until: get(row, "until")?,
        lifted_at: get(row, "lifted_at")?,
        actor: rows::actor(row)?,
    })
}
