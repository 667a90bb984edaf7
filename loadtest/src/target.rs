//! What is measured: a server of our own on fresh folders, or one that runs already.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, bail};
use carepost_kernel::Clock;

use crate::admin::Admin;
use crate::database::Database;
use crate::machine::{Machine, peak_mib, rss_mib};

pub(crate) mod binary;
mod folder;
mod postgres;
mod server;

pub(crate) use folder::TemporaryFolder;
pub(crate) use postgres::Postgres;
pub(crate) use server::{Launch, Server, signal};

/// Which server.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TargetArgs {
    /// Measure this running server (http only) instead of a fresh one.
    #[arg(long, value_name = "URL", requires = "admin_token")]
    pub(crate) url: Option<String>,
    /// The running server's administrator token.
    #[arg(long, value_name = "TOKEN", requires = "url")]
    pub(crate) admin_token: Option<String>,
    /// The running server's database; without it, promises are held against its list API.
    #[arg(long, value_name = "URL", requires = "url")]
    pub(crate) database_url: Option<String>,
    /// The binary to start; default: the one beside this program, brought up to date by cargo.
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub(crate) server_bin: Option<PathBuf>,
    /// Where the fresh folder is made; it must be on a real disk. Default: the system's temporary folder.
    #[arg(long, value_name = "FOLDER", conflicts_with = "url")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// A server that answers.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) admin: Admin,
    pub(crate) machine: Machine,
    /// `None` where a running server's database was not named.
    pub(crate) database: Option<Database>,
    /// The same database, for more connections.
    pub(crate) database_url: Option<String>,
    /// Dropped in this order: the server goes before its database, the folder goes last.
    server: Mutex<Option<Server>>,
    postgres: Option<Postgres>,
}

impl Target {
    pub(crate) async fn open(args: &TargetArgs) -> anyhow::Result<Self> {
        let mut target = match (&args.url, &args.admin_token) {
            (Some(url), Some(token)) => Self::running(url, token, args.database_url.as_deref()).await?,
            _ => Self::fresh(args).await?,
        };
        if let Some(database) = &target.database {
            target.machine.postgres = Some(database.version().await?);
        }
        Ok(target)
    }

    async fn running(url: &str, token: &str, database_url: Option<&str>) -> anyhow::Result<Self> {
        let address = resolve(url).await?;
        let database = match database_url {
            Some(url) => Some(Database::connect(url).await?),
            None => None,
        };
        let mut machine = Machine::look(&std::env::temp_dir());
        "of a running server".clone_into(&mut machine.file_system);
        let admin = Admin::new(address, token.to_owned());
        admin.wait_until_ready(Duration::from_secs(5)).await.context("reach the running server")?;
        let database_url = database_url.map(str::to_owned);
        Ok(Self { address, admin, machine, database, database_url, server: Mutex::default(), postgres: None })
    }

    async fn fresh(args: &TargetArgs) -> anyhow::Result<Self> {
        let binary = binary::find(args.server_bin.clone())?;
        let postgres = Postgres::start(args.data_dir.clone(), Clock::system().now()).await?;
        let machine = Machine::look(postgres.folder());
        let server = Launch::new(binary, postgres.url(), postgres.folder())?.start().await?;
        let database = Database::connect(postgres.url()).await?;
        let (address, admin) = (server.address(), server.admin());
        let database_url = Some(postgres.url().to_owned());
        let (server, postgres) = (Mutex::new(Some(server)), Some(postgres));
        Ok(Self { address, admin, machine, database: Some(database), database_url, server, postgres })
    }

    /// The largest memory of a server that we started, in MiB.
    pub(crate) fn peak_mib(&self) -> Option<u64> {
        peak_mib(self.process()?)
    }

    /// The present memory of a server that we started, in MiB.
    pub(crate) fn rss_mib(&self) -> Option<u64> {
        rss_mib(self.process()?)
    }

    fn process(&self) -> Option<u32> {
        self.server().as_ref()?.process()
    }

    fn server(&self) -> std::sync::MutexGuard<'_, Option<Server>> {
        // It is there or not, whoever may have panicked.
        self.server.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Ends the server where it stands (SIGKILL). What it was started with is there for the next one.
    pub(crate) async fn kill(&self) -> anyhow::Result<Launch> {
        let server = self.server().take();
        let server = server.context("kill the server: it was not started by this program")?;
        let launch = server.launch().clone();
        server.kill().await?;
        Ok(launch)
    }

    /// Starts a server again on the same database, and waits until it is ready.
    pub(crate) async fn start_again(&self, launch: &Launch) -> anyhow::Result<()> {
        let server = launch.start().await?;
        *self.server() = Some(server);
        Ok(())
    }

    /// Stops what was started, in order, and removes its folder. A server that does not end cleanly is an error.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        let server = self.server().take();
        drop(self.database);
        if let Some(server) = server {
            server.stop().await?;
        }
        match self.postgres {
            Some(postgres) => postgres.stop().await,
            None => Ok(()),
        }
    }
}

async fn resolve(url: &str) -> anyhow::Result<SocketAddr> {
    let parsed = url::Url::parse(url).with_context(|| format!("read {url}: must be http://host:port"))?;
    if parsed.scheme() != "http" || parsed.path() != "/" {
        bail!("read {url}: must be http://host:port, for this client is a plain one");
    }
    let host = parsed.host_str().context("the address has no host")?;
    let port = parsed.port_or_known_default().unwrap_or(80);
    tokio::net::lookup_host((host, port)).await?.next().with_context(|| format!("{host} has no address"))
}
