//! The demonstration's own folder and ports: fresh, and nobody else's.

use std::fs::OpenOptions;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::config::{Config, HttpSettings, KeySource, env};

/// The configuration of the demonstration: our own database in a fresh folder, the sandbox on, free ports.
pub(super) fn prepare(mut config: Config) -> anyhow::Result<Config> {
    config.data_dir = match config.demo.data_dir.clone() {
        Some(folder) => folder,
        None => default_folder()?,
    };
    let folder = &config.data_dir;
    clear(folder)?;
    crate::compose::keys::make_data_dir(folder)?;
    config.keys.master_key = KeySource::Generated(folder.join("master-key"));
    config.keys.admin_token = KeySource::Generated(folder.join("admin-token"));
    config.database.url = None;
    config.sandbox.is_enabled = true;
    config.http.listen = free(config.http.listen);
    config.http.metrics_listen = free(config.http.metrics_listen);
    // The simulated vendors call it.
    config.http.public_url = HttpSettings::url_of(config.http.listen);
    Ok(config)
}

/// `.carepost/demo` right here, unless PostgreSQL's own user could not get there.
fn default_folder() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("find the present folder")?;
    let is_closed = |folder: &Path| std::fs::metadata(folder).is_ok_and(|found| found.mode() & 0o001 == 0);
    if env::is_root() && here.ancestors().any(is_closed) {
        return Ok(PathBuf::from("/var/lib/carepost-demo"));
    }
    Ok(here.join(".carepost/demo"))
}

/// Takes a former demonstration away; anything else stays and is refused.
fn clear(folder: &Path) -> anyhow::Result<()> {
    let is_empty = std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if is_empty {
        return Ok(());
    }
    let lock = folder.join("postgres/carepost.lock");
    if !folder.join("carepost.log").is_file() {
        bail!("use folder {}: it is not empty, and not of a former demonstration", folder.display());
    }
    if let Ok(file) = OpenOptions::new().write(true).open(&lock)
        && file.try_lock().is_err()
    {
        bail!("use folder {}: another demonstration runs there", folder.display());
    }
    std::fs::remove_dir_all(folder).with_context(|| format!("take {} away", folder.display()))
}

/// The address, or a free port beside it where somebody has it already.
fn free(listen: SocketAddr) -> SocketAddr {
    if TcpListener::bind(listen).is_ok() { listen } else { SocketAddr::new(listen.ip(), 0) }
}
