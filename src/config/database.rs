//! Which PostgreSQL, and how much of it.

use std::path::PathBuf;
use std::time::Duration;

use carepost_kernel::Secret;
use carepost_store::DatabaseConfig;

use super::Reader;

/// Which PostgreSQL, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// `DATABASE_URL` or `DATABASE_URL_FILE`: `postgres://...`. Default: none, which runs a PostgreSQL of our own.
    pub url: Option<Secret<String>>,
    /// `CAREPOST_DB_ROOT_CERTIFICATE`: PEM file of the authorities that sign the server's certificate. Default: the
    /// operating system's.
    pub root_certificate: Option<PathBuf>,
    /// `CAREPOST_DB_APP_CONNECTIONS`: most connections for tenants' transactions in the pooled placement. Default 8.
    pub app_connections: usize,
    /// `CAREPOST_DB_ENGINE_CONNECTIONS`: most connections for the engine's batches there. Default 8.
    pub engine_connections: usize,
    /// `CAREPOST_DB_OWN_PLACEMENT_CONNECTIONS`: most connections of each kind for each placement of a tenant's own.
    /// Default 4.
    pub own_placement_connections: usize,
    /// `CAREPOST_DB_ACQUIRE_TIMEOUT_MS`: longest wait for a connection, in milliseconds. Default 5000.
    pub acquire_timeout: Duration,
    /// `CAREPOST_DB_STATEMENT_TIMEOUT_MS`: longest statement of a tenant, in milliseconds. Default 10000.
    pub statement_timeout: Duration,
    /// `CAREPOST_DB_START_PATIENCE_S`: how long a start waits for a database that is away, in seconds. Default 30.
    pub start_patience: Duration,
    /// `CAREPOST_POSTGRES_BIN_DIR`: folder with `initdb` and `postgres` for our own PostgreSQL. Default: the newest
    /// below `/usr/lib/postgresql`.
    pub postgres_bin_dir: Option<PathBuf>,
}

impl DatabaseSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let url = reader.secret("DATABASE_URL");
        let bin_dir = reader.path("CAREPOST_POSTGRES_BIN_DIR");
        if url.is_some() && bin_dir.is_some() {
            reader.fault("CAREPOST_POSTGRES_BIN_DIR", "is of no use beside DATABASE_URL");
        }
        Self {
            url,
            root_certificate: reader.path("CAREPOST_DB_ROOT_CERTIFICATE"),
            app_connections: reader.count("CAREPOST_DB_APP_CONNECTIONS", 8, 1..=1_000),
            engine_connections: reader.count("CAREPOST_DB_ENGINE_CONNECTIONS", 8, 2..=1_000),
            own_placement_connections: reader.count("CAREPOST_DB_OWN_PLACEMENT_CONNECTIONS", 4, 2..=1_000),
            acquire_timeout: reader.millis("CAREPOST_DB_ACQUIRE_TIMEOUT_MS", 5_000, 100..=60_000),
            statement_timeout: reader.millis("CAREPOST_DB_STATEMENT_TIMEOUT_MS", 10_000, 100..=600_000),
            start_patience: reader.seconds("CAREPOST_DB_START_PATIENCE_S", 30, 0..=3_600),
            postgres_bin_dir: bin_dir,
        }
    }

    /// The store's form of it, for the pooled placement of the database at `url`.
    #[must_use]
    pub fn store_config(&self, url: Secret<String>) -> DatabaseConfig {
        DatabaseConfig {
            app_connections: self.app_connections,
            engine_connections: self.engine_connections,
            acquire_timeout: self.acquire_timeout,
            statement_timeout: self.statement_timeout,
            root_certificate: self.root_certificate.clone(),
            ..DatabaseConfig::new(url)
        }
    }
}
