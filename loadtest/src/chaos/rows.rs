//! What is in the database: ends, history, owners.

use std::collections::HashMap;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::database::Database;

const LIST_ENDS: &str = include_str!("../sql/list_ends.sql");
const LIST_HISTORY: &str = include_str!("../sql/list_history.sql");
const LIST_RECENT_HISTORY: &str = include_str!("../sql/list_recent_history.sql");
const COUNT_UNSETTLED: &str = include_str!("../sql/count_unsettled.sql");
const ASK_FOR_ROOM: &str = include_str!("../sql/ask_for_room.sql");
const SWITCH_WAL: &str = include_str!("../sql/switch_wal.sql");
const LIST_OWNERS: &str = include_str!("../sql/list_owners.sql");

/// How a delivery stands. Each message of this run has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) message_id: Uuid,
    pub(crate) state: i16,
    pub(crate) is_open: bool,
    pub(crate) attempt_no: i16,
    pub(crate) purpose: i16,
}

/// An entry of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) message_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) kind: i16,
    pub(crate) at: Timestamp,
    pub(crate) attempt_no: i16,
    pub(crate) code: Option<String>,
    /// Of all that it says.
    pub(crate) digest: i64,
}

pub(crate) async fn ends(database: &Database, tenants: &[Uuid]) -> anyhow::Result<Vec<End>> {
    let rows = database.client.query(LIST_ENDS, &[&tenants]).await.context("list how deliveries ended")?;
    let end = |row: &tokio_postgres::Row| -> Result<End, tokio_postgres::Error> {
        Ok(End {
            message_id: row.try_get("message_id")?,
            state: row.try_get("state")?,
            is_open: row.try_get("is_open")?,
            attempt_no: row.try_get("attempt_no")?,
            purpose: row.try_get("purpose")?,
        })
    };
    Ok(rows.iter().map(end).collect::<Result<_, _>>()?)
}

pub(crate) async fn history(database: &Database, tenants: &[Uuid]) -> anyhow::Result<Vec<Entry>> {
    let rows = database.client.query(LIST_HISTORY, &[&tenants]).await.context("list the history")?;
    let entry = |row: &tokio_postgres::Row| -> Result<Entry, tokio_postgres::Error> {
        Ok(Entry {
            message_id: row.try_get("message_id")?,
            event_id: row.try_get("event_id")?,
            kind: row.try_get("kind")?,
            at: row.try_get("at")?,
            attempt_no: row.try_get("attempt_no")?,
            code: row.try_get("code")?,
            digest: row.try_get("digest")?,
        })
    };
    Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
}

/// Digests of the entries since then.
pub(crate) async fn recent(
    database: &Database,
    tenants: &[Uuid],
    since: Timestamp,
) -> anyhow::Result<HashMap<Uuid, i64>> {
    let rows = database.client.query(LIST_RECENT_HISTORY, &[&tenants, &since]).await.context("list recent history")?;
    rows.iter().map(|row| Ok((row.try_get("event_id")?, row.try_get("digest")?))).collect()
}

pub(crate) async fn unsettled(database: &Database, tenants: &[Uuid]) -> anyhow::Result<i64> {
    let row = database.client.query_one(COUNT_UNSETTLED, &[&tenants]).await.context("count what is not settled")?;
    Ok(row.try_get("unsettled")?)
}

/// The living owner of each tenant that has one.
pub(crate) async fn owners(database: &Database, tenants: &[Uuid]) -> anyhow::Result<Vec<Uuid>> {
    let rows = database.client.query(LIST_OWNERS, &[&tenants]).await.context("list owners")?;
    rows.iter().map(|row| Ok(row.try_get("owner_id")?)).collect()
}

/// Whether PostgreSQL finds much room on its disk. Where it finds none it says so, or panics.
pub(crate) async fn has_room(database: &Database) -> bool {
    match database.client.batch_execute(ASK_FOR_ROOM).await {
        Ok(()) => true,
        Err(error) => error.code() != Some(&SqlState::DISK_FULL) && !error.is_closed() && !database.client.is_closed(),
    }
}

/// Makes PostgreSQL ask the disk for room.
pub(crate) async fn switch_wal(database: &Database) -> anyhow::Result<()> {
    database.client.query_one(SWITCH_WAL, &[]).await.context("switch to a new segment of the log")?;
    Ok(())
}
