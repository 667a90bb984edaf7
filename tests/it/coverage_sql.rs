//! Every SQL file is known, says what it is for, and fits the migrated schema; the hot ones use their indexes.

use std::collections::BTreeMap;

use carepost_delivery::store::SQL_FILES;
use tokio_postgres::Client;

use crate::support::database::{TestDatabase, connect};
use crate::tree::{Source, root, sources};

/// The folders, the schema that each fits, and the role that runs most of it.
const FOLDERS: [(&str, &str, &str); 7] = [
    ("store/src/sql/", "carepost_pooled", "carepost_engine"),
    ("domains/audit/src/sql/", "carepost_control", "carepost_app"),
    ("domains/tenancy/src/sql/", "carepost_control", "carepost_engine"),
    ("domains/consent/src/sql/", "carepost_pooled", "carepost_app"),
    ("domains/delivery/src/sql/", "carepost_pooled", "carepost_engine"),
    ("domains/templates/src/sql/", "carepost_pooled", "carepost_app"),
    ("domains/campaigns/src/sql/", "carepost_pooled", "carepost_engine"),
];

/// Not single statements, or not such that can be planned.
const NOT_PLANNED: [(&str, &str); 2] = [
    ("create_roles", "a block of several statements, run by the migrator"),
    ("create_database", "PostgreSQL plans no CREATE DATABASE"),
];

/// What the engine asks of PostgreSQL in each of its sessions (store/src/database.rs).
const ENGINE: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
                      SET plan_cache_mode = force_generic_plan";

/// What is on the way of every message.
const HOT: [&str; 6] = [
    "start_attempts",
    "apply_changes",
    "merge_receipts",
    "insert_receipt_events",
    "list_due_deliveries",
    "list_provider_refs",
];
/// Those of them that find each row by its whole name: an index that narrows by tenant only would read all that waits.
const BY_NAME: [&str; 5] =
    ["start_attempts", "apply_changes", "merge_receipts", "insert_receipt_events", "list_provider_refs"];
/// The tables that grow with every message.
const LARGE: [&str; 3] = ["deliveries", "delivery_events", "messages"];

fn name(source: &Source) -> &str {
    source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".sql")
}

fn of(folder: &str) -> Vec<Source> {
    let found: Vec<Source> = sources(".sql").into_iter().filter(|source| source.path.starts_with(folder)).collect();
    assert!(!found.is_empty(), "{folder}");
    found
}

#[test]
fn every_file_is_read_by_its_crate_and_says_what_it_is_for() {
    let rust = sources(".rs");
    for (folder, _, _) in FOLDERS {
        let crate_src = folder.trim_end_matches("sql/");
        for source in of(folder) {
            let named = format!("sql/{}.sql\")", name(&source));
            let is_read = |rust: &&Source| rust.path.starts_with(crate_src) && rust.text.contains(&named);
            assert_eq!(rust.iter().filter(is_read).count(), 1, "{} is read once", source.path);
            assert!(source.text.starts_with("-- "), "{}: no purpose in the first line", source.path);
        }
    }
}

#[test]
fn a_statement_over_tables_names_the_index_that_it_leans_on() {
    for (folder, _, _) in FOLDERS.into_iter().skip(1) {
        for source in of(folder) {
            let statement = source.text.lines().find(|line| !line.starts_with("--")).unwrap_or_default();
            // A row that is added searches for nothing.
            let adds = statement.starts_with("INSERT INTO");
            let first = source.text.lines().next().unwrap_or_default();
            assert!(adds || first.contains("Leans on"), "{}: {first}", source.path);
        }
    }
}

#[test]
fn the_delivery_room_lists_its_files() {
    let listed: BTreeMap<&str, &str> = SQL_FILES.iter().copied().collect();
    let files = of("domains/delivery/src/sql/");
    assert!(files.iter().map(name).eq(listed.keys().copied()), "the list is that of the folder");
    for file in &files {
        assert_eq!(listed[name(file)], file.text, "{}", file.path);
    }
}

/// A session as a role has it, bound to a tenant that is nobody.
async fn session(database: &TestDatabase, schema: &str, role: &str) -> Client {
    let client = connect(&database.url).await;
    let nobody = "SET carepost.tenant_id = '00000000-0000-0000-0000-000000000000'";
    client.batch_execute(&format!("SET search_path = {schema}; SET ROLE {role}; {nobody}; {ENGINE}")).await.unwrap();
    client
}

/// The generic plan of a statement. Planning for execution also asks for the role's rights.
async fn plan(client: &Client, name: &str, sql: &str) -> Result<String, tokio_postgres::Error> {
    let count = client.prepare(sql).await?.params().len();
    let nulls = vec!["NULL"; count].join(", ");
    let arguments = if count == 0 { String::new() } else { format!("({nulls})") };
    client.batch_execute(&format!("DEALLOCATE ALL; PREPARE {name} AS {sql}")).await?;
    let rows = client.query(&format!("EXPLAIN (COSTS OFF) EXECUTE {name}{arguments}"), &[]).await?;
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(lines.join("\n"))
}

#[tokio::test]
async fn every_file_fits_the_migrated_schema_and_its_role() {
    let database = TestDatabase::create().await;
    let mut count = 0;
    for (folder, schema, first_role) in FOLDERS {
        let roles = [first_role, if first_role == "carepost_app" { "carepost_engine" } else { "carepost_app" }];
        for source in of(folder) {
            if NOT_PLANNED.iter().any(|(skipped, _)| *skipped == name(&source)) {
                continue;
            }
            let mut refusals = Vec::new();
            for role in roles {
                let client = session(&database, schema, role).await;
                match plan(&client, name(&source), &source.text).await {
                    Ok(_) => break,
                    Err(error) => refusals.push(format!("{role}: {:?}", error.as_db_error())),
                }
            }
            assert!(refusals.len() < 2, "{}: {refusals:#?}", source.path);
            count += 1;
        }
    }
    assert!(count > 70, "{count}");
}

/// The load test's ceiling stores the product's rows by statements of its own: a column that every row needs is
/// missed there by nobody else.
#[tokio::test]
async fn the_ceiling_fills_every_column_that_rows_need() {
    let database = TestDatabase::create().await;
    let client = session(&database, "carepost_pooled", "carepost_engine").await;
    let needed = "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass \
                  AND attnum > 0 AND attnotnull AND NOT atthasdef";
    for source in of("loadtest/src/sql/").iter().filter(|source| name(source).starts_with("insert_")) {
        let mut count = 0;
        for insert in source.text.split("INSERT INTO ").skip(1) {
            let (table, rest) = insert.split_once(" (").unwrap();
            let columns: Vec<&str> = rest.split_once(')').unwrap().0.split(", ").collect();
            for row in client.query(needed, &[&table]).await.unwrap() {
                let column: String = row.get(0);
                assert!(columns.contains(&column.as_str()), "{}: {table}.{column}", source.path);
                count += 1;
            }
        }
        assert!(count > 20, "{}: {count}", source.path);
    }
}

#[tokio::test]
async fn the_hot_statements_use_their_indexes() {
    let database = TestDatabase::create().await;
    let client = session(&database, "carepost_pooled", "carepost_engine").await;
    let files: BTreeMap<&str, &str> = SQL_FILES.iter().copied().collect();
    for name in HOT {
        let plan = plan(&client, name, files[name]).await.unwrap();
        assert!(plan.contains("Index"), "{name}:\n{plan}");
        for line in plan.lines() {
            let scans = |table: &str| line.contains(&format!("Seq Scan on {table}"));
            assert!(!LARGE.iter().any(|table| scans(table)), "{name} reads a whole table:\n{plan}");
            let by_other_index = line.contains("Scan using") && !line.contains("_pkey");
            assert!(!(BY_NAME.contains(&name) && by_other_index), "{name} reads more than its rows:\n{plan}");
            let sorts_a_page = name == "list_due_deliveries" && line.trim_end().ends_with("Sort");
            assert!(!sorts_a_page, "{name} reads and sorts all that is due:\n{plan}");
        }
    }
}

#[test]
fn the_engine_asks_for_the_session_that_is_tested_here() {
    let database = std::fs::read_to_string(root().join("store/src/database.rs")).unwrap();
    for setting in ENGINE.split("; ") {
        let (name, value) = setting.trim_start_matches("SET ").split_once(" = ").unwrap();
        assert!(database.contains(&format!("set(\"{name}\", \"{value}\")")), "{setting}");
    }
}
