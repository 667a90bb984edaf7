//! Typed functions over this room's SQL: one for each file in `sql/`.

use std::str::FromStr;

use carepost_kernel::{EventId, Purpose, TemplateId, Topic};
use carepost_store::{Row, TenantTx};
use jiff::Timestamp;
use tokio_postgres::types::{FromSql, Json};
use uuid::Uuid;

use crate::error::{TemplateError, Tried as _};
use crate::events::TemplateEvent;
use crate::types::{Template, TemplateContent, TemplateFilter, TemplateMeta, TemplateVersion};

/// Makes a template; whether there was none of this id. Waits for whoever makes one of the same id.
pub(crate) async fn insert_template(tx: &TenantTx<'_>, template: &Template) -> Result<bool, TemplateError> {
    let meta = &template.meta;
    let sql = include_str!("sql/insert_template.sql");
    let made = tx
        .execute(
            sql,
            &[
                &tx.tenant_id().as_uuid(),
                &template.template_id.as_uuid(),
                &meta.name,
                &meta.category.as_str(),
                &meta.type_key,
                &meta.purpose.as_i16(),
                &meta.topic.as_i16(),
                &meta.is_shared,
                &meta.shortcut,
                &template.library_key,
                &template.created_by,
                &template.created_at,
                &template.updated_at,
                &template.latest_version,
                &template.published_version,
                &template.archived_at,
            ],
        )
        .await
        .map_err(|error| told(error, "insert template"))?;
    Ok(made == 1)
}

/// Writes what can change of a template.
pub(crate) async fn update_template(tx: &TenantTx<'_>, template: &Template) -> Result<(), TemplateError> {
    let meta = &template.meta;
    let sql = include_str!("sql/update_template.sql");
    let touched = tx
        .execute(
            sql,
            &[
                &tx.tenant_id().as_uuid(),
                &template.template_id.as_uuid(),
                &meta.name,
                &meta.category.as_str(),
                &meta.type_key,
                &meta.purpose.as_i16(),
                &meta.topic.as_i16(),
                &meta.is_shared,
                &meta.shortcut,
                &template.updated_at,
                &template.latest_version,
                &template.published_version,
                &template.archived_at,
            ],
        )
        .await
        .map_err(|error| told(error, "update template"))?;
    if touched == 1 { Ok(()) } else { Err(TemplateError::NotFound(template.template_id)) }
}

/// Two canned responses of one shortcut are the caller's affair, not the database's.
fn told(error: carepost_store::StoreError, tried: &'static str) -> TemplateError {
    match error {
        carepost_store::StoreError::Unique { .. } => {
            TemplateError::Conflict { tried, problem: "another template has this shortcut" }
        }
        source => TemplateError::Store { tried, source },
    }
}

pub(crate) async fn insert_version(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
    version: &TemplateVersion,
) -> Result<(), TemplateError> {
    let sql = include_str!("sql/insert_template_version.sql");
    tx.execute(
        sql,
        &[
            &tx.tenant_id().as_uuid(),
            &template_id.as_uuid(),
            &version.version,
            &Json(&version.content),
            &version.created_by,
            &version.created_at,
            &version.restored_from,
            &version.published_at,
        ],
    )
    .await
    .tried("insert template version")?;
    Ok(())
}

pub(crate) async fn insert_event(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
    event: &TemplateEvent,
) -> Result<(), TemplateError> {
    let sql = include_str!("sql/insert_template_event.sql");
    tx.execute(
        sql,
        &[
            &tx.tenant_id().as_uuid(),
            &template_id.as_uuid(),
            &event.event_id.as_uuid(),
            &event.action.as_str(),
            &event.version,
            &event.actor_id,
            &event.at,
        ],
    )
    .await
    .tried("insert template event")?;
    Ok(())
}

/// Notes when a version was first published.
pub(crate) async fn publish_version(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
    version: i32,
    now: Timestamp,
) -> Result<(), TemplateError> {
    let sql = include_str!("sql/publish_template_version.sql");
    let touched = tx
        .execute(sql, &[&tx.tenant_id().as_uuid(), &template_id.as_uuid(), &version, &now])
        .await
        .tried("publish template version")?;
    if touched == 1 { Ok(()) } else { Err(TemplateError::VersionNotFound { template_id, version }) }
}

pub(crate) async fn find_template(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
) -> Result<Option<Template>, TemplateError> {
    let sql = include_str!("sql/find_template.sql");
    let row = tx.query_opt(sql, &[&tx.tenant_id().as_uuid(), &template_id.as_uuid()]).await.tried("find template")?;
    row.as_ref().map(read_template).transpose()
}

/// The template's row, locked until the transaction ends.
pub(crate) async fn lock_template(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
) -> Result<Option<Template>, TemplateError> {
    let sql = include_str!("sql/lock_template.sql");
    let row = tx.query_opt(sql, &[&tx.tenant_id().as_uuid(), &template_id.as_uuid()]).await.tried("lock template")?;
    row.as_ref().map(read_template).transpose()
}

pub(crate) async fn find_version(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
    version: i32,
) -> Result<Option<TemplateVersion>, TemplateError> {
    let sql = include_str!("sql/find_template_version.sql");
    let row = tx
        .query_opt(sql, &[&tx.tenant_id().as_uuid(), &template_id.as_uuid(), &version])
        .await
        .tried("find template version")?;
    row.as_ref().map(read_version).transpose()
}

/// Versions below a number, the newest first.
pub(crate) async fn list_versions(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
    below: i32,
    limit: i64,
) -> Result<Vec<TemplateVersion>, TemplateError> {
    let sql = include_str!("sql/list_template_versions.sql");
    let rows = tx
        .query(sql, &[&tx.tenant_id().as_uuid(), &template_id.as_uuid(), &below, &limit])
        .await
        .tried("list template versions")?;
    rows.iter().map(read_version).collect()
}

/// What was done last.
pub(crate) async fn list_events(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
    limit: i64,
) -> Result<Vec<TemplateEvent>, TemplateError> {
    let sql = include_str!("sql/list_template_events.sql");
    let rows = tx
        .query(sql, &[&tx.tenant_id().as_uuid(), &template_id.as_uuid(), &limit])
        .await
        .tried("list template events")?;
    rows.iter().map(read_event).collect()
}

/// Which templates of the library the practice has copies of.
pub(crate) async fn list_copied(tx: &TenantTx<'_>) -> Result<Vec<TemplateId>, TemplateError> {
    let sql = include_str!("sql/list_copied_templates.sql");
    let rows = tx.query(sql, &[&tx.tenant_id().as_uuid()]).await.tried("list copied templates")?;
    rows.iter().map(|row| Ok(TemplateId::from_uuid(Reader("templates", row).get("template_id")?))).collect()
}

pub(crate) async fn count_templates(tx: &TenantTx<'_>) -> Result<i64, TemplateError> {
    let sql = include_str!("sql/count_templates.sql");
    let row = tx.query_one(sql, &[&tx.tenant_id().as_uuid()]).await.tried("count templates")?;
    Reader("templates", &row).get("templates")
}

/// Templates after an id, each with the content that counts.
pub(crate) async fn list_templates(
    tx: &TenantTx<'_>,
    filter: &TemplateFilter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<(Template, TemplateContent)>, TemplateError> {
    let sql = include_str!("sql/list_templates.sql");
    let category = filter.category.as_ref().map(|category| category.as_str());
    let state = filter.state.map(|state| state.as_str());
    let rows = tx
        .query(
            sql,
            &[
                &tx.tenant_id().as_uuid(),
                &after,
                &category,
                &filter.type_key,
                &state,
                &filter.shortcut,
                &filter.viewer,
                &limit,
            ],
        )
        .await
        .tried("list templates")?;
    let read = |row: &Row| Ok((read_template(row)?, Reader("template_versions", row).json("content")?));
    rows.iter().map(read).collect()
}

/// Reads the columns of a row, and says which one is malformed.
struct Reader<'row>(&'static str, &'row Row);

impl<'row> Reader<'row> {
    fn get<T: FromSql<'row>>(&self, column: &'static str) -> Result<T, TemplateError> {
        self.1.try_get(column).map_err(|_| self.fault(column))
    }

    fn named<T: FromStr>(&self, column: &'static str) -> Result<T, TemplateError> {
        self.get::<&str>(column)?.parse().map_err(|_| self.fault(column))
    }

    fn numbered<T>(&self, column: &'static str, of: impl FnOnce(i16) -> Option<T>) -> Result<T, TemplateError> {
        of(self.get(column)?).ok_or_else(|| self.fault(column))
    }

    fn json(&self, column: &'static str) -> Result<TemplateContent, TemplateError> {
        Ok(self.get::<Json<TemplateContent>>(column)?.0)
    }

    const fn fault(&self, column: &'static str) -> TemplateError {
        TemplateError::Row { table: self.0, column }
    }
}

fn read_template(row: &Row) -> Result<Template, TemplateError> {
    let reader = Reader("templates", row);
    Ok(Template {
        template_id: TemplateId::from_uuid(reader.get("template_id")?),
        meta: TemplateMeta {
            name: reader.get("name")?,
            category: reader.named("category")?,
            type_key: reader.get("type_key")?,
            purpose: reader.numbered("purpose", Purpose::from_i16)?,
            topic: reader.numbered("topic", Topic::from_i16)?,
            is_shared: reader.get("is_shared")?,
            shortcut: reader.get("shortcut")?,
        },
        library_key: reader.get("library_key")?,
        created_by: reader.get("created_by")?,
        created_at: reader.get("created_at")?,
        updated_at: reader.get("updated_at")?,
        latest_version: reader.get("latest_version")?,
        published_version: reader.get("published_version")?,
        archived_at: reader.get("archived_at")?,
    })
}

fn read_version(row: &Row) -> Result<TemplateVersion, TemplateError> {
    let reader = Reader("template_versions", row);
    Ok(TemplateVersion {
        version: reader.get("version")?,
        content: reader.json("content")?,
        created_by: reader.get("created_by")?,
        created_at: reader.get("created_at")?,
        restored_from: reader.get("restored_from")?,
        published_at: reader.get("published_at")?,
    })
}

fn read_event(row: &Row) -> Result<TemplateEvent, TemplateError> {
    let reader = Reader("template_events", row);
    Ok(TemplateEvent {
        event_id: EventId::from_uuid(reader.get("event_id")?),
        action: reader.named("action")?,
        version: reader.get("version")?,
        actor_id: reader.get("actor_id")?,
        at: reader.get("at")?,
    })
}
