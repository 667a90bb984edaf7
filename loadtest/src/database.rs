//! A look into the engine's database from outside: rows against promises, and what they cost.

use std::collections::HashSet;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

/// Where tenants without a placement of their own live.
pub(crate) const SCHEMA: &str = "carepost_pooled";

const LIST_MESSAGES: &str = include_str!("sql/list_messages.sql");
const LIST_DELIVERED: &str = include_str!("sql/list_delivered.sql");
const COUNT_OPEN: &str = include_str!("sql/count_open.sql");
const GET_SPAN: &str = include_str!("sql/get_span.sql");
const GET_EFFORT: &str = include_str!("sql/get_effort.sql");
const GET_BULK: &str = include_str!("sql/get_bulk.sql");
const HOLD_SNAPSHOT: &str = include_str!("sql/hold_snapshot.sql");
const GET_SNAPSHOT: &str = include_str!("sql/get_snapshot.sql");
const IS_SNAPSHOT_HELD: &str = include_str!("sql/is_snapshot_held.sql");
const COUNT_RECEIPTS: &str = include_str!("sql/count_receipts.sql");
const SCAN_DELIVERIES: &str = include_str!("sql/scan_deliveries.sql");
const GET_VERSION: &str = include_str!("sql/get_version.sql");

/// One connection, which sees all tenants: the login owns the tables.
pub(crate) struct Database {
    pub(crate) client: Client,
    _driver: Driver,
}

/// Ends the connection's task with the connection.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the database has done since it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) commits: i64,
    pub(crate) wal_bytes: i64,
}

/// A snapshot that a session keeps open.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// The session's process.
    process: i32,
    /// The oldest transaction that vacuum must leave alone for it.
    oldest: String,
}

/// How much room the tables take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bulk {
    pub(crate) dead_rows: i64,
    pub(crate) table_bytes: i64,
    pub(crate) index_bytes: i64,
}

impl Database {
    pub(crate) async fn connect(url: &str) -> anyhow::Result<Self> {
        let mut config: Config = url.parse().context("read the database's connection string")?;
        config.options(format!("-c search_path={SCHEMA},public")).application_name("carepost-loadtest");
        let (client, connection) = config.connect(NoTls).await.context("connect to the database")?;
        let driver = tokio::spawn(async move {
            // The client's own calls say what went wrong.
            let _ended = connection.await;
        });
        Ok(Self { client, _driver: Driver(driver) })
    }

    pub(crate) async fn version(&self) -> anyhow::Result<String> {
        Ok(self.client.query_one(GET_VERSION, &[]).await?.try_get("version")?)
    }

    pub(crate) async fn messages(&self, tenants: &[Uuid]) -> anyhow::Result<Vec<Uuid>> {
        let rows = self.client.query(LIST_MESSAGES, &[&tenants]).await.context("list messages")?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    pub(crate) async fn delivered(&self, tenants: &[Uuid]) -> anyhow::Result<HashSet<Uuid>> {
        let rows = self.client.query(LIST_DELIVERED, &[&tenants]).await.context("list delivered messages")?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    pub(crate) async fn open(&self, tenants: &[Uuid]) -> anyhow::Result<i64> {
        Ok(self.client.query_one(COUNT_OPEN, &[&tenants]).await.context("count open deliveries")?.try_get("open")?)
    }

    /// Seconds from the first message since then to the last end.
    pub(crate) async fn span_s(&self, tenants: &[Uuid], since: Timestamp) -> anyhow::Result<f64> {
        let span: Option<f64> = self.client.query_one(GET_SPAN, &[&tenants, &since]).await?.try_get("span_s")?;
        Ok(span.unwrap_or(0.0))
    }

    /// By the statistics of the moment: dead rows are an estimate.
    pub(crate) async fn bulk(&self) -> anyhow::Result<Bulk> {
        let row = self.client.query_one(GET_BULK, &[&SCHEMA]).await.context("read the tables' statistics")?;
        Ok(Bulk {
            dead_rows: row.try_get("dead_rows")?,
            table_bytes: row.try_get("table_bytes")?,
            index_bytes: row.try_get("index_bytes")?,
        })
    }

    /// Keeps a snapshot of now open for as long as this connection lasts.
    pub(crate) async fn hold_snapshot(&self) -> anyhow::Result<Snapshot> {
        self.client.batch_execute(HOLD_SNAPSHOT).await.context("hold a snapshot")?;
        let row = self.client.query_one(GET_SNAPSHOT, &[]).await.context("look at the snapshot that is held")?;
        Ok(Snapshot { process: row.try_get("pid")?, oldest: row.try_get("backend_xmin")? })
    }

    /// Whether another connection's snapshot is still held, seen from this one.
    pub(crate) async fn is_held(&self, snapshot: &Snapshot) -> anyhow::Result<bool> {
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&snapshot.process, &snapshot.oldest];
        Ok(self
            .client
            .query_one(IS_SNAPSHOT_HELD, &params)
            .await
            .context("look for the snapshot")?
            .try_get("is_held")?)
    }

    /// Entries of the history that are receipts.
    pub(crate) async fn receipts(&self, tenants: &[Uuid]) -> anyhow::Result<i64> {
        Ok(self.client.query_one(COUNT_RECEIPTS, &[&tenants]).await.context("count receipts")?.try_get("receipts")?)
    }

    /// Reads every delivery.
    pub(crate) async fn scan(&self) -> anyhow::Result<i64> {
        Ok(self.client.query_one(SCAN_DELIVERIES, &[]).await.context("scan deliveries")?.try_get("read")?)
    }

    pub(crate) async fn effort(&self) -> anyhow::Result<Effort> {
        let row = self.client.query_one(GET_EFFORT, &[]).await.context("read the database's statistics")?;
        Ok(Effort { commits: row.try_get("commits")?, wal_bytes: row.try_get("wal_bytes")? })
    }
}
