//! Templates as a practice sees them: its own rows, and behind them the library.

use carepost_kernel::{Page, TemplateId};
use carepost_store::TenantTx;
use uuid::Uuid;

use crate::error::TemplateError;
use crate::events::TemplateEvent;
use crate::library::{LibraryTemplate, library};
use crate::store;
use crate::types::{Template, TemplateContent, TemplateFilter, TemplateState, TemplateVersion};

/// A page holds no more.
const MAX_PAGE: usize = 200;
/// Entries of a history that are shown.
const HISTORY: i64 = 200;

/// A template and the version that counts; with a viewer, only what is shared or is the viewer's own.
///
/// # Errors
/// `NotFound`; where the database is away.
pub async fn get_template(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
    viewer: Option<Uuid>,
) -> Result<(Template, TemplateVersion), TemplateError> {
    let template = find(tx, template_id, viewer).await?;
    let version = version_of(tx, &template, template.current_version()).await?;
    Ok((template, version))
}

/// A template with one of its versions, which may be of former times.
///
/// # Errors
/// `NotFound`, `VersionNotFound`; where the database is away.
pub async fn get_version(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
    number: i32,
    viewer: Option<Uuid>,
) -> Result<(Template, TemplateVersion), TemplateError> {
    let template = find(tx, template_id, viewer).await?;
    let version = version_of(tx, &template, number).await?;
    Ok((template, version))
}

/// The versions of a template, the newest first.
///
/// # Errors
/// `NotFound`; where the database is away.
pub async fn list_versions(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
    viewer: Option<Uuid>,
    below: Option<i32>,
    limit: usize,
) -> Result<(Template, Vec<TemplateVersion>), TemplateError> {
    let template = find(tx, template_id, viewer).await?;
    let limit = i64::try_from(limit.clamp(1, MAX_PAGE)).unwrap_or(i64::MAX);
    let mut versions = store::list_versions(tx, template_id, below.unwrap_or(i32::MAX), limit).await?;
    if versions.is_empty() && below.is_none() {
        versions.extend(library().get(template_id).map(LibraryTemplate::version));
    }
    Ok((template, versions))
}

/// What was done with a template, the latest first.
///
/// # Errors
/// `NotFound`; where the database is away.
pub async fn list_history(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
    viewer: Option<Uuid>,
) -> Result<Vec<TemplateEvent>, TemplateError> {
    find(tx, template_id, viewer).await?;
    store::list_events(tx, template_id, HISTORY).await
}

/// One page of a practice's templates and of the library's that it has no copy of, by id, each with the content that
/// counts.
///
/// # Errors
/// Where the database is away.
pub async fn list_templates(
    tx: &TenantTx<'_>,
    filter: &TemplateFilter,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Page<(Template, TemplateContent)>, TemplateError> {
    let limit = limit.clamp(1, MAX_PAGE);
    let fetch = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let mut found = store::list_templates(tx, filter, after, fetch).await?;
    let copied = store::list_copied(tx).await?;
    let shipped = library().templates().iter().filter(|shipped| {
        let id = shipped.template_id;
        !copied.contains(&id) && after.is_none_or(|after| id.as_uuid() > after) && fits(shipped, filter)
    });
    found.extend(shipped.map(|shipped| (shipped.template(), shipped.content.clone())));
    found.sort_by_key(|(template, _)| template.template_id);
    Ok(Page::from_rows(found, limit, |(template, _)| template.template_id.as_uuid()))
}

fn fits(shipped: &LibraryTemplate, filter: &TemplateFilter) -> bool {
    let has_shortcut = |start: &String| shipped.shortcut.as_ref().is_some_and(|shortcut| shortcut.starts_with(start));
    filter.category.as_ref().is_none_or(|category| *category == shipped.category)
        && filter.type_key.as_ref().is_none_or(|key| *key == shipped.key)
        && filter.state.is_none_or(|state| state == TemplateState::Published)
        && filter.shortcut.as_ref().is_none_or(has_shortcut)
}

pub(crate) async fn find(
    tx: &TenantTx<'_>,
    template_id: TemplateId,
    viewer: Option<Uuid>,
) -> Result<Template, TemplateError> {
    let own = store::find_template(tx, template_id).await?;
    let found = own.or_else(|| library().get(template_id).map(LibraryTemplate::template));
    let is_seen =
        |template: &Template| template.meta.is_shared || viewer.is_none_or(|viewer| viewer == template.created_by);
    found.filter(is_seen).ok_or(TemplateError::NotFound(template_id))
}

pub(crate) async fn version_of(
    tx: &TenantTx<'_>,
    template: &Template,
    number: i32,
) -> Result<TemplateVersion, TemplateError> {
    let template_id = template.template_id;
    if let Some(version) = store::find_version(tx, template_id, number).await? {
        return Ok(version);
    }
    // A template of the library has no rows until it is changed.
    let shipped = library().get(template_id).map(LibraryTemplate::version);
    shipped
        .filter(|shipped| shipped.version == number)
        .ok_or(TemplateError::VersionNotFound { template_id, version: number })
}
