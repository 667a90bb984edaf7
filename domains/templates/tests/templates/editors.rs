//! Two editors at one template: whoever comes later waits, and hears of what has changed meanwhile.

use std::time::Duration;

use carepost_kernel::{ErrorKind, TemplateId};
use carepost_templates::library::library;
use carepost_templates::types::{Seen, TemplateChange};
use carepost_templates::{
    TemplateError, create_template, list_versions, publish_template, take_template, update_template,
};
use serde_json::json;

use crate::support::{World, author, content, new_template};

fn change(text: &str, latest_version: Option<i32>) -> TemplateChange {
    let content = content(json!({"sms": {"en": {"body": format!("{{{{practice.name}}}}: {text}")}}}));
    let seen = Seen { latest_version, ..Seen::default() };
    TemplateChange { content: Some(content), seen, ..TemplateChange::default() }
}

async fn versions(world: &World, template_id: TemplateId) -> Vec<i32> {
    let mut connection = world.tenant(1).await;
    let tx = connection.begin().await.unwrap();
    let (_, versions) = list_versions(&tx, template_id, None, None, 50).await.unwrap();
    versions.iter().map(|version| version.version).collect()
}

/// Both have seen version 1. The first saves while the second waits; what the second one is told.
async fn race(world: &World, template_id: TemplateId, seen: Option<i32>) -> Result<i32, TemplateError> {
    let (mut first, mut second) = (world.tenant(1).await, world.tenant(1).await);
    let tx = first.begin().await.unwrap();
    let (template, newest) = take_template(&tx, author(1), template_id).await.unwrap();
    assert_eq!((template.latest_version, newest.version), (1, 1));
    let saves = async {
        let tx = second.begin().await.unwrap();
        let (_, saved) = update_template(&tx, author(2), template_id, change("second", seen)).await?;
        tx.commit().await.unwrap();
        Ok(saved.version)
    };
    let mut saves = std::pin::pin!(saves);
    let waits = tokio::time::timeout(Duration::from_millis(200), &mut saves).await;
    assert!(waits.is_err(), "the second waits for the first");
    let (_, saved) = update_template(&tx, author(1), template_id, change("first", Some(1))).await.unwrap();
    assert_eq!(saved.version, 2);
    tx.commit().await.unwrap();
    saves.await
}

#[tokio::test]
async fn tpl_006_two_saves_at_once_are_two_versions_or_a_conflict() {
    let world = World::new().await;
    let mut connection = world.tenant(1).await;
    let mut made = Vec::new();
    let tx = connection.begin().await.unwrap();
    for name in ["One", "Two"] {
        let new = new_template(name, json!({"sms": {"en": {"body": "{{practice.name}}: one"}}}));
        made.push(create_template(&tx, author(0), new).await.unwrap().0.template_id);
    }
    tx.commit().await.unwrap();
    // Templates of the library are nobody's own row before the first of the two.
    made.extend(["payment_due", "birthday"].map(|key| library().by_key(key).unwrap().template_id));
    for pair in made.chunks(2) {
        assert_eq!(race(&world, pair[0], None).await.unwrap(), 3, "who does not say what they saw saves over it");
        assert_eq!(versions(&world, pair[0]).await, [3, 2, 1]);
        let outdated = race(&world, pair[1], Some(1)).await.unwrap_err();
        assert_eq!(outdated.kind(), ErrorKind::Conflict);
        assert_eq!(outdated.to_string(), "update template: the latest version is 2 by now");
        assert_eq!(versions(&world, pair[1]).await, [2, 1]);
    }
}

#[tokio::test]
async fn tpl_006_a_version_is_not_published_over_another_one_unseen() {
    let world = World::new().await;
    let mut connection = world.tenant(1).await;
    let tx = connection.begin().await.unwrap();
    let new = new_template("Bill", json!({"sms": {"en": {"body": "{{practice.name}}: one"}}}));
    let template_id = create_template(&tx, author(0), new).await.unwrap().0.template_id;
    update_template(&tx, author(1), template_id, change("two", Some(1))).await.unwrap();
    let seen = |latest_version, published_version| Seen { latest_version, published_version };
    let publish = async |version, seen| publish_template(&tx, author(2), template_id, version, seen).await;
    let told = |refused: Result<_, TemplateError>| refused.err().map(|error| error.to_string());
    let newer = publish(None, seen(Some(1), Some(0))).await;
    assert_eq!(told(newer).as_deref(), Some("publish template: the latest version is 2 by now"));
    publish(Some(1), seen(Some(2), Some(0))).await.unwrap();
    let other = publish(Some(2), seen(Some(2), Some(0))).await;
    assert_eq!(told(other).as_deref(), Some("publish template: the published version is 1 by now"));
    let (template, _) = publish(Some(2), seen(None, Some(1))).await.unwrap();
    assert_eq!(template.published_version, Some(2));
}
