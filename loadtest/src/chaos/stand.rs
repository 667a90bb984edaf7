//! What is broken: a PostgreSQL, a way to it, and an engine, each of which can be killed and brought back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use carepost_store::{EmbeddedConfig, EmbeddedServer};
use tokio_postgres::Config;

use super::proxy::Proxy;
use crate::admin::Admin;
use crate::database::Database;
use crate::target::{Launch, Server, signal};

const MAX_CONNECTIONS: &str = "150";
/// Recovery after a full disk may fail once or twice before room is made.
const REVIVAL_PATIENCE: Duration = Duration::from_secs(60);

/// PostgreSQL, the way, the engine. Dropped, all of it ends.
pub(crate) struct Stand {
    pub(crate) launch: Launch,
    pub(crate) proxy: Proxy,
    engine: Option<Server>,
    postgres: Option<EmbeddedServer>,
    config: EmbeddedConfig,
    /// Around the proxy.
    url: String,
}

impl Stand {
    /// Starts all three. The database goes below `data`, the engine's folder and log below `folder`.
    pub(crate) async fn open(binary: &Path, folder: &Path, data: &Path, more: &[(&str, &str)]) -> anyhow::Result<Self> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let settings = [("max_connections", MAX_CONNECTIONS)].iter().chain(more).map(own).collect();
        let config = EmbeddedConfig { data_dir: data.join("postgres"), settings, ..EmbeddedConfig::default() };
        let postgres = EmbeddedServer::start(config.clone()).await.context("start a PostgreSQL")?;
        let url = postgres.url().expose().clone();
        let proxy = Proxy::start(socket(&url)?).await?;
        let launch = Launch::new(binary.to_owned(), &through(&proxy, &url)?, folder)?;
        let engine = Some(launch.start().await?);
        Ok(Self { launch, proxy, engine, postgres: Some(postgres), config, url })
    }

    pub(crate) fn admin(&self) -> Admin {
        self.launch.admin()
    }

    /// A connection of our own, which no fault of the way touches.
    pub(crate) async fn database(&self) -> anyhow::Result<Database> {
        Database::connect(&self.url).await
    }

    /// SIGKILL.
    pub(crate) async fn kill_engine(&mut self) -> anyhow::Result<()> {
        let mut engine = self.engine.take().context("there is no engine to kill")?;
        engine.ensure_alive()?;
        engine.kill().await
    }

    /// SIGTERM, and the end that follows.
    pub(crate) async fn stop_engine(&mut self) -> anyhow::Result<()> {
        match self.engine.take() {
            Some(engine) => engine.stop().await,
            None => Ok(()),
        }
    }

    /// Starts the engine and does not wait for it.
    pub(crate) fn spawn_engine(&mut self) -> anyhow::Result<()> {
        self.engine = Some(self.launch.spawn()?);
        Ok(())
    }

    /// Waits until the engine takes requests.
    pub(crate) async fn await_engine(&mut self) -> anyhow::Result<()> {
        self.engine.as_mut().context("there is no engine to wait for")?.wait_until_ready().await
    }

    /// SIGKILL for the postmaster, as the kernel does where memory runs out; its children end by themselves.
    pub(crate) async fn kill_postgres(&mut self) -> anyhow::Result<()> {
        let postgres = self.postgres.take().context("there is no PostgreSQL to kill")?;
        signal(&[self.postmaster()?], "KILL").await?;
        postgres.ended().await;
        Ok(())
    }

    /// SIGKILL for both by one command, before the end of either is awaited.
    pub(crate) async fn kill_both(&mut self) -> anyhow::Result<()> {
        let mut engine = self.engine.take().context("there is no engine to kill")?;
        engine.ensure_alive()?;
        let postgres = self.postgres.take().context("there is no PostgreSQL to kill")?;
        let process = engine.process().context("the engine has ended by itself")?;
        signal(&[process, self.postmaster()?], "KILL").await?;
        engine.kill().await?;
        postgres.ended().await;
        Ok(())
    }

    /// Starts PostgreSQL on what it left, which it recovers first.
    pub(crate) async fn start_postgres(&mut self) -> anyhow::Result<()> {
        let postgres = EmbeddedServer::start(self.config.clone()).await.context("start PostgreSQL again")?;
        self.postgres = Some(postgres);
        Ok(())
    }

    /// Starts PostgreSQL again where it has ended by itself; says whether it had.
    pub(crate) async fn revive_postgres(&mut self) -> anyhow::Result<bool> {
        let revival = async {
            let mut had_ended = false;
            loop {
                let is_there = match &self.postgres {
                    Some(postgres) => tokio::time::timeout(Duration::ZERO, postgres.ended()).await.is_err(),
                    None => false,
                };
                // A server that is recovering from a panic of its own is there and takes no connections yet.
                if is_there && self.database().await.is_ok() {
                    return had_ended;
                }
                if !is_there {
                    had_ended = true;
                    self.postgres = None;
                    self.postgres = EmbeddedServer::start(self.config.clone()).await.ok();
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(REVIVAL_PATIENCE, revival).await.context("wait for PostgreSQL to come back")
    }

    /// Ends everything in order: a clean end is part of the proof.
    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        self.stop_engine().await?;
        match self.postgres.take() {
            Some(postgres) => postgres.stop().await.context("stop PostgreSQL"),
            None => Ok(()),
        }
    }

    fn postmaster(&self) -> anyhow::Result<u32> {
        let file = self.config.data_dir.join("cluster/postmaster.pid");
        let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        text.lines().next().and_then(|line| line.parse().ok()).context("read the postmaster's number")
    }
}

fn socket(url: &str) -> anyhow::Result<PathBuf> {
    let config: Config = url.parse()?;
    let folder = config.get_hosts().iter().find_map(|host| match host {
        tokio_postgres::config::Host::Unix(folder) => Some(folder.clone()),
        tokio_postgres::config::Host::Tcp(_) => None,
    });
    let port = config.get_ports().first().copied().unwrap_or(5432);
    Ok(folder.context("find the database's socket")?.join(format!(".s.PGSQL.{port}")))
}

/// The same database, by way of the proxy.
fn through(proxy: &Proxy, url: &str) -> anyhow::Result<String> {
    let config: Config = url.parse()?;
    let password = String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned();
    let (user, database) = (config.get_user().unwrap_or_default(), config.get_dbname().unwrap_or_default());
    let (host, port) = (proxy.address().ip(), proxy.address().port());
    Ok(format!("host={host} port={port} user={user} password={password} dbname={database}"))
}
