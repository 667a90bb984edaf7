//! Tenants see their own rows; transactions leave nothing behind.

use std::time::Duration;

use carepost_kernel::TenantId;
use carepost_store::{DatabaseConfig, Placement, StoreError, ToSql};

use crate::support::{TestDatabase, connect, count, noon, open, until};

const CREATE_NOTES: &str = include_str!("sql/create_notes.sql");
const INSERT_NOTE: &str = include_str!("sql/insert_note.sql");
const LIST_NOTES: &str = include_str!("sql/list_notes.sql");
const GET_SESSION: &str = include_str!("sql/get_session.sql");
const SLEEP: &str = include_str!("sql/sleep.sql");
const COUNT_OPEN: &str = include_str!("sql/count_open_transactions.sql");
const DIVIDE: &str = include_str!("sql/divide.sql");

/// One connection in each pool, so that every transaction gets the one that the last one had.
async fn placement(database: &TestDatabase) -> Placement {
    drop(database.placement().await);
    database.owner.batch_execute(CREATE_NOTES).await.unwrap();
    open(&DatabaseConfig { app_connections: 1, engine_connections: 1, ..database.config() }).await
}

async fn add_note(placement: &Placement, tenant: TenantId, note: &str) -> Result<(), StoreError> {
    let mut connection = placement.tenant(tenant).await?;
    let tx = connection.begin().await?;
    assert_eq!(tx.tenant_id(), tenant);
    tx.execute(INSERT_NOTE, &[&tenant.as_uuid(), &note]).await?;
    tx.commit().await
}

async fn notes(placement: &Placement, tenant: TenantId) -> Vec<String> {
    let mut connection = placement.tenant(tenant).await.unwrap();
    let tx = connection.begin().await.unwrap();
    let rows = tx.query(LIST_NOTES, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn del_9_a_tenant_sees_its_own_rows_and_nobody_sees_all_without_one() {
    let database = TestDatabase::create().await;
    let placement = placement(&database).await;
    let (ours, theirs) = (TenantId::new(noon()), TenantId::new(noon()));
    add_note(&placement, ours, "ours").await.unwrap();
    add_note(&placement, theirs, "theirs").await.unwrap();
    assert_eq!(notes(&placement, ours).await, ["ours"]);
    assert_eq!(notes(&placement, theirs).await, ["theirs"]);
    assert_eq!(placement.engine().await.unwrap().query(LIST_NOTES, &[]).await.unwrap().len(), 2);

    let nobody = connect(&format!("{} options='-c role=carepost_app'", database.url)).await;
    assert!(nobody.query("TABLE care.notes", &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn del_9_a_tenant_cannot_write_rows_of_another() {
    let database = TestDatabase::create().await;
    let placement = placement(&database).await;
    let (ours, theirs) = (TenantId::new(noon()), TenantId::new(noon()));
    let mut connection = placement.tenant(ours).await.unwrap();
    let tx = connection.begin().await.unwrap();
    let refused = tx.execute(INSERT_NOTE, &[&theirs.as_uuid(), &"forged"]).await.unwrap_err();
    assert_eq!(refused.code(), Some("42501"));
}

#[tokio::test]
async fn del_9_a_connection_carries_no_tenant_to_the_next_user() {
    let database = TestDatabase::create().await;
    let placement = placement(&database).await;
    let tenant = TenantId::new(noon());
    let pid: i32 = {
        let mut connection = placement.tenant(tenant).await.unwrap();
        let tx = connection.begin().await.unwrap();
        let session = tx.query_one(GET_SESSION, &[]).await.unwrap();
        assert_eq!(session.get::<_, String>("role_name"), "carepost_app");
        assert_eq!(session.get::<_, String>("schema_name"), "care");
        assert_eq!(session.get::<_, String>("zone"), "UTC");
        assert_eq!(session.get::<_, String>("tenant"), tenant.to_string());
        session.get("pid")
    };
    // Dropped without a commit; the same server process now serves somebody else.
    let other = TenantId::new(noon());
    let mut connection = placement.tenant(other).await.unwrap();
    let session = connection.begin().await.unwrap().query_one(GET_SESSION, &[]).await.unwrap();
    assert_eq!(session.get::<_, String>("tenant"), other.to_string());
    assert_eq!(session.get::<_, i32>("pid"), pid);
    let engine = placement.engine().await.unwrap();
    let session = engine.query_one(GET_SESSION, &[]).await.unwrap();
    assert_eq!(session.get::<_, String>("role_name"), "carepost_engine");
    assert_eq!(session.get::<_, Option<String>>("tenant"), None);
}

#[tokio::test]
async fn del_1_a_commit_after_a_failed_statement_is_an_error() {
    let database = TestDatabase::create().await;
    let placement = placement(&database).await;
    let tenant = TenantId::new(noon());
    let mut connection = placement.tenant(tenant).await.unwrap();
    let tx = connection.begin().await.unwrap();
    tx.execute(INSERT_NOTE, &[&tenant.as_uuid(), &"lost"]).await.unwrap();
    let refused = tx.query(DIVIDE, &[&0_i32]).await.unwrap_err();
    assert_eq!(refused.code(), Some("22012"));
    assert_eq!(tx.commit().await.unwrap_err(), StoreError::Unsettled);
    drop(connection);
    assert!(notes(&placement, tenant).await.is_empty());
}

#[tokio::test]
async fn del_1_a_commit_after_an_abandoned_statement_is_an_error() {
    let database = TestDatabase::create().await;
    let placement = placement(&database).await;
    let mut connection = placement.engine().await.unwrap();
    let tx = connection.begin().await.unwrap();
    tx.query(LIST_NOTES, &[]).await.unwrap();
    let abandoned = tokio::time::timeout(Duration::from_millis(20), tx.query(SLEEP, &[])).await;
    assert!(abandoned.is_err());
    assert_eq!(tx.commit().await.unwrap_err(), StoreError::Unsettled);
}

#[tokio::test]
async fn del_1_last_statements_are_durable_all_or_none() {
    let database = TestDatabase::create().await;
    let placement = placement(&database).await;
    let tenant = TenantId::new(noon());
    let owner = tenant.as_uuid();
    let mut connection = placement.engine().await.unwrap();
    let insert = |note| -> [&(dyn ToSql + Sync); 2] { [&owner, note] };

    let tx = connection.begin().await.unwrap();
    tx.execute(INSERT_NOTE, &insert(&"before")).await.unwrap();
    tx.commit_with(&[(INSERT_NOTE, &insert(&"first")), (INSERT_NOTE, &insert(&"second"))]).await.unwrap();
    assert_eq!(notes(&placement, tenant).await, ["before", "first", "second"]);

    // PostgreSQL refuses one: COMMIT is sent already, and takes back what went before.
    let tx = connection.begin().await.unwrap();
    tx.execute(INSERT_NOTE, &insert(&"lost")).await.unwrap();
    let refused = tx.commit_with(&[(INSERT_NOTE, &insert(&"lost too")), (DIVIDE, &[&0_i32])]).await.unwrap_err();
    assert_eq!(refused.code(), Some("22012"));

    // One cannot even be sent: the one before it must not be committed without it.
    let tx = connection.begin().await.unwrap();
    let unsent = tx.commit_with(&[(INSERT_NOTE, &insert(&"lost")), (DIVIDE, &[&"no number"])]).await;
    assert!(unsent.is_err());

    let tx = connection.begin().await.unwrap();
    tx.query(DIVIDE, &[&0_i32]).await.unwrap_err();
    assert_eq!(tx.commit_with(&[(INSERT_NOTE, &insert(&"lost"))]).await.unwrap_err(), StoreError::Unsettled);
    drop(connection);
    until("no transaction is open", || async { count(&database.owner, COUNT_OPEN).await == 0 }).await;
    assert_eq!(notes(&placement, tenant).await, ["before", "first", "second"]);
}

#[tokio::test]
async fn a_dropped_transaction_leaves_no_open_one_behind() {
    let database = TestDatabase::create().await;
    let placement = placement(&database).await;
    let tenant = TenantId::new(noon());
    let mut connection = placement.tenant(tenant).await.unwrap();
    drop(connection.begin().await.unwrap());
    // Abandoned in the middle of the first round trip.
    let begun = tokio::time::timeout(Duration::ZERO, connection.begin()).await;
    drop(begun);
    drop(connection);
    until("no transaction is open", || async { count(&database.owner, COUNT_OPEN).await == 0 }).await;
    add_note(&placement, tenant, "after").await.unwrap();
    assert_eq!(notes(&placement, tenant).await, ["after"]);
}

#[tokio::test]
async fn errors_name_the_constraint_and_no_value() {
    let database = TestDatabase::create().await;
    let placement = placement(&database).await;
    let tenant = TenantId::new(noon());
    add_note(&placement, tenant, "Maria Canary").await.unwrap();
    let error = add_note(&placement, tenant, "Maria Canary").await.unwrap_err();
    assert!(error.is_unique("notes_note"));
    assert!(!format!("{error:?} {error}").contains("Canary"));
}

#[tokio::test]
async fn a_busy_pool_says_so_in_time() {
    let database = TestDatabase::create().await;
    drop(placement(&database).await);
    let config =
        DatabaseConfig { engine_connections: 1, acquire_timeout: Duration::from_millis(300), ..database.config() };
    let placement = open(&config).await;
    let held = placement.engine().await.unwrap();
    let error = placement.engine().await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert_eq!(placement.pool_status().engine.open, 1);
    drop(held);
    placement.ping().await.unwrap();
}
