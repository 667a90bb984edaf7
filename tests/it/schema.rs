//! A database that holds the migrated schemas and no program, for tests that read or try the schema itself.

use carepost_kernel::{Clock, PlacementId, Secret};
use carepost_store::{DatabaseConfig, SchemaName, migrate_control, migrate_placement};
use tokio_postgres::{Client, NoTls};

/// The two schemas under the names that a deployment gives them.
pub(crate) const CONTROL: &str = "carepost_control";
pub(crate) const POOLED: &str = "carepost_pooled";

/// The server that `scripts/with-postgres` has started.
#[expect(clippy::disallowed_methods, reason = "the script hands the address over in the environment")]
fn server_url() -> String {
    std::env::var("CAREPOST_TEST_DATABASE_URL")
        .expect("CAREPOST_TEST_DATABASE_URL is not set: run through scripts/with-postgres")
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(async move {
        // Ends with the server; the client shows it.
        let _ended = connection.await;
    });
    client
}

/// The database, and a session of its owner.
pub(crate) struct MigratedDatabase {
    pub(crate) url: String,
    pub(crate) owner: Client,
}

impl MigratedDatabase {
    pub(crate) async fn create() -> Self {
        let name = format!("schema_{}", PlacementId::new(Clock::system().now()).as_uuid().simple());
        connect(&server_url()).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{} dbname={name}", server_url());
        let config = DatabaseConfig::new(Secret::new(url.clone()));
        migrate_control(&config, &SchemaName::new(CONTROL).unwrap()).await.unwrap();
        migrate_placement(&config, &SchemaName::new(POOLED).unwrap()).await.unwrap();
        let owner = connect(&url).await;
        owner.batch_execute(&format!("SELECT {POOLED}.ensure_partitions(current_date - 1, 3)")).await.unwrap();
        Self { url, owner }
    }
}
