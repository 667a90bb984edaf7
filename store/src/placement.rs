//! A placement: one database and one schema, with a pool for tenants and a pool for the engine.
//!
//! The pools heal by themselves: a connection that PostgreSQL closed is noticed by its socket's task and thrown away
//! when it would be handed out, and a new one takes its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use carepost_kernel::{PlacementId, TenantId};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::Row;

use crate::database::{Connector, DatabaseConfig, Role};
use crate::transaction::{self, EngineTx, Params, TenantTx};
use crate::{IoRuntime, SchemaName, StoreError, metrics};

const PING: &str = include_str!("sql/ping.sql");

/// One database and one schema. Clones share the pools.
#[derive(Clone)]
pub struct Placement(Arc<Inner>);

struct Inner {
    id: PlacementId,
    schema: SchemaName,
    connector: Connector,
    app: Pool,
    engine: Pool,
    /// Unix seconds; 0 until this process has made sure of it.
    partitions_until: AtomicI64,
}

/// How full the pools of a placement are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStatus {
    /// The tenants' pool.
    pub app: PoolCounts,
    /// The engine's pool.
    pub engine: PoolCounts,
}

/// How full one pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolCounts {
    /// Most connections.
    pub max: usize,
    /// Open connections.
    pub open: usize,
    /// Open connections that nobody uses.
    pub idle: usize,
    /// Callers that wait for one.
    pub waiting: usize,
}

impl PoolCounts {
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            max: self.max + other.max,
            open: self.open + other.open,
            idle: self.idle + other.idle,
            waiting: self.waiting + other.waiting,
        }
    }
}

impl From<&Pool> for PoolCounts {
    fn from(pool: &Pool) -> Self {
        let status = pool.status();
        Self { max: status.max_size, open: status.size, idle: status.available, waiting: status.waiting }
    }
}

impl Placement {
    /// Opens the pools and one connection of each, so that a wrong configuration shows at once.
    ///
    /// # Errors
    /// [`StoreError::Config`] for an unusable configuration; [`StoreError::Unavailable`] where nobody answers;
    /// [`StoreError::Refused`] where the login or the roles are refused.
    pub async fn connect(
        id: PlacementId,
        config: &DatabaseConfig,
        schema: &SchemaName,
        io: &IoRuntime,
    ) -> Result<Self, StoreError> {
        let connector = Connector::new(config, io)?;
        let pool = |role, size| {
            let manager = Manager::from_connect(
                connector.session(role, Some(schema)),
                connector.clone(),
                // Safe because no setting outlives its transaction.
                ManagerConfig { recycling_method: RecyclingMethod::Fast },
            );
            Pool::builder(manager)
                .max_size(size)
                .wait_timeout(Some(config.acquire_timeout))
                .create_timeout(Some(config.acquire_timeout))
                .recycle_timeout(Some(config.acquire_timeout))
                .runtime(Runtime::Tokio1)
                .build()
                .map_err(|_| StoreError::Config("the pool cannot be built".to_owned()))
        };
        let app = pool(Role::App, config.app_connections)?;
        let engine = pool(Role::Engine, config.engine_connections)?;
        let partitions_until = AtomicI64::new(0);
        let placement = Self(Arc::new(Inner { id, schema: schema.clone(), connector, app, engine, partitions_until }));
        drop(acquire(&placement.0.app, metrics::POOL_APP).await?);
        placement.ping().await?;
        Ok(placement)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> PlacementId {
        self.0.id
    }

    /// Its schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaName {
        &self.0.schema
    }

    /// A connection for one tenant's transactions (role `carepost_app`).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where none comes free in time or the database is away.
    pub async fn tenant(&self, tenant: TenantId) -> Result<TenantConnection, StoreError> {
        Ok(TenantConnection { tenant, client: acquire(&self.0.app, metrics::POOL_APP).await? })
    }

    /// A connection for the engine's batches (role `carepost_engine`).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where none comes free in time or the database is away.
    pub async fn engine(&self) -> Result<EngineConnection, StoreError> {
        Ok(EngineConnection { client: acquire(&self.0.engine, metrics::POOL_ENGINE).await? })
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.engine().await?.execute(PING, &[]).await.map(|_| ())
    }

    /// How full the pools are, now.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        PoolStatus { app: (&self.0.app).into(), engine: (&self.0.engine).into() }
    }

    /// The Unix second up to which days have their partitions, as far as this process has seen to it.
    pub(crate) fn partitions_until(&self) -> Option<i64> {
        Some(self.0.partitions_until.load(Ordering::Relaxed)).filter(|until| *until > 0)
    }

    pub(crate) fn note_partitions_until(&self, second: i64) {
        self.0.partitions_until.store(second, Ordering::Relaxed);
    }

    /// A connection outside the pools, with the prepared statements' cache that pooled ones have.
    pub(crate) async fn dedicated(&self, role: Role) -> Result<deadpool_postgres::ClientWrapper, StoreError> {
        let session = self.0.connector.session(role, Some(&self.0.schema));
        let (client, task) = self.0.connector.open(&session).await?;
        Ok(deadpool_postgres::ClientWrapper::new(client, task))
    }
}

impl std::fmt::Debug for Placement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Placement({} {})", self.0.id, self.0.schema)
    }
}

async fn acquire(pool: &Pool, name: &'static str) -> Result<Object, StoreError> {
    let waiting = metrics::Stopwatch::start();
    let acquired = pool.get().await;
    metrics::record_acquire(name, waiting.elapsed(), acquired.is_ok());
    Ok(acquired?)
}

/// A connection on which one tenant's transactions run, one after the other.
pub struct TenantConnection {
    tenant: TenantId,
    client: Object,
}

impl TenantConnection {
    /// Begins a transaction that sees this tenant's rows only; one round trip.
    ///
    /// # Errors
    /// Where the connection fails.
    pub async fn begin(&mut self) -> Result<TenantTx<'_>, StoreError> {
        TenantTx::begin(&self.client, self.tenant).await
    }
}

impl std::fmt::Debug for TenantConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TenantConnection({})", self.tenant)
    }
}

/// A connection of the engine. Statements run directly on it commit by themselves.
pub struct EngineConnection {
    client: Object,
}

impl EngineConnection {
    /// Begins a transaction.
    ///
    /// # Errors
    /// Where the connection fails.
    pub async fn begin(&mut self) -> Result<EngineTx<'_>, StoreError> {
        EngineTx::begin(&self.client).await
    }

    /// All rows of a statement.
    ///
    /// # Errors
    /// Where PostgreSQL or the connection fails.
    pub async fn query(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, StoreError> {
        transaction::query(&self.client, sql, params).await
    }

    /// The one row of a statement, or none.
    ///
    /// # Errors
    /// As [`Self::query`], and where more than one row comes.
    pub async fn query_opt(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>, StoreError> {
        transaction::at_most_one(self.query(sql, params).await?)
    }

    /// The one row of a statement.
    ///
    /// # Errors
    /// As [`Self::query`], and where not exactly one row comes.
    pub async fn query_one(&self, sql: &'static str, params: Params<'_>) -> Result<Row, StoreError> {
        self.query_opt(sql, params).await?.ok_or(StoreError::RowCount { rows: 0 })
    }

    /// Runs a statement, and commits it; returns how many rows it touched.
    ///
    /// # Errors
    /// Where PostgreSQL or the connection fails.
    pub async fn execute(&self, sql: &'static str, params: Params<'_>) -> Result<u64, StoreError> {
        transaction::execute(&self.client, sql, params).await
    }
}

impl std::fmt::Debug for EngineConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EngineConnection")
    }
}
