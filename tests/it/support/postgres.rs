//! A PostgreSQL of a test's own, to be killed and brought back.

use std::path::{Path, PathBuf};
use std::process::Command;

use carepost_store::{EmbeddedConfig, EmbeddedServer};
use uuid::Uuid;

use super::wait_until;

/// A server on a folder that goes away at the end.
pub(crate) struct PrivatePostgres {
    folder: PathBuf,
    server: Option<EmbeddedServer>,
    pub(crate) url: String,
}

impl PrivatePostgres {
    pub(crate) async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("carepost-it-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&folder).unwrap();
        // Others must pass through for the server's user; what lies within is closed by itself.
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut postgres = Self { folder, server: None, url: String::new() };
        postgres.run().await;
        postgres
    }

    /// Starts it again on the same folder.
    pub(crate) async fn run(&mut self) {
        let config = EmbeddedConfig { data_dir: self.folder.join("pg"), ..EmbeddedConfig::default() };
        let server = EmbeddedServer::start(config).await.unwrap();
        self.url = server.url().expose().clone();
        self.server = Some(server);
    }

    /// Kills it, the whole family, without a chance to write anything.
    pub(crate) async fn kill9(&mut self) {
        let Some(server) = self.server.take() else { return };
        let postmaster = read_pid(&self.folder).expect("a running server has a pid file");
        // Children first would make the postmaster start over; orphans end by themselves.
        assert!(Command::new("kill").args(["-KILL", &postmaster]).status().unwrap().success());
        server.ended().await;
        drop(server);
        let children = format!("/proc/{postmaster}");
        wait_until("the killed server is gone", || {
            let gone = !Path::new(&children).exists();
            async move { gone }
        })
        .await;
    }

    /// An orderly stop.
    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await.unwrap();
        }
    }
}

fn read_pid(folder: &Path) -> Option<String> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).ok()?.flatten() {
            if entry.file_name() == "postmaster.pid" {
                let text = std::fs::read_to_string(entry.path()).ok()?;
                return text.lines().next().map(str::to_owned);
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    None
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        // Dropped, the server shuts down by itself; what it still writes goes with the folder.
        drop(self.server.take());
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}
