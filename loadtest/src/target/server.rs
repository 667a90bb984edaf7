//! `carepost serve` as a child: started on free ports, stopped by SIGTERM, killed with this program.

use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::admin::Admin;

/// Migrations included.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// Longer than the server's own patience with calls under way.
const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// The end of the log that an error shows.
const LOG_LINES: usize = 20;
/// Wraps the data keys of invented people: 32 zero bytes in base64.
const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// How a server is started, as often as one likes.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    binary: PathBuf,
    database_url: String,
    folder: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    metrics: SocketAddr,
    admin_token: String,
    /// Further variables of its environment.
    pub(crate) variables: Vec<(String, String)>,
}

impl Launch {
    /// On a database, with addresses of its own. Its folder and its log go below `folder`.
    pub(crate) fn new(binary: PathBuf, database_url: &str, folder: &Path) -> anyhow::Result<Self> {
        let (database_url, admin_token) = (database_url.to_owned(), Uuid::new_v4().simple().to_string());
        let [address, metrics] = [free_address()?, free_address()?];
        let (log, folder) = (folder.join("server.log"), folder.to_owned());
        Ok(Self { binary, database_url, folder, log, address, metrics, admin_token, variables: Vec::new() })
    }

    /// One more process on the same database, at addresses of its own.
    pub(crate) fn beside(&self, name: &str) -> anyhow::Result<Self> {
        let [address, metrics] = [free_address()?, free_address()?];
        let public_url = ("CAREPOST_PUBLIC_URL".to_owned(), format!("http://{}", self.address));
        let log = self.folder.join(format!("{name}.log"));
        Ok(Self { log, address, metrics, variables: vec![public_url], ..self.clone() })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What all of its processes have written.
    pub(crate) fn log(&self) -> String {
        self.log_after(&mut 0)
    }

    /// The same from there on, in bytes; moves there what is to be read next.
    pub(crate) fn log_after(&self, seen: &mut usize) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let fresh = log.get(*seen..).unwrap_or_default();
        *seen = log.len();
        String::from_utf8_lossy(fresh).into_owned()
    }

    /// The administrator's calls to whichever process is there.
    pub(crate) fn admin(&self) -> Admin {
        Admin::new(self.address, self.admin_token.clone())
    }

    /// Starts a process and does not wait for it.
    pub(crate) fn spawn(&self) -> anyhow::Result<Server> {
        let output = OpenOptions::new().create(true).append(true).open(&self.log);
        let output = output.with_context(|| format!("open {}", self.log.display()))?;
        let child = Command::new(&self.binary)
            .arg("serve")
            .env("DATABASE_URL", &self.database_url)
            .env("CAREPOST_DATA_DIR", self.folder.join("engine"))
            .env("CAREPOST_MASTER_KEY", MASTER_KEY)
            .env("CAREPOST_ADMIN_TOKEN", &self.admin_token)
            .env("CAREPOST_LISTEN", self.address.to_string())
            .env("CAREPOST_METRICS_LISTEN", self.metrics.to_string())
            .env("CAREPOST_PUBLIC_URL", format!("http://{}", self.address))
            // The provider of `lifecycle` listens on this machine.
            .env("CAREPOST_PRIVATE_URLS", "on")
            .env("CAREPOST_SANDBOX", "off")
            .env("CAREPOST_LOG", "warn")
            .env("CAREPOST_LOG_FORMAT", "text")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", self.binary.display()))?;
        Ok(Server { child, launch: self.clone() })
    }

    /// Starts a process and waits until it is ready.
    pub(crate) async fn start(&self) -> anyhow::Result<Server> {
        let mut server = self.spawn()?;
        server.wait_until_ready().await?;
        Ok(server)
    }
}

/// The child.
pub(crate) struct Server {
    child: Child,
    launch: Launch,
}

impl Server {
    /// Waits until it takes requests.
    pub(crate) async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let admin = self.launch.admin();
        tokio::select! {
            ready = admin.wait_until_ready(START_PATIENCE) => ready.with_context(|| self.last_words()),
            ended = self.child.wait() => bail!("the server ended at once: {}\n{}", ended?, self.last_words()),
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.launch.address
    }

    pub(crate) fn admin(&self) -> Admin {
        self.launch.admin()
    }

    pub(crate) const fn launch(&self) -> &Launch {
        &self.launch
    }

    pub(crate) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Refuses where it has ended by itself, which a kill would hide.
    pub(crate) fn ensure_alive(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the server has ended by itself: {status}\n{}", self.last_words()),
        }
    }

    /// Ends it where it stands.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.with_context(|| format!("kill the server\n{}", self.last_words()))
    }

    /// Asks it to drain and waits for its end.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let Some(process) = self.child.id() else { bail!("the server has ended by itself\n{}", self.last_words()) };
        signal(&[process], "TERM").await.context("ask the server to stop")?;
        let status: ExitStatus = match tokio::time::timeout(STOP_PATIENCE, self.child.wait()).await {
            Ok(status) => status?,
            Err(_) => bail!("the server did not stop within {} s\n{}", STOP_PATIENCE.as_secs(), self.last_words()),
        };
        ensure!(status.success(), "the server ended badly: {status}\n{}", self.last_words());
        Ok(())
    }

    fn last_words(&self) -> String {
        let text = self.launch.log();
        let lines: Vec<&str> = text.lines().collect();
        let end = &lines[lines.len().saturating_sub(LOG_LINES)..];
        format!("the end of the server's log:\n{}", end.join("\n"))
    }
}

/// Sends a signal by name: the standard library can only kill its own children, the shell's `kill` does the rest.
pub(crate) async fn signal(processes: &[u32], name: &str) -> anyhow::Result<()> {
    let numbers = processes.iter().map(u32::to_string);
    let sent = Command::new("sh").args(["-c", "kill -\"$0\" \"$@\"", name]).args(numbers).status().await?;
    ensure!(sent.success(), "send SIG{name} to processes {processes:?}: {sent}");
    Ok(())
}

/// An address below the ports that connections are given, so that a restart finds it free again.
fn free_address() -> anyhow::Result<SocketAddr> {
    const PORTS: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % u32::from(PORTS)).unwrap_or(0);
    for _ in 0..PORTS {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS) % PORTS;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return Ok(listener.local_addr()?);
        }
    }
    bail!("find a free port: there is none from 20000 to 31999")
}
