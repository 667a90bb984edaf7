//! A migrated database for each test.

use carepost_kernel::{PlacementId, Secret, TenantId};
use carepost_kernel::{Purpose, Topic};
use carepost_store::{DatabaseConfig, IoRuntime, Placement, SchemaName, TenantConnection, migrate_placement};
use carepost_templates::Author;
use carepost_templates::types::{Category, NewTemplate, TemplateContent, TemplateMeta};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Somebody, some minutes after noon.
pub(crate) fn author(minutes: i64) -> Author {
    Author { actor_id: Uuid::from_u128(7), now: noon() + SignedDuration::from_mins(minutes) }
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

    /// A connection of tenant number `number`.
    pub(crate) async fn tenant(&self, number: u128) -> TenantConnection {
        self.placement.tenant(TenantId::from_uuid(Uuid::from_u128(number))).await.unwrap()
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

pub(crate) fn content(value: Value) -> TemplateContent {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn new_template(name: &str, value: Value) -> NewTemplate {
    let meta = TemplateMeta {
        name: name.to_owned(),
        category: Category::Own("Front desk".to_owned()),
        type_key: None,
        purpose: Purpose::Financial,
        topic: Topic::Financial,
        is_shared: true,
        shortcut: None,
    };
    NewTemplate { meta, content: content(value) }
}
