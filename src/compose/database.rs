//! The database: somebody's own server, or a PostgreSQL that we run in the data folder.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use carepost_kernel::{Chain, Secret};
use carepost_store::{DatabaseConfig, EmbeddedConfig, EmbeddedError, EmbeddedServer, StoreError, ensure_roles};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::storage::Access;
use crate::config::Config;

/// Between looks at a database that is away.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Between tries to start our own again.
const RESTART_EVERY: Duration = Duration::from_secs(2);
/// Each placement of a tenant's own takes some.
const OWN_MAX_CONNECTIONS: &str = "300";

/// A database that answers.
#[derive(Debug)]
pub struct Database {
    /// How to reach it.
    pub config: DatabaseConfig,
    own: Option<Own>,
}

/// Our own server, with somebody who starts it again when it ends.
#[derive(Debug)]
struct Own {
    stop: oneshot::Sender<()>,
    guard: JoinHandle<Result<(), EmbeddedError>>,
}

/// Where our own PostgreSQL lives.
#[must_use]
pub fn own_folder(config: &Config) -> PathBuf {
    config.data_dir.join("postgres")
}

impl Database {
    /// Finds or starts it, waits for it, and makes the roles.
    ///
    /// # Errors
    /// Where it stays away for longer than the configured patience, or refuses.
    pub async fn open(config: &Config, access: Access) -> anyhow::Result<Self> {
        let (url, own) = match &config.database.url {
            Some(url) => (url.clone(), None),
            None => start_own(config, access).await?,
        };
        let database = Self { config: config.database.store_config(url), own };
        database.wait(config.database.start_patience).await?;
        Ok(database)
    }

    async fn wait(&self, patience: Duration) -> anyhow::Result<()> {
        let answered = async {
            loop {
                match ensure_roles(&self.config).await {
                    Err(error @ StoreError::Unavailable { .. }) => {
                        tracing::warn!(error = %Chain(&error), "the database is away: asking again");
                        tokio::time::sleep(ASK_EVERY).await;
                    }
                    outcome => return outcome,
                }
            }
        };
        match tokio::time::timeout(patience.max(ASK_EVERY), answered).await {
            Ok(outcome) => outcome.context("prepare the database"),
            Err(_) => bail!("reach the database: it was away for {} s", patience.as_secs()),
        }
    }

    /// Stops our own server; leaves somebody else's alone.
    ///
    /// # Errors
    /// Where it does not stop in time.
    pub async fn close(self) -> anyhow::Result<()> {
        let Some(Own { stop, guard }) = self.own else { return Ok(()) };
        // Fails where the guard has given up already; its result says why.
        let _told = stop.send(());
        guard.await.context("wait for PostgreSQL's guard")?.context("stop PostgreSQL")
    }
}

async fn start_own(config: &Config, access: Access) -> anyhow::Result<(Secret<String>, Option<Own>)> {
    let data_dir = own_folder(config);
    super::keys::make_data_dir(&config.data_dir)?;
    let own = EmbeddedConfig {
        data_dir: data_dir.clone(),
        bin_dir: config.database.postgres_bin_dir.clone(),
        settings: vec![("max_connections".to_owned(), OWN_MAX_CONNECTIONS.to_owned())],
    };
    match EmbeddedServer::start(own.clone()).await {
        Ok(server) => {
            tracing::info!(folder = %data_dir.display(), "PostgreSQL runs in the data folder");
            let url = server.url().clone();
            let (stop, stopped) = oneshot::channel();
            let guard = tokio::spawn(keep(server, own, stopped));
            Ok((url, Some(Own { stop, guard })))
        }
        // A command beside a running server: both may use its database.
        Err(EmbeddedError::InUse { .. }) if access == Access::Tool => {
            let url =
                carepost_store::embedded::url_of_running(&data_dir).context("reach the running server's database")?;
            Ok((url, None))
        }
        Err(error) => Err(error).context("start PostgreSQL in the data folder"),
    }
}

/// Starts the server again where it ends by itself; stops it when told.
async fn keep(
    mut server: EmbeddedServer,
    config: EmbeddedConfig,
    mut stopped: oneshot::Receiver<()>,
) -> Result<(), EmbeddedError> {
    loop {
        let status = tokio::select! {
            // A dropped sender is a stop as well.
            _ = &mut stopped => return server.stop().await,
            status = server.ended() => status,
        };
        tracing::error!(%status, "PostgreSQL has ended by itself: starting it again");
        // Gives the folder back, which the next one claims.
        drop(server);
        server = loop {
            match EmbeddedServer::start(config.clone()).await {
                Ok(server) => break server,
                Err(error) => tracing::error!(error = %Chain(&error), "could not start PostgreSQL again"),
            }
            tokio::select! {
                _ = &mut stopped => return Ok(()),
                () = tokio::time::sleep(RESTART_EVERY) => {}
            }
        };
    }
}
