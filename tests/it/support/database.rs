//! A database for each test, cloned from one that the program itself has migrated, once for the whole run.

use std::process::Command;

use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::server::{PROGRAM, base_env};

const TEMPLATE: &str = "carepost_it_template";
/// Names the lock under which the template is made.
const TEMPLATE_LOCK: &str = "SELECT pg_advisory_lock(20261122)";

/// The server that `scripts/with-postgres` has started.
#[expect(clippy::disallowed_methods, reason = "the script hands the address over in the environment")]
fn server_url() -> String {
    std::env::var("CAREPOST_TEST_DATABASE_URL")
        .expect("CAREPOST_TEST_DATABASE_URL is not set: run through scripts/with-postgres")
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(async move {
        // Ends with an error where a test stops the server; the client shows it.
        let _ended = connection.await;
    });
    client
}

/// A database with all schemas, dropped at the end.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    name: String,
    /// The owner, who sees every tenant.
    pub(crate) owner: Client,
}

impl TestDatabase {
    pub(crate) async fn create() -> Self {
        let name = format!("it_{}", Uuid::new_v4().simple());
        let root = connect(&server_url()).await;
        // Cloning wants nobody else on the template, and only one clone at a time is fast.
        root.batch_execute(TEMPLATE_LOCK).await.unwrap();
        let known = root.query("SELECT FROM pg_database WHERE datname = $1", &[&TEMPLATE]).await.unwrap();
        if known.is_empty() {
            make_template(&root).await;
        }
        root.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await.unwrap();
        Self::adopt(name).await
    }

    /// An empty one, for a tenant of its own.
    pub(crate) async fn create_empty() -> Self {
        let name = format!("it_{}", Uuid::new_v4().simple());
        connect(&server_url()).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        Self::adopt(name).await
    }

    async fn adopt(name: String) -> Self {
        let url = format!("{} dbname={name}", server_url());
        let owner = connect(&url).await;
        owner.batch_execute("SET search_path = carepost_pooled, carepost_control").await.unwrap();
        Self { url, name, owner }
    }

    /// The first column of the first row, as a number.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.owner.query_one(sql, &[]).await.unwrap().get(0)
    }
}

/// How many of these messages are in their rows.
pub(crate) async fn count_messages(owner: &Client, ids: &[String]) -> i64 {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.parse().unwrap()).collect();
    let sql = "SELECT count(*) FROM carepost_pooled.messages WHERE message_id = ANY ($1)";
    owner.query_one(sql, &[&ids]).await.unwrap().get(0)
}

async fn make_template(root: &Client) {
    let building = format!("{TEMPLATE}_building");
    root.batch_execute(&format!("DROP DATABASE IF EXISTS {building}")).await.unwrap();
    root.batch_execute(&format!("CREATE DATABASE {building}")).await.unwrap();
    let url = format!("{} dbname={building}", server_url());
    let made = Command::new(PROGRAM).arg("migrate").env_clear().envs(base_env(&url)).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    root.batch_execute(&format!("ALTER DATABASE {building} RENAME TO {TEMPLATE}")).await.unwrap();
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // The test's own runtime may be ending: a thread with one of its own can wait.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { connect(&server_url()).await.batch_execute(&sql).await })
        });
        // What stays goes with the whole server.
        let _dropped = dropping.join();
    }
}
