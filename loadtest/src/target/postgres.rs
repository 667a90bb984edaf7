//! A fresh PostgreSQL with the settings of the product: fsync, checksums, synchronous commit.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use carepost_store::{EmbeddedConfig, EmbeddedServer};
use jiff::Timestamp;

use super::folder::TemporaryFolder;

/// The server's two pools, 64 writers of `ceiling`, and room for a look from outside.
const MAX_CONNECTIONS: &str = "150";

/// A PostgreSQL that ends, folder included, with this value.
pub(crate) struct Postgres {
    server: EmbeddedServer,
    folder: TemporaryFolder,
}

impl Postgres {
    /// Starts one in a fresh folder below `parent`.
    pub(crate) async fn start(parent: Option<PathBuf>, now: Timestamp) -> anyhow::Result<Self> {
        let folder = TemporaryFolder::create(parent, now)?;
        let config = EmbeddedConfig {
            data_dir: folder.path().join("postgres"),
            settings: vec![("max_connections".to_owned(), MAX_CONNECTIONS.to_owned())],
            ..EmbeddedConfig::default()
        };
        let server = EmbeddedServer::start(config).await.context("start a PostgreSQL")?;
        Ok(Self { server, folder })
    }

    /// The folder around its data; others may put theirs beside them.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> &str {
        self.server.url().expose()
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.server.stop().await.context("stop PostgreSQL")
    }
}
