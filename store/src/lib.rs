//! The store: PostgreSQL plumbing without domain knowledge.
//!
//! Purpose: a [`Placement`] is one database and one schema where tenants' rows live. It hands out a tenant's
//! transaction, which sees that tenant's rows only, and the engine's connections, which write batches for many tenants.
//! Around it: migrations, partitions, leases and a PostgreSQL of our own.
//!
//! Invariants kept here:
//! - **DEL-1** A commit that follows a failed or an unfinished statement is an error, never a silent rollback.
//! - **DEL-9** [`StoreError`] keeps code, table and constraint; PostgreSQL's texts, which hold values, are dropped.
//!   The tenant is set for one transaction at a time, so that no connection carries it on to somebody else.
//! - **DEL-10** [`Leases`] give a tenant one owner; [`lease::fence`] refuses the writes of a former one.
//!
//! Deliberately absent: tables' meanings, rules, retries, any SQL of the rooms.
//! Poolers that refuse start-up options (`PgBouncer`) are not supported: role and schema travel there.

pub mod database;
pub mod embedded;
pub mod error;
pub mod io_runtime;
pub mod lease;
pub mod metrics;
pub mod migrate;
pub mod partitions;
pub mod peers;
pub mod placement;
pub mod schema_name;
pub mod transaction;

pub use database::DatabaseConfig;
pub use embedded::{EmbeddedConfig, EmbeddedError, EmbeddedServer};
pub use error::StoreError;
pub use io_runtime::IoRuntime;
pub use lease::{Lease, Leases};
pub use migrate::{ensure_roles, migrate_control, migrate_placement};
pub use partitions::{
    DroppedPartitions, HeldDay, LockRoom, Partition, drop_partitions_before, ensure_partitions, index_past_days,
    list_partitions, lock_room,
};
pub use peers::Peer;
pub use placement::{EngineConnection, Placement, PoolCounts, PoolStatus, TenantConnection};
pub use schema_name::SchemaName;
pub use transaction::{EngineTx, Params, Statements, TenantTx};

pub use tokio_postgres::Row;
pub use tokio_postgres::types::{Json, ToSql};
