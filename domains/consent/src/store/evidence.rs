//! The evidence of consent, and the present state that is derived from it.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{ConsentEventId, Cursor, InboundId, Page, RecipientId};
use carepost_store::{Row, TenantTx, ToSql};

use super::facts::{LIST_STATES_AT, grant};
use super::page_bounds;
use super::rows::{self, Result, get};
use crate::error::Tried as _;
use crate::types::{Actor, AddressKey, ConsentSource, ConsentState, Evidence, Grant, Said};

pub(super) const LOCK_ADDRESSES: &str = include_str!("../sql/lock_addresses.sql");
pub(super) const LIST_EVIDENCE: &str = include_str!("../sql/list_evidence.sql");
pub(super) const FIND_INBOUND_EVIDENCE: &str = include_str!("../sql/find_inbound_evidence.sql");
pub(super) const INSERT_CONSENT_EVENTS: &str = include_str!("../sql/insert_consent_events.sql");
pub(super) const LIST_CONSENT_EVENTS: &str = include_str!("../sql/list_consent_events.sql");
pub(super) const DELETE_CONSENT_STATES: &str = include_str!("../sql/delete_consent_states.sql");
pub(super) const INSERT_CONSENT_STATES: &str = include_str!("../sql/insert_consent_states.sql");
pub(super) const LIST_CONSENT_STATES: &str = include_str!("../sql/list_consent_states.sql");

/// A person at an address; [`rows::NOBODY`]: the address, whoever reads there.
pub(crate) type Spot = (AddressKey, RecipientId);

/// One entry to be written.
pub(crate) struct NewEvent {
    pub(crate) event_id: ConsentEventId,
    pub(crate) recipient_id: Option<RecipientId>,
    pub(crate) key: AddressKey,
    pub(crate) purpose: Option<carepost_kernel::Purpose>,
    pub(crate) wording_sealed: Option<Vec<u8>>,
}

/// What the entries of one deed have in common.
pub(crate) struct Deed<'a> {
    pub(crate) state: ConsentState,
    pub(crate) said: &'a Said,
    pub(crate) actor: &'a Actor,
    pub(crate) at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
}

/// An entry as it is stored, its words still sealed.
pub(crate) struct StoredEvent {
    pub(crate) evidence: Evidence,
    pub(crate) recipient_id: Option<RecipientId>,
    pub(crate) key: AddressKey,
    pub(crate) source: ConsentSource,
    pub(crate) wording_sealed: Option<Vec<u8>>,
    pub(crate) wording_version: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) actor: Actor,
    pub(crate) inbound_id: Option<InboundId>,
}

/// Lets one writer at a time work on these addresses. To be called once in a transaction.
pub(crate) async fn lock_addresses(tx: &TenantTx<'_>, keys: &[AddressKey]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let (_, hashes) = rows::columns(keys);
    tx.query(LOCK_ADDRESSES, &[&tx.tenant_id().as_uuid(), &hashes]).await.tried("lock addresses")?;
    Ok(())
}

/// Whether a message from outside has been written down for the address already.
pub(crate) async fn is_inbound_known(tx: &TenantTx<'_>, key: &AddressKey, inbound_id: InboundId) -> Result<bool> {
    let (tenant_id, hash) = (tx.tenant_id().as_uuid(), key.address_hash.as_slice());
    let params: [&(dyn ToSql + Sync); 4] = [&tenant_id, &hash, &key.channel.as_i16(), &inbound_id.as_uuid()];
    let row = tx.query_one(FIND_INBOUND_EVIDENCE, &params).await.tried("find evidence of an inbound message")?;
    get(&row, "is_known")
}

/// Writes entries.
pub(crate) async fn insert_events(tx: &TenantTx<'_>, events: &[NewEvent], deed: &Deed<'_>) -> Result<()> {
    let tenant_id = tx.tenant_id().as_uuid();
    let ids: Vec<Uuid> = events.iter().map(|event| event.event_id.as_uuid()).collect();
    let people: Vec<Option<Uuid>> = events.iter().map(|event| event.recipient_id.map(RecipientId::as_uuid)).collect();
    let keys: Vec<AddressKey> = events.iter().map(|event| event.key).collect();
    let (channels, hashes) = rows::columns(&keys);
    let purposes: Vec<Option<i16>> =
        events.iter().map(|event| event.purpose.map(carepost_kernel::Purpose::as_i16)).collect();
    let wordings: Vec<Option<&[u8]>> = events.iter().map(|event| event.wording_sealed.as_deref()).collect();
    let inbound_id = deed.said.inbound_id.map(InboundId::as_uuid);
    let params: [&(dyn ToSql + Sync); 16] = [
        &tenant_id,
        &ids,
        &people,
        &channels,
        &hashes,
        &purposes,
        &wordings,
        &deed.state.as_i16(),
        &deed.said.source.as_i16(),
        &deed.said.wording_version,
        &deed.said.language,
        &deed.actor.kind.as_i16(),
        &deed.actor.id,
        &deed.at,
        &deed.expires_at,
        &inbound_id,
    ];
    tx.execute(INSERT_CONSENT_EVENTS, &params).await.tried("write evidence of consent")?;
    Ok(())
}

/// What decides over the state of each spot, in their order.
pub(crate) async fn list_evidence(tx: &TenantTx<'_>, spots: &[Spot]) -> Result<Vec<Vec<Evidence>>> {
    let (keys, people) = columns(spots);
    let (channels, hashes) = rows::columns(&keys);
    let tenant_id = tx.tenant_id().as_uuid();
    let found =
        tx.query(LIST_EVIDENCE, &[&tenant_id, &channels, &hashes, &people]).await.tried("read evidence of consent")?;
    let mut evidence = vec![Vec::new(); spots.len()];
    for row in &found {
        let place = rows::place(row)?;
        let of_spot: &mut Vec<Evidence> =
            evidence.get_mut(place).ok_or(crate::ConsentError::Row { column: "place" })?;
        of_spot.push(read_evidence(row)?);
    }
    Ok(evidence)
}

/// Everybody who has a state at an address, whether they are reached there or not.
pub(crate) async fn list_spots_at(tx: &TenantTx<'_>, key: &AddressKey) -> Result<Vec<Spot>> {
    let (channels, hashes) = rows::columns(std::slice::from_ref(key));
    let params: [&(dyn ToSql + Sync); 3] = [&tx.tenant_id().as_uuid(), &channels, &hashes];
    let rows = tx.query(LIST_STATES_AT, &params).await.tried("list who has a state at an address")?;
    rows.iter().map(|row| Ok((*key, rows::recipient_id(row)?))).collect()
}

/// Puts derived states in the place of those that are there.
pub(crate) async fn replace_states(tx: &TenantTx<'_>, spots: &[Spot], states: &[Vec<Grant>]) -> Result<()> {
    const TRIED: &str = "write states of consent";
    let (keys, people) = columns(spots);
    let (channels, hashes) = rows::columns(&keys);
    let tenant_id = tx.tenant_id().as_uuid();
    tx.execute(DELETE_CONSENT_STATES, &[&tenant_id, &channels, &hashes, &people]).await.tried(TRIED)?;
    let flat: Vec<(Spot, &Grant)> =
        spots.iter().zip(states).flat_map(|(spot, grants)| grants.iter().map(|grant| (*spot, grant))).collect();
    if flat.is_empty() {
        return Ok(());
    }
    let spots: Vec<Spot> = flat.iter().map(|(spot, _)| *spot).collect();
    let (keys, people) = columns(&spots);
    let (channels, hashes) = rows::columns(&keys);
    let purposes: Vec<i16> =
        flat.iter().map(|(_, grant)| grant.purpose.map_or(0, carepost_kernel::Purpose::as_i16)).collect();
    let numbers: Vec<i16> = flat.iter().map(|(_, grant)| grant.state.as_i16()).collect();
    let since: Vec<Timestamp> = flat.iter().map(|(_, grant)| grant.since).collect();
    let expires: Vec<Option<Timestamp>> = flat.iter().map(|(_, grant)| grant.expires_at).collect();
    let params: [&(dyn ToSql + Sync); 8] =
        [&tenant_id, &channels, &hashes, &people, &purposes, &numbers, &since, &expires];
    tx.execute(INSERT_CONSENT_STATES, &params).await.tried(TRIED)?;
    Ok(())
}

/// One page of what a person said, the newest first.
pub(crate) async fn list_events(
    tx: &TenantTx<'_>,
    recipient_id: RecipientId,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<StoredEvent>> {
    let (after, limit, fetch) = page_bounds(cursor, limit);
    let (tenant_id, recipient_id) = (tx.tenant_id().as_uuid(), recipient_id.as_uuid());
    let found = tx
        .query(LIST_CONSENT_EVENTS, &[&tenant_id, &recipient_id, &after, &fetch])
        .await
        .tried("list evidence of consent")?;
    let events = found.iter().map(read_event).collect::<Result<Vec<_>>>()?;
    Ok(Page::from_rows(events, limit, |event| event.evidence.event_id.as_uuid()))
}

/// Present consent of a person, by address.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_consent_states(tx: &TenantTx<'_>, recipient_id: RecipientId) -> Result<Vec<(AddressKey, Grant)>> {
    let (tenant_id, recipient_id) = (tx.tenant_id().as_uuid(), recipient_id.as_uuid());
    let found = tx.query(LIST_CONSENT_STATES, &[&tenant_id, &recipient_id]).await.tried("list states of consent")?;
    found.iter().map(|row| Ok((rows::address_key(row)?, grant(row)?))).collect()
}

fn columns(spots: &[Spot]) -> (Vec<AddressKey>, Vec<Uuid>) {
    spots.iter().map(|(key, recipient_id)| (*key, recipient_id.as_uuid())).unzip()
}

fn read_evidence(row: &Row) -> Result<Evidence> {
    Ok(Evidence {
        event_id: ConsentEventId::from_uuid(get(row, "event_id")?),
        purpose: rows::purpose(row)?,
        state: rows::state(row)?,
        at: get(row, "at")?,
        expires_at: get(row, "expires_at")?,
    })
}

fn read_event(row: &Row) -> Result<StoredEvent> {
    Ok(StoredEvent {
        evidence: read_evidence(row)?,
        recipient_id: get::<Option<Uuid>>(row, "recipient_id")?.map(RecipientId::from_uuid),
        key: rows::address_key(row)?,
        source: rows::source(row)?,
        wording_sealed: get(row, "wording_sealed")?,
        wording_version: get(row, "wording_version")?,
        language: get(row, "language")?,
        actor: rows::actor(row)?,
        inbound_id: get::<Option<Uuid>>(row, "inbound_id")?.map(InboundId::from_uuid),
    })
}
