//! From rows to records. A number that this version does not know is an error, never a guess.

use tokio_postgres::types::FromSql;
use uuid::Uuid;

use carepost_kernel::{Channel, Purpose, RecipientId};
use carepost_store::Row;

use crate::ConsentError;
use crate::types::{Actor, ActorKind, AddressKey, ConsentSource, ConsentState};

pub(crate) type Result<T> = std::result::Result<T, ConsentError>;

/// A column as it is stored.
pub(crate) fn get<'row, T: FromSql<'row>>(row: &'row Row, column: &'static str) -> Result<T> {
    row.try_get(column).map_err(|_| ConsentError::Row { column })
}

/// A numbered column as its enum.
pub(crate) fn number<T>(row: &Row, column: &'static str, from: impl Fn(i16) -> Option<T>) -> Result<T> {
    from(get(row, column)?).ok_or(ConsentError::Row { column })
}

/// A column that counts from 0 or 1.
pub(crate) fn place(row: &Row) -> Result<usize> {
    let ordinal: i64 = get(row, "place")?;
    // WITH ORDINALITY counts from 1.
    usize::try_from(ordinal - 1).map_err(|_| ConsentError::Row { column: "place" })
}

pub(crate) fn recipient_id(row: &Row) -> Result<RecipientId> {
    Ok(RecipientId::from_uuid(get(row, "recipient_id")?))
}

pub(crate) fn hash(row: &Row, column: &'static str) -> Result<[u8; 16]> {
    get::<&[u8]>(row, column)?.try_into().map_err(|_| ConsentError::Row { column })
}

pub(crate) fn optional_hash(row: &Row, column: &'static str) -> Result<Option<[u8; 16]>> {
    let stored: Option<&[u8]> = get(row, column)?;
    stored.map(|stored| stored.try_into().map_err(|_| ConsentError::Row { column })).transpose()
}

pub(crate) fn address_key(row: &Row) -> Result<AddressKey> {
    Ok(AddressKey { channel: number(row, "channel", Channel::from_i16)?, address_hash: hash(row, "address_hash")? })
}

pub(crate) fn state(row: &Row) -> Result<ConsentState> {
    number(row, "state", ConsentState::from_i16)
}

pub(crate) fn source(row: &Row) -> Result<ConsentSource> {
    number(row, "source", ConsentSource::from_i16)
}

/// 0 or null: all purposes.
pub(crate) fn purpose(row: &Row) -> Result<Option<Purpose>> {
    match get::<Option<i16>>(row, "purpose")? {
        None | Some(0) => Ok(None),
        Some(stored) => Purpose::from_i16(stored).map(Some).ok_or(ConsentError::Row { column: "purpose" }),
    }
}

pub(crate) fn actor(row: &Row) -> Result<Actor> {
    Ok(Actor { kind: number(row, "actor_kind", ActorKind::from_i16)?, id: get(row, "actor_id")? })
}

/// The columns `channel` and `address_hash` of many addresses, for `unnest`.
pub(crate) fn columns(keys: &[AddressKey]) -> (Vec<i16>, Vec<&[u8]>) {
    keys.iter().map(|key| (key.channel.as_i16(), key.address_hash.as_slice())).unzip()
}

/// Stands in rows for nobody in particular.
pub(crate) const NOBODY: RecipientId = RecipientId::from_uuid(Uuid::nil());
