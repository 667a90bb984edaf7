//! A migrated database for each test.

use carepost_kernel::{PlacementId, Secret};
use carepost_store::{DatabaseConfig, IoRuntime, Placement, SchemaName, migrate_placement};
use jiff::Timestamp;
use tokio_postgres::{Client, NoTls};

/// What the engine asks of PostgreSQL in each of its sessions.
pub(crate) const ENGINE: &str = include_str!("sql/enter_engine.sql");

pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// The server that `scripts/with-postgres` has started.
#[expect(clippy::disallowed_methods, reason = "the script hands the address over in the environment")]
fn server_url() -> String {
    std::env::var("CAREPOST_TEST_DATABASE_URL")
        .expect("CAREPOST_TEST_DATABASE_URL is not set: run through scripts/with-postgres")
}

/// A placement and a session of its owner, who sees every tenant.
pub(crate) struct World {
    pub(crate) placement: Placement,
    pub(crate) owner: Client,
}

impl World {
    pub(crate) async fn new() -> Self {
        let name = format!("test_{}", PlacementId::new(noon()).as_uuid().simple());
        connect(&server_url()).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{} dbname={name}", server_url());
        let config = DatabaseConfig::new(Secret::new(url.clone()));
        let schema = SchemaName::new("care").unwrap();
        migrate_placement(&config, &schema).await.unwrap();
        let io = IoRuntime::start().unwrap();
        let placement = Placement::connect(PlacementId::new(noon()), &config, &schema, &io).await.unwrap();
        let owner = connect(&url).await;
        owner.batch_execute("SET search_path = care").await.unwrap();
        Self { placement, owner }
    }

    /// The first column of the first row, as a number.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.owner.query_one(sql, &[]).await.unwrap().get(0)
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(async move {
        // Ends with the server; the client shows it.
        let _ended = connection.await;
    });
    client
}
