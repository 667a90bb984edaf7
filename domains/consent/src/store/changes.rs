//! News for the gate of every process, and the sends that it counts.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{ConsentChangeId, MessageId, Purpose, TenantId};
use carepost_store::{EngineConnection, Row, Statements, TenantTx};

use super::rows::{self, Result, get, number};
use crate::error::Tried as _;
use crate::types::{AddressKey, ChangeKind, ConsentChange, PastSend};

pub(super) const INSERT_CONSENT_CHANGES: &str = include_str!("../sql/insert_consent_changes.sql");
pub(super) const LIST_CONSENT_CHANGES: &str = include_str!("../sql/list_consent_changes.sql");
pub(super) const DELETE_OLD_CONSENT_CHANGES: &str = include_str!("../sql/delete_old_consent_changes.sql");
pub(super) const INSERT_CONTACT_SENDS: &str = include_str!("../sql/insert_contact_sends.sql");
pub(super) const FIND_LAST_SEND: &str = include_str!("../sql/find_last_send.sql");
pub(super) const DELETE_OLD_CONTACT_SENDS: &str = include_str!("../sql/delete_old_contact_sends.sql");

/// Tells of a change, in the change's own transaction. No key: anything of the tenant.
///
/// The database stamps it: whoever hands in a long list does so with one `now`, which may be minutes old at its end.
///
/// # Errors
/// Where the database fails.
pub async fn insert_consent_changes(
    tx: &TenantTx<'_>,
    keys: &[Option<AddressKey>],
    what: ChangeKind,
    now: Timestamp,
) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = keys.iter().map(|_| ConsentChangeId::new(now).as_uuid()).collect();
    let channels: Vec<Option<i16>> = keys.iter().map(|key| key.map(|key| key.channel.as_i16())).collect();
    let hashes: Vec<Option<&[u8]>> =
        keys.iter().map(|key| key.as_ref().map(|key| key.address_hash.as_slice())).collect();
    let tenant_id = tx.tenant_id().as_uuid();
    tx.execute(INSERT_CONSENT_CHANGES, &[&tenant_id, &ids, &channels, &hashes, &what.as_i16()])
        .await
        .tried("tell of a change of consent")?;
    Ok(())
}

/// What changed since an instant, of all tenants, the oldest first.
///
/// The instants are those of the database's clock, taken before the changes were committed: ask again for some seconds
/// that were asked for already, and know what was seen by its id.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_consent_changes(connection: &EngineConnection, since: Timestamp) -> Result<Vec<ConsentChange>> {
    let rows = connection.query(LIST_CONSENT_CHANGES, &[&since]).await.tried("list changes of consent")?;
    rows.iter().map(change).collect()
}

/// Forgets news from before an instant; returns how many.
///
/// # Errors
/// Where the database fails.
pub async fn delete_old_consent_changes(connection: &EngineConnection, before: Timestamp) -> Result<u64> {
    connection.execute(DELETE_OLD_CONSENT_CHANGES, &[&before]).await.tried("delete old changes of consent")
}

/// Counts messages that left, for caps; one that is counted already is passed over.
///
/// # Errors
/// Where the database fails.
pub async fn insert_contact_sends(
    statements: &Statements<'_>,
    sends: &[(TenantId, AddressKey, PastSend)],
) -> Result<u64> {
    let tenants: Vec<Uuid> = sends.iter().map(|(tenant_id, _, _)| tenant_id.as_uuid()).collect();
    let keys: Vec<AddressKey> = sends.iter().map(|(_, key, _)| *key).collect();
    let (channels, hashes) = rows::columns(&keys);
    let messages: Vec<Uuid> = sends.iter().map(|(_, _, sent)| sent.message_id.as_uuid()).collect();
    let instants: Vec<Timestamp> = sends.iter().map(|(_, _, sent)| sent.at).collect();
    let purposes: Vec<i16> = sends.iter().map(|(_, _, sent)| sent.purpose.as_i16()).collect();
    let exempt: Vec<bool> = sends.iter().map(|(_, _, sent)| sent.is_exempt).collect();
    statements
        .execute(INSERT_CONTACT_SENDS, &[&tenants, &channels, &hashes, &messages, &instants, &purposes, &exempt])
        .await
        .tried("count messages that left")
}

/// The message that left last for an address by an instant, advertising aside, as far as it is remembered: what somebody
/// there answers.
///
/// # Errors
/// Where the database fails.
pub async fn find_last_send(
    connection: &EngineConnection,
    tenant_id: TenantId,
    key: AddressKey,
    until: Timestamp,
) -> Result<Option<MessageId>> {
    let (tenant_id, hash) = (tenant_id.as_uuid(), key.address_hash.as_slice());
    let (channel, advertising) = (key.channel.as_i16(), Purpose::Marketing.as_i16());
    let found = connection
        .query_opt(FIND_LAST_SEND, &[&tenant_id, &hash, &channel, &until, &advertising])
        .await
        .tried("find what left last for an address")?;
    found.map(|row| Ok(MessageId::from_uuid(get(&row, "message_id")?))).transpose()
}

/// Forgets what left before an instant; returns how many.
///
/// # Errors
/// Where the database fails.
pub async fn delete_old_contact_sends(connection: &EngineConnection, before: Timestamp) -> Result<u64> {
    connection.execute(DELETE_OLD_CONTACT_SENDS, &[&before]).await.tried("delete old counts of messages")
}

fn change(row: &Row) -> Result<ConsentChange> {
    let is_of_tenant = get::<Option<i16>>(row, "channel")?.is_none();
    Ok(ConsentChange {
        change_id: ConsentChangeId::from_uuid(get(row, "change_id")?),
        tenant_id: TenantId::from_uuid(get(row, "tenant_id")?),
        key: if is_of_tenant { None } else { Some(rows::address_key(row)?) },
        what: number(row, "what", ChangeKind::from_i16)?,
        at: get(row, "at")?,
    })
}
