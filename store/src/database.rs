//! How to reach a database: connection string, TLS, time-outs, the session's settings.
//!
//! TLS: `sslmode=require`, `verify-ca` and `verify-full` all mean an encrypted connection to a server whose
//! certificate and name are verified. Without `sslmode` (or with `prefer`, which protects against nobody) a Unix
//! socket or a loopback address goes without TLS and everything else is verified. `disable` is obeyed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use carepost_kernel::{Chain, Secret};
use deadpool_postgres::tokio_postgres::Client;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Config, Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{IoRuntime, SchemaName, StoreError};

/// Where a database is and how much of it to use.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host/database` or `host=/run/socket user=... dbname=...`.
    pub url: Secret<String>,
    /// Most connections for tenants' transactions.
    pub app_connections: usize,
    /// Most connections for the engine's batches.
    pub engine_connections: usize,
    /// How long to wait for a free connection, and for a new one to come up.
    pub acquire_timeout: Duration,
    /// PostgreSQL ends a tenant's statement that takes longer.
    pub statement_timeout: Duration,
    /// A PEM file with the authorities to trust instead of the operating system's.
    pub root_certificate: Option<PathBuf>,
}

impl DatabaseConfig {
    /// The settings for a connection string: 8 connections for tenants, 8 for the engine, 5 s and 10 s.
    #[must_use]
    pub const fn new(url: Secret<String>) -> Self {
        Self {
            url,
            app_connections: 8,
            engine_connections: 8,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            root_certificate: None,
        }
    }
}

/// As whom a connection works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// One tenant at a time, by row-level security.
    App,
    /// Batches of many tenants.
    Engine,
    /// The login itself, who owns the tables.
    Owner,
}

/// No statement of the engine or of a partition's upkeep is meant to take longer.
const LONG_STATEMENT: Duration = Duration::from_secs(60);

/// Opens connections to one database, always on the connections' own runtime.
#[derive(Clone)]
pub(crate) struct Connector {
    base: Config,
    tls: Option<MakeRustlsConnect>,
    io: IoRuntime,
    statement_timeout: Duration,
}

impl Connector {
    pub(crate) fn new(config: &DatabaseConfig, io: &IoRuntime) -> Result<Self, StoreError> {
        let mut base = parse(config.url.expose())?;
        base.application_name("carepost")
            .connect_timeout(config.acquire_timeout)
            .keepalives(true)
            .keepalives_idle(Duration::from_secs(5))
            .keepalives_interval(Duration::from_secs(2))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(10));
        let tls = match base.get_ssl_mode() {
            SslMode::Disable => None,
            _ => Some(rustls_connector(config.root_certificate.as_deref())?),
        };
        Ok(Self { base, tls, io: io.clone(), statement_timeout: config.statement_timeout })
    }

    /// The start-up message for a role and, but for the migrator, a schema.
    pub(crate) fn session(&self, role: Role, schema: Option<&SchemaName>) -> Config {
        let statement_timeout = if role == Role::App { self.statement_timeout } else { LONG_STATEMENT };
        let mut options = self.base.get_options().unwrap_or_default().to_owned();
        let mut set = |name: &str, value: &str| {
            options.push_str(" -c ");
            options.push_str(name);
            options.push('=');
            options.push_str(value);
        };
        set("timezone", "UTC");
        set("idle_in_transaction_session_timeout", "10000");
        // The server's own look-out for a peer that lost its power: frees leases and locks early.
        set("tcp_keepalives_idle", "5");
        set("tcp_keepalives_interval", "2");
        set("tcp_keepalives_count", "3");
        match role {
            Role::App => set("role", "carepost_app"),
            Role::Engine => {
                set("role", "carepost_engine");
                // Batches join an array of keys to tables by primary key, and plans are made once, perhaps while the
                // tables are still empty: keep the planner from whole-table plans that would live on as they grow.
                set("enable_seqscan", "off");
                set("enable_hashjoin", "off");
                set("enable_mergejoin", "off");
                set("plan_cache_mode", "force_generic_plan");
                set("jit", "off");
            }
            Role::Owner => {}
        }
        if let Some(schema) = schema {
            set("statement_timeout", &statement_timeout.as_millis().to_string());
            set("search_path", schema.as_str());
            // Shorter than the engine's patience: upkeep gives up before it makes batches wait.
            if role == Role::Owner {
                set("lock_timeout", "10000");
            }
        }
        let mut config = self.base.clone();
        config.options(options);
        config
    }

    /// Connects and leaves the socket with the connections' runtime.
    pub(crate) async fn open(&self, session: &Config) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        let session = session.clone();
        let tls = self.tls.clone();
        let handle = self.io.handle().clone();
        let connecting = self.io.handle().spawn(async move {
            match tls {
                Some(tls) => {
                    let (client, connection) = session.connect(tls).await?;
                    Ok((client, handle.spawn(drive(connection))))
                }
                None => {
                    let (client, connection) = session.connect(tokio_postgres::NoTls).await?;
                    Ok((client, handle.spawn(drive(connection))))
                }
            }
        });
        connecting.await.expect("connecting does not panic, and the runtime lives as long as this connector")
    }
}

impl deadpool_postgres::Connect for Connector {
    fn connect(
        &self,
        session: &Config,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + '_>>
    {
        let session = session.clone();
        Box::pin(async move { self.open(&session).await })
    }
}

async fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        let error = StoreError::from(error);
        tracing::info!(error = %Chain(&error), "lost a database connection");
    }
}

/// Reads the connection string and settles `sslmode` to `disable` or `require`.
fn parse(url: &str) -> Result<Config, StoreError> {
    let url = url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
    // The driver's text may quote the string, password and all.
    let mut config: Config =
        url.parse().map_err(|_| StoreError::Config("the connection string cannot be read".to_owned()))?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(StoreError::Config("the connection string names no host".to_owned()));
    }
    if config.get_ssl_mode() == SslMode::Prefer {
        config.ssl_mode(if is_on_this_machine(&config) { SslMode::Disable } else { SslMode::Require });
    }
    Ok(config)
}

fn is_on_this_machine(config: &Config) -> bool {
    let is_local = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
    };
    config.get_hosts().iter().all(is_local) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

fn rustls_connector(root_certificate: Option<&Path>) -> Result<MakeRustlsConnect, StoreError> {
    let refused = |what: &str| StoreError::Config(format!("TLS towards the database: {what}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| refused("the cryptography offers no usable protocol version"))?;
    let config = match root_certificate {
        None => builder
            .with_platform_verifier()
            .map_err(|_| refused("the operating system's certificates cannot be read"))?
            .with_no_client_auth(),
        Some(path) => {
            let mut roots = rustls::RootCertStore::empty();
            let unreadable = || refused(&format!("no certificate can be read from {}", path.display()));
            for certificate in CertificateDer::pem_file_iter(path).map_err(|_| unreadable())? {
                roots.add(certificate.map_err(|_| unreadable())?).map_err(|_| unreadable())?;
            }
            if roots.is_empty() {
                return Err(unreadable());
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests;
