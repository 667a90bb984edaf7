//! A database for each test, and folders that go away.

use std::path::{Path, PathBuf};
use std::time::Duration;

use carepost_kernel::{PlacementId, Secret};
use carepost_store::{DatabaseConfig, IoRuntime, Placement, SchemaName, migrate_placement};
use jiff::Timestamp;
use tokio_postgres::{Client, NoTls};

/// A fixed instant for rules that take one.
pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Nothing here takes that long; a test that waits for longer has found a bug.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn schema() -> SchemaName {
    SchemaName::new("care").unwrap()
}

/// The server that `scripts/with-postgres` has started.
#[expect(clippy::disallowed_methods, reason = "the script hands the address over in the environment")]
fn server_url() -> String {
    std::env::var("CAREPOST_TEST_DATABASE_URL")
        .expect("CAREPOST_TEST_DATABASE_URL is not set: run through scripts/with-postgres")
}

/// A new, empty database.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    pub(crate) name: String,
    pub(crate) owner: Client,
}

impl TestDatabase {
    pub(crate) async fn create() -> Self {
        Self::create_on(&server_url()).await
    }

    pub(crate) async fn create_on(server: &str) -> Self {
        let name = format!("test_{}", PlacementId::new(noon()).as_uuid().simple());
        let root = connect(server).await;
        root.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{server} dbname={name}");
        let owner = connect(&url).await;
        Self { url, name, owner }
    }

    pub(crate) fn config(&self) -> DatabaseConfig {
        DatabaseConfig::new(Secret::new(self.url.clone()))
    }

    /// The placement's migrations and one placement over them.
    pub(crate) async fn placement(&self) -> Placement {
        migrate_placement(&self.config(), &schema()).await.unwrap();
        open(&self.config()).await
    }
}

pub(crate) async fn open(config: &DatabaseConfig) -> Placement {
    let io = IoRuntime::start().unwrap();
    Placement::connect(PlacementId::new(noon()), config, &schema(), &io).await.unwrap()
}

/// A bare connection of the login.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(async move {
        // Ends with an error where a test stops the server; the client shows it.
        let _ended = connection.await;
    });
    client
}

/// The first column of the first row, as a number.
pub(crate) async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Asks again until the answer is yes; for things that another process does in its own time.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut asked: impl FnMut() -> F) {
    let asking = async {
        while !asked().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// A folder under the system's temporary one, removed at the end.
pub(crate) struct TempFolder(PathBuf);

impl TempFolder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("carepost-test-{}", PlacementId::new(noon())));
        std::fs::create_dir(&path).unwrap();
        // Others must pass through for the server's user; what lies within is closed by itself.
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}
