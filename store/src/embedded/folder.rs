//! The data folder: one process at a time, one layout.
//!
//! ```text
//! carepost.lock   held by the process whose server this is
//! password        of the user postgres, 0600
//! cluster/        what initdb made
//! log/            PostgreSQL's own log, one file for each day of the week
//! start.log       what initdb and the first moments of the server say
//! ```

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::account::Account;
use super::{EmbeddedError, io_error};

const LOCK: &str = "carepost.lock";
const PASSWORD: &str = "password";
/// The port in the socket's name; nobody listens on it.
pub(super) const PORT: u16 = 5432;
/// `sockaddr_un` holds 108 bytes, the last of them zero.
const SOCKET_PATH_LIMIT: usize = 107;
/// A former server's shut-down writes a checkpoint, which a slow disk makes long.
const FORMER_SERVER_PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

/// The folder, locked for as long as this lives.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    socket_dir: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder or takes it over, and locks it.
    pub(super) fn claim(wanted: &Path, account: Account) -> Result<Self, EmbeddedError> {
        let named = |action: &str| io_error(format!("{action} {}", wanted.display()));
        std::fs::create_dir_all(wanted).map_err(named("make folder"))?;
        let root = wanted.canonicalize().map_err(named("resolve folder"))?;
        if let Some(blocked_at) = account.first_closed_ancestor(&root) {
            return Err(EmbeddedError::Unreachable { folder: root, blocked_at });
        }
        let is_ours = root.join(LOCK).exists();
        // The root of a fresh file system has a folder of its own.
        let is_foreign = |entry: &std::fs::DirEntry| entry.file_name() != "lost+found";
        let mut entries = std::fs::read_dir(&root).map_err(named("list folder"))?.flatten();
        if !is_ours && entries.any(|entry| is_foreign(&entry)) {
            // Changing owner and mode of somebody's folder would be a bad surprise.
            return Err(EmbeddedError::Foreign { folder: root });
        }
        let lock = lock(&root)?;
        private(&root, account)?;
        let log = root.join("log");
        std::fs::create_dir_all(&log).map_err(named("make the log's folder in"))?;
        private(&log, account)?;
        let socket_dir = socket_dir(&root, account)?;
        Ok(Self { root, socket_dir, _lock: lock })
    }

    /// Where `initdb` makes the cluster; it becomes [`Self::cluster`] once it is whole.
    pub(super) fn unfinished_cluster(&self) -> PathBuf {
        self.root.join("cluster.new")
    }

    pub(super) fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    pub(super) fn password(&self) -> PathBuf {
        self.root.join(PASSWORD)
    }

    pub(super) fn log_dir(&self) -> PathBuf {
        self.root.join("log")
    }

    pub(super) fn start_log(&self) -> PathBuf {
        self.root.join("start.log")
    }

    pub(super) fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The lock is ours, so a server that still runs here has lost its process and is shutting down: waits for it.
    pub(super) async fn outlive_former_server(&self) -> Result<(), EmbeddedError> {
        let clusters = [self.cluster(), self.unfinished_cluster()];
        let gone = async {
            while is_running(&clusters) {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(FORMER_SERVER_PATIENCE, gone)
            .await
            .map_err(|_| EmbeddedError::InUse { folder: self.root.clone() })
    }
}

/// Where things lie in a folder that another process holds.
pub(super) struct Paths(PathBuf);

impl Paths {
    pub(super) const fn new(root: PathBuf) -> Self {
        Self(root)
    }

    pub(super) fn root(&self) -> &Path {
        &self.0
    }

    pub(super) fn password(&self) -> PathBuf {
        self.0.join(PASSWORD)
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.0.join(format!(".s.PGSQL.{PORT}"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.socket_dir != self.root {
            // Left behind it would be an empty folder under a random name; nothing hangs on its removal.
            let _removed = std::fs::remove_dir_all(&self.socket_dir);
        }
    }
}

/// Every process of a server, and of initdb's, works in its cluster's folder.
fn is_running(clusters: &[PathBuf]) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    processes
        .flatten()
        .filter(|entry| entry.file_name().as_bytes().first().is_some_and(u8::is_ascii_digit))
        .any(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| clusters.contains(&cwd)))
}

fn lock(root: &Path) -> Result<File, EmbeddedError> {
    let path = root.join(LOCK);
    let named = |action: &str| io_error(format!("{action} {}", path.display()));
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(named("open lock file"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EmbeddedError::InUse { folder: root.to_owned() }),
        Err(TryLockError::Error(source)) => Err(named("lock")(source)),
    }
}

/// Readable for the server's user only: PostgreSQL asks for no less.
fn private(folder: &Path, account: Account) -> Result<(), EmbeddedError> {
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))
        .map_err(io_error(format!("change mode of {}", folder.display())))?;
    account.own(folder)
}

fn socket_dir(root: &Path, account: Account) -> Result<PathBuf, EmbeddedError> {
    if fits_a_socket(root) {
        return Ok(root.to_owned());
    }
    let folder = std::env::temp_dir().join(format!("carepost-{}", &super::setup::random_hex()?[..12]));
    // Fails where it is there already: nobody can lay it out for us.
    DirBuilder::new().mode(0o700).create(&folder).map_err(io_error(format!("make folder {}", folder.display())))?;
    account.own(&folder)?;
    Ok(folder)
}

fn fits_a_socket(folder: &Path) -> bool {
    // PostgreSQL puts a lock file beside the socket, but only the socket's own path is bounded.
    folder.join(format!(".s.PGSQL.{PORT}")).as_os_str().len() <= SOCKET_PATH_LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_path_has_107_bytes_at_most() {
        let room = SOCKET_PATH_LIMIT - "/.s.PGSQL.5432".len();
        assert!(fits_a_socket(Path::new(&format!("/{}", "a".repeat(room - 1)))));
        assert!(!fits_a_socket(Path::new(&format!("/{}", "a".repeat(room)))));
    }
}
