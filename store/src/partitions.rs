//! Partitions by day: made ahead of time, indexed for searches once their day is over, dropped when their time is over
//! and nothing in them is open (DEL-1).
//!
//! The work is done by two functions of the placement's schema; only the tables' owner may do it, so each call takes a
//! short-lived connection of the login itself. An advisory lock keeps two processes from making the same partition.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio_postgres::types::ToSql;

use crate::database::Role;
use crate::transaction::{EngineTx, query};
use crate::{Placement, StoreError};

const LOCK_PARTITIONS: &str = include_str!("sql/lock_partitions.sql");
const ENSURE_PARTITIONS: &str = include_str!("sql/ensure_partitions.sql");
const DROP_PARTITION: &str = include_str!("sql/drop_partition.sql");
const LIST_MISSING_INDEXES: &str = include_str!("sql/list_missing_indexes.sql");
const TRY_LOCK_INDEXES: &str = include_str!("sql/try_lock_indexes.sql");
const UNLOCK_INDEXES: &str = include_str!("sql/unlock_indexes.sql");
const LIFT_STATEMENT_TIMEOUT: &str = include_str!("sql/lift_statement_timeout.sql");
const GET_LOCK_SLOTS: &str = include_str!("sql/get_lock_slots.sql");
const LIST_PARTITIONS: &str = include_str!("sql/list_partitions.sql");

const DAY_SECONDS: i64 = 86_400;

/// The table whose rows say whether a day is over.
const DELIVERIES: &str = "deliveries";

/// One day of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The partitioned table.
    pub table: String,
    /// The partition's own name.
    pub name: String,
    /// The day (UTC) whose rows it holds.
    pub day: Date,
    /// What it takes on disk, indexes included.
    pub size_bytes: i64,
}

/// Makes the partitions from yesterday (a slow clock's) to `days_ahead` days after `now`; returns how many were new.
///
/// # Errors
/// Where the database is away or the login does not own the tables.
pub async fn ensure_partitions(placement: &Placement, now: Timestamp, days_ahead: u16) -> Result<i32, StoreError> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let from_day = today.yesterday().unwrap_or(today);
    let days = i32::from(days_ahead) + 2;
    let rows = as_owner(placement, ENSURE_PARTITIONS, &[&from_day, &days]).await?;
    let days_since_1970 = now.as_second().div_euclid(DAY_SECONDS);
    placement.note_partitions_until((days_since_1970 + i64::from(days_ahead) + 1) * DAY_SECONDS);
    rows.first().map_or(Ok(0), |row| Ok(row.try_get("made")?))
}

/// What became of days whose time is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DroppedPartitions {
    /// The partitions that are gone.
    pub names: Vec<String>,
    /// Days that stay, in all their tables, because deliveries of theirs are open: scheduled for later, most likely.
    pub held: Vec<HeldDay>,
}

/// A day that cannot go yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldDay {
    /// The day (UTC).
    pub day: Date,
    /// How many of its deliveries are open.
    pub open: i64,
}

/// Drops the partitions of days before `day`, but for days with open deliveries: what was acknowledged stays until it
/// has ended (DEL-1).
///
/// # Errors
/// Where the database is away, the login does not own the tables, or readers keep a table for seconds; what was dropped
/// until then is gone, and the rest goes with the next call.
pub async fn drop_partitions_before(placement: &Placement, day: Date) -> Result<DroppedPartitions, StoreError> {
    let connection = placement.dedicated(Role::Owner).await?;
    let mut outcome = DroppedPartitions::default();
    let mut old: Vec<Partition> =
        list_partitions(placement).await?.into_iter().filter(|partition| partition.day < day).collect();
    // By day, and the deliveries of a day first: where they stay, the others stay. One table for each transaction, so
    // that nobody who holds one and wants another meets us halfway.
    old.sort_unstable_by_key(|partition| (partition.day, partition.table != DELIVERIES));
    for partition in old {
        if outcome.held.last().is_some_and(|held| held.day == partition.day) {
            continue;
        }
        let tx = EngineTx::begin(&connection).await?;
        let rows = tx.in_order((LOCK_PARTITIONS, &[]), (DROP_PARTITION, &[&partition.table, &partition.day])).await?;
        tx.commit().await?;
        match rows.first().map_or(Ok(0), |row| row.try_get("open"))? {
            0 => outcome.names.push(partition.name),
            open => outcome.held.push(HeldDay { day: partition.day, open }),
        }
    }
    Ok(outcome)
}

/// All partitions, by table and day.
///
/// # Errors
/// Where the database is away.
pub async fn list_partitions(placement: &Placement) -> Result<Vec<Partition>, StoreError> {
    let connection = placement.dedicated(Role::Owner).await?;
    let rows = query(&connection, LIST_PARTITIONS, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Partition {
                table: row.try_get("table_name")?,
                name: row.try_get("name")?,
                day: row.try_get("day")?,
                size_bytes: row.try_get("size_bytes")?,
            })
        })
        .collect()
}

/// Indexes the days before `day` by recipient, where they are not yet; returns the partitions that were.
///
/// A search for a recipient reads whole days without this index. On the way of a message it would cost 559 bytes of the
/// log for each (scattered entries, and new ones with each change of state); made at once for a day that is over, it
/// costs 48. It is made beside readers and writers.
///
/// # Errors
/// Where the database is away or the login does not own the tables; what is missing is made by the next call.
pub async fn index_past_days(placement: &Placement, day: Date) -> Result<Vec<String>, StoreError> {
    let connection = placement.dedicated(Role::Owner).await?;
    let lock = query(&connection, TRY_LOCK_INDEXES, &[]).await?;
    if !lock.first().map_or(Ok(false), |row| row.try_get("is_ours"))? {
        return Ok(Vec::new());
    }
    query(&connection, LIFT_STATEMENT_TIMEOUT, &[]).await?;
    let mut indexed = Vec::new();
    for row in query(&connection, LIST_MISSING_INDEXES, &[&day]).await? {
        // No transaction: PostgreSQL makes an index beside writers only by itself.
        connection.batch_execute(row.try_get("statement")?).await?;
        indexed.push(row.try_get("name")?);
    }
    query(&connection, UNLOCK_INDEXES, &[]).await?;
    indexed.dedup();
    Ok(indexed)
}

/// Locks that one transaction of the engine takes for each day that is kept: three tables with all their indexes.
/// Measured: 1,073 for a batch of the ledger over 97 days, before days that are over had one index more.
const LOCKS_PER_DAY: i64 = 12;

/// The server's room for locks against what a placement may want of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockRoom {
    /// Locks that the server has room for, over all sessions.
    pub slots: i64,
    /// Locks that this placement's connections may hold together.
    pub needed: i64,
}

impl LockRoom {
    /// There is enough; otherwise transactions fail with "out of shared memory" once the days have come together.
    #[must_use]
    pub const fn is_enough(self) -> bool {
        self.slots >= self.needed
    }
}

/// Compares the server's room for locks with what `connections` may want of it over `days` days of partitions.
///
/// # Errors
/// Where the database is away.
pub async fn lock_room(placement: &Placement, days: u32, connections: usize) -> Result<LockRoom, StoreError> {
    let slots = placement.engine().await?.query_one(GET_LOCK_SLOTS, &[]).await?.try_get("slots")?;
    let connections = i64::try_from(connections).unwrap_or(i64::MAX);
    Ok(LockRoom { slots, needed: connections.saturating_mul(i64::from(days) * LOCKS_PER_DAY) })
}

async fn as_owner(
    placement: &Placement,
    sql: &'static str,
    params: &[&(dyn ToSql + Sync)],
) -> Result<Vec<tokio_postgres::Row>, StoreError> {
    let connection = placement.dedicated(Role::Owner).await?;
    let tx = EngineTx::begin(&connection).await?;
    let rows = tx.in_order((LOCK_PARTITIONS, &[]), (sql, params)).await?;
    tx.commit().await?;
    Ok(rows)
}
