//! Row-level security holds in every table: a session of one tenant neither sees, makes, changes nor removes a row of
//! another.

use carepost_kernel::{MessageId, TenantId};
use jiff::Timestamp;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::support::database::{TestDatabase, connect};

const SCHEMAS: [&str; 2] = ["carepost_control", "carepost_pooled"];

/// Tables without a tenant, each with its reason. Tenants' sessions have no right to any of them.
const SHARED: [(&str, &str); 3] = [
    ("placements", "belongs to the deployment"),
    ("carepost_migrations", "belongs to the migrator"),
    ("instances", "processes work for many tenants"),
];

/// Tables with their security: name, whether it is a partition, whether it is enabled and forced.
const LIST_TABLES: &str = "
    SELECT class.relname::text, class.relispartition, class.relrowsecurity AND class.relforcerowsecurity
    FROM pg_class class JOIN pg_namespace space ON space.oid = class.relnamespace
    WHERE space.nspname = $1 AND class.relkind IN ('r', 'p')
    ORDER BY 1";
const LIST_COLUMNS: &str = "
    SELECT attname::text, format_type(atttypid, NULL)
    FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
    ORDER BY attnum";

struct Table {
    name: String,
    is_partition: bool,
    is_guarded: bool,
}

async fn tables(owner: &Client, schema: &str) -> Vec<Table> {
    let rows = owner.query(LIST_TABLES, &[&schema]).await.unwrap();
    rows.iter()
        .map(|row| Table { name: row.get(0), is_partition: row.get(1), is_guarded: row.get(2) })
        .filter(|table| SHARED.iter().all(|(name, _)| *name != table.name))
        .collect()
}

/// An INSERT of one row of a tenant, with something valid in each column.
async fn insert(owner: &Client, schema: &str, table: &str, tenant_id: TenantId) -> String {
    let rows = owner.query(LIST_COLUMNS, &[&format!("{schema}.{table}")]).await.unwrap();
    let some_id = MessageId::new(now()).as_uuid();
    let columns: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let value = |(name, kind): &(String, String)| match (name.as_str(), kind.as_str()) {
        ("tenant_id", _) => format!("'{tenant_id}'"),
        ("status", _) => "'active'".to_owned(),
        (_, "uuid") => format!("'{some_id}'"),
        (_, "text") => format!("'{some_id}'"),
        (_, "text[]" | "smallint[]") => "'{}'".to_owned(),
        (_, "jsonb") => "'{}'".to_owned(),
        (_, "bytea") => format!("'\\x{}'", some_id.simple()),
        (_, "boolean") => "true".to_owned(),
        (_, "timestamp with time zone") => "now()".to_owned(),
        (_, "date") => "current_date".to_owned(),
        (_, "smallint" | "integer" | "bigint") => "1".to_owned(),
        other => panic!("a value for {other:?}"),
    };
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<String> = columns.iter().map(value).collect();
    format!("INSERT INTO {schema}.{table} ({}) VALUES ({})", names.join(", "), values.join(", "))
}

fn now() -> Timestamp {
    carepost_kernel::Clock::system().now()
}

/// A session of a tenant, as the pools make it.
async fn tenant_session(database: &TestDatabase, tenant_id: TenantId) -> Client {
    let client = connect(&database.url).await;
    client.batch_execute(&format!("SET ROLE carepost_app; SET carepost.tenant_id = '{tenant_id}'")).await.unwrap();
    client
}

/// How many rows a statement touched; refused is none.
async fn touched(client: &Client, sql: &str) -> u64 {
    match client.execute(sql, &[]).await {
        Ok(count) => count,
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => 0,
        Err(error) => panic!("{sql}: {:?}", error.as_db_error()),
    }
}

#[tokio::test]
async fn del_9_every_table_and_partition_forces_row_level_security() {
    let database = TestDatabase::create().await;
    let mut count = 0;
    for schema in SCHEMAS {
        for table in tables(&database.owner, schema).await {
            assert!(table.is_guarded, "{schema}.{}", table.name);
            count += 1;
        }
    }
    assert!(count > 20, "{count} with partitions");
}

#[tokio::test]
async fn del_9_no_statement_of_a_tenant_reaches_rows_of_another() {
    let database = TestDatabase::create().await;
    let owner = &database.owner;
    // What rows lean on does not matter here.
    owner.batch_execute("SET session_replication_role = replica").await.unwrap();
    let (ours, theirs) = (TenantId::new(now()), TenantId::new(now()));
    let client = tenant_session(&database, ours).await;
    for schema in SCHEMAS {
        for Table { name, is_partition, .. } in tables(owner, schema).await {
            let of_theirs = format!("WHERE tenant_id = '{theirs}'");
            if is_partition {
                let refused = client.query(&format!("SELECT FROM {schema}.{name}"), &[]).await.unwrap_err();
                assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{name}");
                continue;
            }
            for tenant_id in [ours, theirs] {
                let sql = insert(owner, schema, &name, tenant_id).await;
                assert_eq!(owner.execute(&sql, &[]).await.unwrap(), 1, "{sql}");
            }
            check(owner, &client, &format!("{schema}.{name}"), &of_theirs, ours).await;
            let forged = insert(owner, schema, &name, theirs).await;
            let refused = client.execute(&forged, &[]).await.unwrap_err();
            assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{name}");
            let left: i64 = owner
                .query_one(&format!("SELECT count(*) FROM {schema}.{name} {of_theirs}"), &[])
                .await
                .unwrap()
                .get(0);
            assert_eq!(left, 1, "{name}");
        }
    }
}

/// What a session sees and changes of a table that has one row of its tenant and one of another.
async fn check(owner: &Client, client: &Client, table: &str, of_theirs: &str, ours: TenantId) {
    let readable: bool = owner
        .query_one("SELECT has_table_privilege('carepost_app', $1::text, 'SELECT')", &[&table])
        .await
        .unwrap()
        .get(0);
    if readable {
        let rows = client.query(&format!("SELECT tenant_id FROM {table}"), &[]).await.unwrap();
        let seen: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(seen, [ours.as_uuid()], "{table}");
    }
    let columns = owner.query(LIST_COLUMNS, &[&table]).await.unwrap();
    for column in columns.iter().map(|row| row.get::<_, String>(0)) {
        let update = format!("UPDATE {table} SET {column} = {column} {of_theirs}");
        assert_eq!(touched(client, &update).await, 0, "{update}");
    }
    assert_eq!(touched(client, &format!("DELETE FROM {table} {of_theirs}")).await, 0, "{table}");
}

#[tokio::test]
async fn del_9_a_session_without_a_tenant_sees_nothing() {
    let database = TestDatabase::create().await;
    let owner = &database.owner;
    owner.batch_execute("SET session_replication_role = replica").await.unwrap();
    let client = connect(&database.url).await;
    client.batch_execute("SET ROLE carepost_app").await.unwrap();
    for schema in SCHEMAS {
        for Table { name, is_partition, .. } in tables(owner, schema).await {
            if is_partition {
                continue;
            }
            let sql = insert(owner, schema, &name, TenantId::new(now())).await;
            owner.execute(&sql, &[]).await.unwrap();
            match client.query(&format!("SELECT FROM {schema}.{name}"), &[]).await {
                Ok(rows) => assert!(rows.is_empty(), "{name}"),
                Err(error) => assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{name}"),
            }
        }
    }
}
