//! `carepost serve` as a child: started on free ports, stopped by SIGTERM, killed with this program.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
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

/// The child.
pub(super) struct Server {
    child: Child,
    address: SocketAddr,
    admin_token: String,
    log: PathBuf,
}

impl Server {
    /// Starts it on a database and waits until it is ready. Its folder and its log go below `folder`.
    pub(super) async fn start(binary: &Path, database_url: &str, folder: &Path) -> anyhow::Result<Self> {
        let [address, metrics] = [free_address()?, free_address()?];
        let admin_token = Uuid::new_v4().simple().to_string();
        let log = folder.join("server.log");
        let output = File::create(&log).with_context(|| format!("make {}", log.display()))?;
        let child = Command::new(binary)
            .arg("serve")
            .env("DATABASE_URL", database_url)
            .env("CAREPOST_DATA_DIR", folder.join("engine"))
            .env("CAREPOST_MASTER_KEY", MASTER_KEY)
            .env("CAREPOST_ADMIN_TOKEN", &admin_token)
            .env("CAREPOST_LISTEN", address.to_string())
            .env("CAREPOST_METRICS_LISTEN", metrics.to_string())
            .env("CAREPOST_PUBLIC_URL", format!("http://{address}"))
            // The provider of `lifecycle` listens on this machine.
            .env("CAREPOST_PRIVATE_URLS", "on")
            .env("CAREPOST_SANDBOX", "off")
            .env("CAREPOST_LOG", "warn")
            .env("CAREPOST_LOG_FORMAT", "text")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let mut server = Self { child, address, admin_token, log };
        server.wait_until_ready().await?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let admin = Admin::new(self.address, self.admin_token.clone());
        tokio::select! {
            ready = admin.wait_until_ready(START_PATIENCE) => ready.with_context(|| self.last_words()),
            ended = self.child.wait() => bail!("the server ended at once: {}\n{}", ended?, self.last_words()),
        }
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn admin_token(&self) -> &str {
        &self.admin_token
    }

    pub(super) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Asks it to drain and waits for its end.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let Some(process) = self.child.id() else { bail!("the server has ended by itself\n{}", self.last_words()) };
        // The standard library can only kill; the shell's own `kill` asks.
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &process.to_string()]).status().await?;
        ensure!(asked.success(), "ask the server to stop: {asked}");
        let status: ExitStatus = match tokio::time::timeout(STOP_PATIENCE, self.child.wait()).await {
            Ok(status) => status?,
            Err(_) => bail!("the server did not stop within {} s\n{}", STOP_PATIENCE.as_secs(), self.last_words()),
        };
        ensure!(status.success(), "the server ended badly: {status}\n{}", self.last_words());
        Ok(())
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let end = &lines[lines.len().saturating_sub(LOG_LINES)..];
        format!("the end of the server's log:\n{}", end.join("\n"))
    }
}

/// Free a moment ago; the child takes it at once.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?.local_addr()?)
}
