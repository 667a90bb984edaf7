//! The life of a template: versions, publishing, history; and that what is compiled is kept.

use std::sync::Arc;

use carepost_kernel::{Channel, Content, ErrorKind};
use carepost_templates::events::TemplateAction;
use carepost_templates::library::library;
use carepost_templates::types::{Language, Seen, TemplateChange, TemplateFilter, TemplateState};
use carepost_templates::{
    Ready, RenderInput, Renderer, TemplateError, Values, archive_template, create_template, get_template, get_version,
    list_history, list_templates, list_versions, publish_template, restore_version, update_template,
};
use serde_json::json;

use crate::support::{World, author, content, new_template};

fn sms(text: &str) -> serde_json::Value {
    json!({"sms": {"en": {"body": text}}})
}

fn text(ready: &Ready) -> String {
    let mut values = Values::default();
    values.set("practice.name", "Maple Street Dental");
    let input = RenderInput { channel: Channel::Sms, language: Language::En, zone: "UTC", values: &values };
    let Content::Sms(sms) = ready.render(&input).unwrap().content else { unreachable!("another channel") };
    sms.text
}

#[tokio::test]
async fn tpl_006_tpl_010_every_save_is_a_version_that_stays() {
    let world = World::new().await;
    let mut connection = world.tenant(1).await;
    let tx = connection.begin().await.unwrap();
    let renderer = Renderer::default();
    let new = new_template("Bill", sms("{{practice.name}}: one"));
    let (made, first) = create_template(&tx, author(0), new).await.unwrap();
    let id = made.template_id;
    assert_eq!((made.state(), first.version, made.created_by), (TemplateState::Draft, 1, author(0).actor_id));
    let change = |text: &str| TemplateChange { content: Some(content(sms(text))), ..TemplateChange::default() };
    update_template(&tx, author(1), id, change("{{practice.name}}: two")).await.unwrap();
    let refused = renderer.published(&tx, id).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "a draft is not sent");
    publish_template(&tx, author(2), id, Some(1), Seen::default()).await.unwrap();
    update_template(&tx, author(3), id, change("{{practice.name}}: three")).await.unwrap();
    let sent = renderer.published(&tx, id).await.unwrap();
    assert_eq!((sent.version, text(&sent).as_str()), (1, "Maple Street Dental: one"));
    let again = renderer.published(&tx, id).await.unwrap();
    assert!(Arc::ptr_eq(&sent.compiled, &again.compiled), "made ready once");
    for (version, end) in [(1, "one"), (2, "two"), (3, "three")] {
        assert!(text(&renderer.ready(&tx, id, Some(version), None).await.unwrap()).ends_with(end));
    }
    let (_, restored) = restore_version(&tx, author(4), id, 2, Seen::default()).await.unwrap();
    assert_eq!((restored.version, restored.restored_from), (4, Some(2)));
    let (_, versions) = list_versions(&tx, id, None, None, 50).await.unwrap();
    assert_eq!(versions.iter().map(|version| version.version).collect::<Vec<_>>(), [4, 3, 2, 1]);
    assert_eq!(versions.iter().filter(|version| version.published_at.is_some()).count(), 1);
    let (_, page) = list_versions(&tx, id, None, Some(3), 1).await.unwrap();
    assert_eq!(page[0].version, 2);
    archive_template(&tx, author(5), id, Seen::default()).await.unwrap();
    assert_eq!(renderer.published(&tx, id).await.unwrap_err().kind(), ErrorKind::Conflict);
    publish_template(&tx, author(6), id, None, Seen::default()).await.unwrap();
    assert_eq!(renderer.published(&tx, id).await.unwrap().version, 4);
    let history = list_history(&tx, id, None).await.unwrap();
    use TemplateAction::{Archived, Created, Published, Restored, Saved};
    let actions: Vec<_> = history.iter().map(|event| event.action).collect();
    assert_eq!(actions, [Published, Archived, Restored, Saved, Published, Saved, Created]);
    assert_eq!((history[0].at, history[0].actor_id), (author(6).now, author(6).actor_id));
}

#[tokio::test]
async fn tpl_011_tpl_012_the_library_needs_no_rows_until_it_is_changed() {
    let world = World::new().await;
    let mut connection = world.tenant(1).await;
    let tx = connection.begin().await.unwrap();
    let shipped = library().by_key("payment_due").unwrap();
    let id = shipped.template_id;
    let (template, version) = get_template(&tx, id, None).await.unwrap();
    assert_eq!((template.published_version, version.content == shipped.content), (Some(1), true));
    assert!(list_history(&tx, id, None).await.unwrap().is_empty());
    let (_, versions) = list_versions(&tx, id, None, None, 50).await.unwrap();
    assert_eq!(versions.len(), 1);
    let change = TemplateChange { name: Some("Our bill".to_owned()), ..TemplateChange::default() };
    let (changed, _) = update_template(&tx, author(0), id, change).await.unwrap();
    assert_eq!((changed.template_id, changed.latest_version), (id, 1));
    tx.commit().await.unwrap();
    let mut other = world.tenant(2).await;
    let tx = other.begin().await.unwrap();
    assert_eq!(get_template(&tx, id, None).await.unwrap().0.meta.name, shipped.names[&Language::En]);
    let none = get_version(&tx, id, 2, None).await.unwrap_err();
    assert!(matches!(none, TemplateError::VersionNotFound { version: 2, .. }));
    let rows = world.owner.query_one(include_str!("sql/count_rows.sql"), &[]).await.unwrap();
    assert_eq!((rows.get::<_, i64>(0), rows.get::<_, i64>(1), rows.get::<_, i64>(2)), (1, 1, 2));
    let filter = TemplateFilter { category: Some(shipped.category.clone()), ..TemplateFilter::default() };
    let mut connection = world.tenant(1).await;
    let tx = connection.begin().await.unwrap();
    let page = list_templates(&tx, &filter, None, 200).await.unwrap();
    let of_category = library().templates().iter().filter(|one| one.category == shipped.category).count();
    assert_eq!(page.items.len(), of_category, "the copy stands in the original's place");
    assert!(page.items.is_sorted_by_key(|(template, _)| template.template_id));
}

#[tokio::test]
async fn a_faulty_template_leaves_no_row() {
    let world = World::new().await;
    let mut connection = world.tenant(1).await;
    let tx = connection.begin().await.unwrap();
    let refused = create_template(&tx, author(0), new_template("x", sms("{{nobody}}"))).await.unwrap_err();
    let TemplateError::Invalid(faults) = &refused else { unreachable!("{refused}") };
    assert_eq!((faults[0].pointer.as_str(), faults[0].column), ("/sms/en/body", Some(3)));
    tx.commit().await.unwrap();
    let rows = world.owner.query_one(include_str!("sql/count_rows.sql"), &[]).await.unwrap();
    assert_eq!(rows.get::<_, i64>(0), 0);
}
