//! Tenant A against everything of tenant B, and everybody against versions and history.

use std::path::Path;

use carepost_kernel::{ErrorKind, TemplateId};
use carepost_templates::types::{Seen, TemplateChange, TemplateFilter};
use carepost_templates::{
    archive_template, copy_template, create_template, get_template, get_version, list_history, list_templates,
    list_versions, publish_template, restore_version, update_template,
};
use serde_json::json;

use crate::support::{World, author, new_template};

async fn theirs(world: &World) -> TemplateId {
    let mut connection = world.tenant(2).await;
    let tx = connection.begin().await.unwrap();
    let new = new_template("Theirs", json!({"in_app": {"en": {"title": "t", "body": "b"}}}));
    let (template, _) = create_template(&tx, author(0), new).await.unwrap();
    tx.commit().await.unwrap();
    template.template_id
}

#[tokio::test]
async fn tpl_004_a_practice_sees_and_changes_its_own_templates_only() {
    let world = World::new().await;
    let id = theirs(&world).await;
    let mut connection = world.tenant(1).await;
    let tx = connection.begin().await.unwrap();
    let refusals = [
        get_template(&tx, id, None).await.unwrap_err(),
        get_version(&tx, id, 1, None).await.unwrap_err(),
        list_versions(&tx, id, None, None, 10).await.unwrap_err(),
        list_history(&tx, id, None).await.unwrap_err(),
        update_template(&tx, author(1), id, TemplateChange::default()).await.unwrap_err(),
        publish_template(&tx, author(1), id, None, carepost_templates::types::Seen::default()).await.unwrap_err(),
        archive_template(&tx, author(1), id, Seen::default()).await.unwrap_err(),
        restore_version(&tx, author(1), id, 1, Seen::default()).await.unwrap_err(),
        copy_template(&tx, author(1), id, None).await.unwrap_err(),
    ];
    for refusal in refusals {
        assert_eq!(refusal.kind(), ErrorKind::NotFound, "{refusal}");
    }
    let seen = list_templates(&tx, &TemplateFilter::default(), None, 200).await.unwrap();
    assert!(seen.items.iter().all(|(template, _)| template.template_id != id));
    let count = tx.query_one(include_str!("sql/see_everything.sql"), &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn tpl_010_a_version_and_the_history_cannot_be_rewritten() {
    let world = World::new().await;
    theirs(&world).await;
    for sql in [
        include_str!("sql/rewrite_version.sql"),
        include_str!("sql/rewrite_history.sql"),
        include_str!("sql/clear_versions.sql"),
    ] {
        let mut connection = world.tenant(2).await;
        let tx = connection.begin().await.unwrap();
        assert_eq!(tx.execute(sql, &[]).await.unwrap_err().code(), Some("42501"), "{sql}");
        let engine = world.placement.engine().await.unwrap();
        assert_eq!(engine.execute(sql, &[]).await.unwrap_err().code(), Some("42501"), "{sql}");
    }
}

#[tokio::test]
async fn every_statement_prepares_on_the_migrated_schema() {
    let world = World::new().await;
    let mut count = 0;
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sql")).unwrap() {
        let path = file.unwrap().path();
        let sql = std::fs::read_to_string(&path).unwrap();
        assert!(sql.starts_with("-- "), "{}: no purpose in the first line", path.display());
        world.owner.prepare(&sql).await.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        count += 1;
    }
    assert_eq!(count, 13);
}
