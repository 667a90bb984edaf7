//! A PostgreSQL of our own, for a start without any set-up and for tests of crashes.
//!
//! It runs the system's binaries on a folder that belongs to one process at a time, listens on a Unix socket only, and
//! ends with the process that started it, even where that is killed (`process.rs` says how).
//! Data is safe there as in any PostgreSQL: fsync, full page writes, checksums, synchronous commit.

mod account;
mod folder;
mod process;
mod setup;

use std::path::PathBuf;
use std::time::Duration;

use carepost_kernel::Secret;

use account::Account;
use folder::Folder;
use process::{TiedProcess, in_words};

/// Where and how to run it.
#[derive(Debug, Clone, Default)]
pub struct EmbeddedConfig {
    /// The folder for everything; made where it is missing. Under root it must be reachable for the `postgres` user.
    pub data_dir: PathBuf,
    /// The folder with `initdb` and `postgres`; `None` looks for the newest under `/usr/lib/postgresql`.
    pub bin_dir: Option<PathBuf>,
    /// Further settings (`max_connections`, `100`), which win over ours.
    pub settings: Vec<(String, String)>,
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No binaries.
    #[error("find PostgreSQL's binaries in {searched}: install them (apt-get install postgresql)")]
    NoBinaries {
        /// Where we looked.
        searched: String,
    },
    /// PostgreSQL refuses root, and there is nobody else.
    #[error("run PostgreSQL as another user than root: there is neither a user postgres nor nobody")]
    NoAccount,
    /// Somebody else runs on this folder.
    #[error("use data folder {}: another process runs its database already", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds something else.
    #[error("use data folder {}: it is not empty and not ours", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// The unprivileged user cannot get to the data folder.
    #[error("use data folder {}: the user of PostgreSQL may not enter {}", folder.display(), blocked_at.display())]
    Unreachable {
        /// The folder.
        folder: PathBuf,
        /// The ancestor in the way.
        blocked_at: PathBuf,
    },
    /// A file or a program failed.
    #[error("{action}")]
    Io {
        /// What was tried, with the path.
        action: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A program ended badly.
    #[error("run {program}: {reason}; see {}", log.display())]
    Failed {
        /// `initdb` or `postgres`.
        program: &'static str,
        /// How it ended.
        reason: String,
        /// Its log.
        log: PathBuf,
    },
    /// It did not get ready or did not stop in time.
    #[error("wait for PostgreSQL to {what} for {} s", patience.as_secs())]
    Slow {
        /// `start` or `stop`.
        what: &'static str,
        /// How long we waited.
        patience: Duration,
    },
    /// The last steps of the set-up, over a connection.
    #[error("set PostgreSQL up")]
    Setup(#[from] crate::StoreError),
}

pub(crate) fn io_error(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> EmbeddedError {
    let action = action.into();
    move |source| EmbeddedError::Io { action, source }
}

/// A running server. Dropped, it shuts down as well, but nobody waits for it.
#[derive(Debug)]
pub struct EmbeddedServer {
    url: Secret<String>,
    process: TiedProcess,
    folder: Folder,
}

impl EmbeddedServer {
    /// Starts it, making the cluster and the database `carepost` where they are missing.
    ///
    /// After a kill of the former process this waits for the former server's own shut-down first.
    ///
    /// # Errors
    /// See [`EmbeddedError`].
    pub async fn start(config: EmbeddedConfig) -> Result<Self, EmbeddedError> {
        let programs = setup::find_programs(config.bin_dir)?;
        let account = Account::choose()?;
        let folder = Folder::claim(&config.data_dir, account)?;
        folder.outlive_former_server().await?;
        let password = setup::ensure_cluster(&programs, &folder, account).await?;
        let settings = setup::settings(&programs, &folder, account, config.settings).await;
        let process = setup::start_server(&programs, &folder, account, &settings)?;
        let url = setup::wait_until_ready(&process, &folder, &password).await?;
        Ok(Self { url, process, folder })
    }

    /// The connection string, password included.
    #[must_use]
    pub const fn url(&self) -> &Secret<String> {
        &self.url
    }

    /// Waits until the server has ended, by itself or by a stop; returns how.
    pub async fn ended(&self) -> String {
        in_words(self.process.ended().await)
    }

    /// Shuts it down: open transactions are rolled back, everything committed is on disk.
    ///
    /// # Errors
    /// Where it takes longer than a minute.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        let Self { process, folder, .. } = self;
        let stopped = process.stop().await;
        // The folder is free for others only now.
        drop(folder);
        stopped
    }
}

/// The connection string of the server that another process runs on this folder.
///
/// # Errors
/// Where its password cannot be read (another user's, most likely), or its socket lies elsewhere because the folder's
/// path is too long for one.
pub fn url_of_running(data_dir: &std::path::Path) -> Result<Secret<String>, EmbeddedError> {
    let named = |action: &str| io_error(format!("{action} {}", data_dir.display()));
    let root = data_dir.canonicalize().map_err(named("resolve folder"))?;
    let folder = folder::Paths::new(root);
    if !folder.socket().exists() {
        return Err(named("find the database's socket in")(std::io::ErrorKind::NotFound.into()));
    }
    let password = std::fs::read_to_string(folder.password()).map_err(named("read the database's password in"))?;
    Ok(setup::url(folder.root(), &Secret::new(password.trim_end().to_owned())))
}
