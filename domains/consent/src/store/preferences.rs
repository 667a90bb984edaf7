//! What people wish, what they wished before, and the terms that they have accepted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use carepost_kernel::{Channel, RecipientId};
use carepost_store::{Row, TenantTx, ToSql};

use super::rows::{self, Result, get};
use crate::ConsentError;
use crate::error::Tried as _;
use crate::types::{AcceptedTerms, Actor, ConsentSource, PreferenceVersion, Preferences, PreferencesRecord};

pub(super) const FIND_PREFERENCES: &str = include_str!("../sql/find_preferences.sql");
pub(super) const LIST_FIRST_CHANNELS: &str = include_str!("../sql/list_first_channels.sql");
pub(super) const PUT_PREFERENCES: &str = include_str!("../sql/put_preferences.sql");
pub(super) const INSERT_PREFERENCE_EVENT: &str = include_str!("../sql/insert_preference_event.sql");
pub(super) const LIST_PREFERENCE_EVENTS: &str = include_str!("../sql/list_preference_events.sql");
pub(super) const INSERT_TERMS: &str = include_str!("../sql/insert_terms.sql");
pub(super) const LIST_TERMS: &str = include_str!("../sql/list_terms.sql");

/// What somebody wishes; version 0 where they never said.
pub(crate) async fn find_preferences(tx: &TenantTx<'_>, recipient_id: RecipientId) -> Result<PreferencesRecord> {
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &recipient_id.as_uuid()];
    let row = tx.query_opt(FIND_PREFERENCES, &params).await.tried("find preferences")?;
    row.as_ref().map_or(Ok(PreferencesRecord::default()), |row| {
        Ok(PreferencesRecord {
            preferences: body(row)?,
            version: get(row, "version")?,
            updated_at: Some(get(row, "updated_at")?),
        })
    })
}

/// The channels that these people want to be tried first; who wishes for none is left out. By the ids of records that
/// stand: those of merged ones are nobody's.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_first_channels(tx: &TenantTx<'_>, ids: &[RecipientId]) -> Result<BTreeMap<RecipientId, Channel>> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &ids];
    let found = tx.query(LIST_FIRST_CHANNELS, &params).await.tried("list the channels that people prefer")?;
    let read = |row: &Row| {
        let channel = get::<&str>(row, "first_channel")?.parse();
        let channel = channel.map_err(|_| ConsentError::Row { column: "first_channel" })?;
        Ok((RecipientId::from_uuid(get(row, "recipient_id")?), channel))
    };
    found.iter().map(read).collect()
}

/// Writes a new state of somebody's wishes, and keeps it in their history.
pub(crate) async fn put_preferences(
    tx: &TenantTx<'_>,
    recipient_id: RecipientId,
    record: &PreferencesRecord,
    (source, actor, now): (ConsentSource, &Actor, Timestamp),
) -> Result<()> {
    const TRIED: &str = "write preferences";
    let stored = serde_json::to_value(&record.preferences).map_err(|_| ConsentError::Row { column: "body" })?;
    let (tenant_id, recipient_id) = (tx.tenant_id().as_uuid(), recipient_id.as_uuid());
    let params: [&(dyn ToSql + Sync); 5] = [&tenant_id, &recipient_id, &stored, &record.version, &now];
    tx.execute(PUT_PREFERENCES, &params).await.tried(TRIED)?;
    let params: [&(dyn ToSql + Sync); 8] =
        [&tenant_id, &recipient_id, &record.version, &stored, &source.as_i16(), &actor.kind.as_i16(), &actor.id, &now];
    tx.execute(INSERT_PREFERENCE_EVENT, &params).await.tried(TRIED)?;
    Ok(())
}

/// What somebody wished over time, the newest first; the last 200.
pub(crate) async fn list_history(tx: &TenantTx<'_>, recipient_id: RecipientId) -> Result<Vec<PreferenceVersion>> {
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &recipient_id.as_uuid()];
    let found = tx.query(LIST_PREFERENCE_EVENTS, &params).await.tried("list history of preferences")?;
    let read = |row: &Row| {
        Ok(PreferenceVersion {
            preferences: body(row)?,
            version: get(row, "version")?,
            source: rows::source(row)?,
            actor: rows::actor(row)?,
            at: get(row, "at")?,
        })
    };
    found.iter().map(read).collect()
}

/// Somebody has accepted terms; false where they had before.
pub(crate) async fn insert_terms(
    tx: &TenantTx<'_>,
    recipient_id: RecipientId,
    terms: &AcceptedTerms,
    wording_sealed: Option<&[u8]>,
) -> Result<bool> {
    let params: [&(dyn ToSql + Sync); 9] = [
        &tx.tenant_id().as_uuid(),
        &recipient_id.as_uuid(),
        &terms.terms_version,
        &wording_sealed,
        &terms.language,
        &terms.source.as_i16(),
        &terms.actor.kind.as_i16(),
        &terms.actor.id,
        &terms.accepted_at,
    ];
    Ok(tx.execute(INSERT_TERMS, &params).await.tried("write accepted terms")? == 1)
}

/// Terms that somebody has accepted, the newest first.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_terms(tx: &TenantTx<'_>, recipient_id: RecipientId) -> Result<Vec<AcceptedTerms>> {
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &recipient_id.as_uuid()];
    let found = tx.query(LIST_TERMS, &params).await.tried("list accepted terms")?;
    let read = |row: &Row| {
        Ok(AcceptedTerms {
            terms_version: get(row, "terms_version")?,
            language: get(row, "language")?,
            source: rows::source(row)?,
            actor: rows::actor(row)?,
            accepted_at: get(row, "accepted_at")?,
        })
    };
    found.iter().map(read).collect()
}

fn body(row: &Row) -> Result<Preferences> {
    let stored: Value = get(row, "body")?;
    serde_json::from_value(stored).map_err(|_| ConsentError::Row { column: "body" })
}
