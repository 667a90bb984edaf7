//! What may be done with templates. Each change commits with its entry in the history, in the caller's transaction.

use carepost_kernel::{EventId, TemplateId};
use carepost_store::TenantTx;
use jiff::Timestamp;
use uuid::Uuid;

use crate::error::{Fault, TemplateError};
use crate::events::{TemplateAction, TemplateEvent};
use crate::library::library;
use crate::rules::{check, check_meta, publish_faults};
use crate::store;
use crate::types::{NewTemplate, Seen, Template, TemplateChange, TemplateContent, TemplateVersion};

/// Templates of one practice, and versions of one template: more is a program gone wrong.
const MAX_TEMPLATES: i64 = 5_000;
const MAX_VERSIONS: i32 = 1_000;

/// Who makes a change, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    /// The API key.
    pub actor_id: Uuid,
    /// The present instant.
    pub now: Timestamp,
}

/// Makes a template with its first version, a draft.
///
/// # Errors
/// `Invalid` with everything that is wrong; `Conflict` where the shortcut is another template's.
pub async fn create_template(
    tx: &TenantTx<'_>,
    author: Author,
    new: NewTemplate,
) -> Result<(Template, TemplateVersion), TemplateError> {
    check_all(&new)?;
    if store::count_templates(tx).await? >= MAX_TEMPLATES {
        return Err(TemplateError::Conflict { tried: "create template", problem: "there are 5,000 already" });
    }
    let template_id = TemplateId::new(author.now);
    let template = Template {
        template_id,
        meta: new.meta,
        library_key: None,
        created_by: author.actor_id,
        created_at: author.now,
        updated_at: author.now,
        latest_version: 1,
        published_version: None,
        archived_at: None,
    };
    let version = version_of(author, 1, new.content, None);
    store::insert_template(tx, &template).await?;
    store::insert_version(tx, template_id, &version).await?;
    note(tx, author, template_id, TemplateAction::Created, 1).await?;
    Ok((template, version))
}

/// Takes a template in hand, with its newest version: nobody else changes it until the transaction ends. A change that rests
/// on what is there begins with this.
///
/// # Errors
/// `NotFound`.
pub async fn take_template(
    tx: &TenantTx<'_>,
    author: Author,
    template_id: TemplateId,
) -> Result<(Template, TemplateVersion), TemplateError> {
    let template = own(tx, author, template_id).await?;
    let newest = version(tx, template_id, template.latest_version).await?;
    Ok((template, newest))
}

/// Changes a template. Other content is a new version, a draft; former versions stay as they are.
///
/// # Errors
/// `Invalid` with everything that is wrong; `NotFound`; `Conflict`; `Outdated` where it is not what its author saw.
pub async fn update_template(
    tx: &TenantTx<'_>,
    author: Author,
    template_id: TemplateId,
    change: TemplateChange,
) -> Result<(Template, TemplateVersion), TemplateError> {
    let mut template = own(tx, author, template_id).await?;
    is_as_seen(&template, change.seen, "update template")?;
    apply(&mut template, &change);
    let mut faults = check_meta(&template.meta);
    faults.extend(change.content.as_ref().and_then(|content| check(content).err()).unwrap_or_default());
    if !faults.is_empty() {
        return Err(TemplateError::Invalid(faults));
    }
    if let Some(number) = template.published_version.filter(|_| change.purpose.is_some()) {
        // What is published is sent for the new purpose from now on, and needs what that wants in it.
        let published = version(tx, template_id, number).await?;
        let compiled = check(&published.content).map_err(TemplateError::Invalid)?;
        let faults = publish_faults(&published.content, &compiled, template.meta.purpose);
        if !faults.is_empty() {
            return Err(TemplateError::Invalid(faults));
        }
    }
    template.updated_at = author.now;
    let version = match change.content {
        Some(content) => add_version(tx, author, &mut template, content, None).await?,
        None => version(tx, template_id, template.latest_version).await?,
    };
    store::update_template(tx, &template).await?;
    note(tx, author, template_id, TemplateAction::Saved, version.version).await?;
    Ok((template, version))
}

/// Nobody has been faster.
fn is_as_seen(template: &Template, seen: Seen, tried: &'static str) -> Result<(), TemplateError> {
    let latest = ("the latest version", seen.latest_version, template.latest_version);
    let published = ("the published version", seen.published_version, template.published_version.unwrap_or(0));
    match [latest, published].into_iter().find(|(_, seen, present)| seen.is_some_and(|seen| seen != *present)) {
        Some((what, _, present)) => Err(TemplateError::Outdated { tried, what, present }),
        None => Ok(()),
    }
}

fn apply(template: &mut Template, change: &TemplateChange) {
    let meta = &mut template.meta;
    let change = change.clone();
    meta.name = change.name.unwrap_or_else(|| std::mem::take(&mut meta.name));
    meta.category = change.category.unwrap_or_else(|| meta.category.clone());
    meta.type_key = change.type_key.or_else(|| meta.type_key.take());
    meta.purpose = change.purpose.unwrap_or(meta.purpose);
    meta.topic = change.topic.unwrap_or(meta.topic);
    meta.is_shared = change.is_shared.unwrap_or(meta.is_shared);
    if let Some(shortcut) = change.shortcut {
        meta.shortcut = Some(shortcut).filter(|shortcut| !shortcut.is_empty());
    }
}

/// Lets a version be sent: the newest where none is named. An archived template comes back into use.
///
/// # Errors
/// `Invalid` where it lacks what the law wants in it (CON-013, CON-014); `NotFound`; `Outdated` where it is not what its
/// author saw.
pub async fn publish_template(
    tx: &TenantTx<'_>,
    author: Author,
    template_id: TemplateId,
    number: Option<i32>,
    seen: Seen,
) -> Result<(Template, TemplateVersion), TemplateError> {
    let mut template = own(tx, author, template_id).await?;
    is_as_seen(&template, seen, "publish template")?;
    let number = number.unwrap_or(template.latest_version);
    let mut version = version(tx, template_id, number).await?;
    let compiled = check(&version.content).map_err(TemplateError::Invalid)?;
    let faults = publish_faults(&version.content, &compiled, template.meta.purpose);
    if !faults.is_empty() {
        return Err(TemplateError::Invalid(faults));
    }
    template.published_version = Some(number);
    template.archived_at = None;
    template.updated_at = author.now;
    version.published_at = version.published_at.or(Some(author.now));
    store::publish_version(tx, template_id, number, author.now).await?;
    store::update_template(tx, &template).await?;
    note(tx, author, template_id, TemplateAction::Published, number).await?;
    Ok((template, version))
}

/// Takes a template out of use. What waits to be sent with it is rendered already.
///
/// # Errors
/// `NotFound`; `Conflict` where it is out of use; `Outdated` where it is not what its author saw.
pub async fn archive_template(
    tx: &TenantTx<'_>,
    author: Author,
    template_id: TemplateId,
    seen: Seen,
) -> Result<Template, TemplateError> {
    let mut template = own(tx, author, template_id).await?;
    is_as_seen(&template, seen, "archive template")?;
    if template.archived_at.is_some() {
        return Err(TemplateError::Conflict { tried: "archive template", problem: "it is archived already" });
    }
    template.archived_at = Some(author.now);
    template.updated_at = author.now;
    store::update_template(tx, &template).await?;
    note(tx, author, template_id, TemplateAction::Archived, template.latest_version).await?;
    Ok(template)
}

/// Brings a former version back, as a new one (TPL-010).
///
/// # Errors
/// `NotFound`; `VersionNotFound`; `Outdated` where it is not what its author saw.
pub async fn restore_version(
    tx: &TenantTx<'_>,
    author: Author,
    template_id: TemplateId,
    number: i32,
    seen: Seen,
) -> Result<(Template, TemplateVersion), TemplateError> {
    let mut template = own(tx, author, template_id).await?;
    is_as_seen(&template, seen, "restore version")?;
    let former = version(tx, template_id, number).await?;
    template.updated_at = author.now;
    let restored = add_version(tx, author, &mut template, former.content, Some(number)).await?;
    store::update_template(tx, &template).await?;
    note(tx, author, template_id, TemplateAction::Restored, restored.version).await?;
    Ok((template, restored))
}

/// Makes a template of a practice's own out of one of the library's or of its own, under another id.
///
/// # Errors
/// `NotFound`; `Invalid` where the name is wrong.
pub async fn copy_template(
    tx: &TenantTx<'_>,
    author: Author,
    template_id: TemplateId,
    name: Option<String>,
) -> Result<(Template, TemplateVersion), TemplateError> {
    let (original, version) = get(tx, template_id).await?;
    let mut meta = original.meta;
    meta.name = name.unwrap_or(meta.name);
    meta.shortcut = None;
    create_template(tx, author, NewTemplate { meta, content: version.content }).await
}

/// A template and the version that counts, a practice's own or the library's.
async fn get(tx: &TenantTx<'_>, template_id: TemplateId) -> Result<(Template, TemplateVersion), TemplateError> {
    crate::reads::get_template(tx, template_id, None).await
}

/// A version that is there.
async fn version(tx: &TenantTx<'_>, template_id: TemplateId, number: i32) -> Result<TemplateVersion, TemplateError> {
    let found = store::find_version(tx, template_id, number).await?;
    found.ok_or(TemplateError::VersionNotFound { template_id, version: number })
}

/// The practice's own row, locked. A template of the library becomes the practice's own first: its first version is the
/// library's, so that it can be brought back.
async fn own(tx: &TenantTx<'_>, author: Author, template_id: TemplateId) -> Result<Template, TemplateError> {
    if let Some(template) = store::lock_template(tx, template_id).await? {
        return Ok(template);
    }
    let original = library().get(template_id).ok_or(TemplateError::NotFound(template_id))?;
    let template = Template { created_at: author.now, updated_at: author.now, ..original.template() };
    let version = TemplateVersion { created_at: author.now, published_at: Some(author.now), ..original.version() };
    if !store::insert_template(tx, &template).await? {
        // Somebody else has made it the practice's own at the same time, and has ended since.
        return store::lock_template(tx, template_id).await?.ok_or(TemplateError::NotFound(template_id));
    }
    store::insert_version(tx, template_id, &version).await?;
    note(tx, author, template_id, TemplateAction::Copied, 1).await?;
    Ok(template)
}

async fn add_version(
    tx: &TenantTx<'_>,
    author: Author,
    template: &mut Template,
    content: TemplateContent,
    restored_from: Option<i32>,
) -> Result<TemplateVersion, TemplateError> {
    if template.latest_version >= MAX_VERSIONS {
        return Err(TemplateError::Conflict { tried: "add version", problem: "there are 1,000 already" });
    }
    template.latest_version += 1;
    let version = version_of(author, template.latest_version, content, restored_from);
    store::insert_version(tx, template.template_id, &version).await?;
    Ok(version)
}

fn version_of(author: Author, version: i32, content: TemplateContent, restored_from: Option<i32>) -> TemplateVersion {
    TemplateVersion {
        version,
        content,
        created_by: author.actor_id,
        created_at: author.now,
        restored_from,
        published_at: None,
    }
}

async fn note(
    tx: &TenantTx<'_>,
    author: Author,
    template_id: TemplateId,
    action: TemplateAction,
    version: i32,
) -> Result<(), TemplateError> {
    let event_id = EventId::new(author.now);
    let event = TemplateEvent { event_id, action, version, actor_id: author.actor_id, at: author.now };
    store::insert_event(tx, template_id, &event).await
}

fn check_all(new: &NewTemplate) -> Result<(), TemplateError> {
    let mut faults: Vec<Fault> = check_meta(&new.meta);
    faults.extend(check(&new.content).err().unwrap_or_default());
    if faults.is_empty() { Ok(()) } else { Err(TemplateError::Invalid(faults)) }
}
