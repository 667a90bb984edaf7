//! Every column has a class in migrations/data-classes.toml, and what is sensitive is never stored as text.

use std::collections::BTreeMap;

use crate::support::TestDatabase;
use crate::tree::root;

const CLASSES: [&str; 4] = ["phi", "secret", "internal", "public"];
/// What each schema of the file is called in a test's database.
const SCHEMAS: [(&str, &str); 2] = [("control", "carepost_control"), ("placement", "carepost_pooled")];

/// Every column by schema, table and name, with its type. Partitions have their parents' columns.
const LIST_COLUMNS: &str = "
    SELECT space.nspname::text, class.relname::text, attribute.attname::text, type.typname::text
    FROM pg_attribute attribute
    JOIN pg_class class ON class.oid = attribute.attrelid
    JOIN pg_namespace space ON space.oid = class.relnamespace
    JOIN pg_type type ON type.oid = attribute.atttypid
    WHERE space.nspname = ANY ($1) AND class.relkind IN ('r', 'p') AND NOT class.relispartition
      AND attribute.attnum > 0 AND NOT attribute.attisdropped";

type Column = (String, String, String);

/// The class of every column, by the file.
fn classes() -> BTreeMap<Column, String> {
    let text = std::fs::read_to_string(root().join("migrations/data-classes.toml")).unwrap();
    let file: toml::Table = text.parse().unwrap();
    let mut classes = BTreeMap::new();
    for (group, schema) in SCHEMAS {
        for (table, columns) in file[group].as_table().unwrap() {
            for (column, class) in columns.as_table().unwrap() {
                let key = (schema.to_owned(), table.clone(), column.clone());
                classes.insert(key, class.as_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(file.len(), SCHEMAS.len(), "no other groups");
    classes
}

async fn columns() -> BTreeMap<Column, String> {
    let database = TestDatabase::create().await;
    let schemas: Vec<&str> = SCHEMAS.iter().map(|(_, schema)| *schema).collect();
    let rows = database.owner.query(LIST_COLUMNS, &[&schemas]).await.unwrap();
    rows.iter().map(|row| ((row.get(0), row.get(1), row.get(2)), row.get(3))).collect()
}

#[tokio::test]
async fn every_column_has_a_class_and_every_class_a_column() {
    let (classes, columns) = (classes(), columns().await);
    let unclassified: Vec<&Column> = columns.keys().filter(|column| !classes.contains_key(*column)).collect();
    assert!(unclassified.is_empty(), "without a class: {unclassified:#?}");
    let left_over: Vec<&Column> = classes.keys().filter(|column| !columns.contains_key(*column)).collect();
    assert!(left_over.is_empty(), "not in the schema: {left_over:#?}");
    for (column, class) in &classes {
        assert!(CLASSES.contains(&class.as_str()), "{column:?}: {class}");
    }
}

#[tokio::test]
async fn del_9_what_is_sensitive_is_ciphertext_or_a_keyed_hash() {
    let columns = columns().await;
    for (column, class) in classes() {
        if ["phi", "secret"].contains(&class.as_str()) {
            assert_eq!(columns.get(&column).map(String::as_str), Some("bytea"), "{column:?}");
        }
    }
}
