//! Templates as they are shown.

use std::collections::BTreeMap;

use carepost_kernel::{Purpose, TemplateId, TenantId, Topic};
use carepost_templates::events::{TemplateAction, TemplateEvent};
use carepost_templates::types::{
    Category, DiffPart, Language, Template, TemplateContent, TemplateState, TemplateVersion, VersionState,
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::{EmailTemplateBody, InAppTemplateBody, SmsTemplateBody, VariableBody};
use crate::http::names::{
    ChannelName, LanguageName, PurposeName, TemplateActionName, TemplateStateName, TopicName, VersionStateName,
};

/// A template with the exact fields of the design of secure messaging (TPL-003).
#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: TemplateId,
    /// The practice.
    #[schema(value_type = Uuid)]
    practice_id: TenantId,
    /// Its name for people.
    #[schema(example = "Visit tomorrow")]
    name: String,
    /// Subject or heading, where it has one.
    subject: Option<String>,
    /// The text: of the inbox here, else of the email, else of the text message, in its default language.
    body: String,
    /// The names of its variables.
    variables: Vec<String>,
    /// What it is filed under.
    #[schema(value_type = String, example = "Administrative")]
    category: Category,
    /// Who made it; the nil UUID where it is the library's.
    created_by: Uuid,
    /// Whether everybody of the practice sees it.
    is_shared: bool,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// A template with everything about it.
#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateDetailView {
    #[serde(flatten)]
    template: TemplateView,
    /// The key of the type of message.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    type_key: Option<String>,
    /// Why the law lets it be sent.
    #[schema(value_type = PurposeName)]
    purpose: Purpose,
    /// What its reader would call it.
    #[schema(value_type = TopicName)]
    topic: Topic,
    /// What a composer finds it by after `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    shortcut: Option<String>,
    /// The library's template that it is, or is a copy of.
    #[serde(skip_serializing_if = "Option::is_none")]
    library_key: Option<String>,
    /// Where it stands.
    #[schema(value_type = TemplateStateName)]
    state: TemplateState,
    /// The version that is shown.
    version: i32,
    /// The version that is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    published_version: Option<i32>,
    /// The newest version.
    latest_version: i32,
    /// When it went out of use.
    #[serde(skip_serializing_if = "Option::is_none")]
    archived_at: Option<Timestamp>,
    /// What the version holds.
    content: ContentView,
}

/// What a version holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct ContentView {
    /// The language that is used where a recipient's own has no variant.
    #[schema(value_type = LanguageName)]
    default_language: Language,
    /// Its variables.
    variables: Vec<VariableBody>,
    /// Pieces that several texts share.
    partials: BTreeMap<String, String>,
    /// Text messages, by language.
    #[schema(value_type = BTreeMap<String, SmsTemplateBody>)]
    sms: BTreeMap<Language, SmsTemplateBody>,
    /// Emails, by language.
    #[schema(value_type = BTreeMap<String, EmailTemplateBody>)]
    email: BTreeMap<Language, EmailTemplateBody>,
    /// Messages in the inbox here, by language.
    #[schema(value_type = BTreeMap<String, InAppTemplateBody>)]
    in_app: BTreeMap<Language, InAppTemplateBody>,
}

/// A version of a template.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionView {
    /// Its number, from 1.
    version: i32,
    /// Where it stands.
    #[schema(value_type = VersionStateName)]
    state: VersionState,
    /// Who wrote it.
    created_by: Uuid,
    /// When it was written.
    created_at: Timestamp,
    /// The version that it brought back.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_from: Option<i32>,
    /// When it was first published.
    #[serde(skip_serializing_if = "Option::is_none")]
    published_at: Option<Timestamp>,
}

/// An entry of a template's history.
#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateEventView {
    /// What was done.
    #[schema(value_type = TemplateActionName)]
    action: TemplateAction,
    /// With which version.
    version: i32,
    /// By whom.
    actor_id: Uuid,
    /// When.
    at: Timestamp,
}

/// How one text differs between two versions.
#[derive(Serialize, ToSchema)]
pub(crate) struct DiffPartView {
    /// JSON pointer to the text in `content`.
    #[schema(example = "/sms/en/body")]
    pointer: String,
    /// Its channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ChannelName>)]
    channel: Option<carepost_kernel::Channel>,
    /// Its language.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<LanguageName>)]
    language: Option<Language>,
    /// A unified diff.
    diff: String,
}

impl TemplateView {
    pub(crate) fn new(tenant_id: TenantId, template: &Template, content: &TemplateContent) -> Self {
        let (subject, body) = one_text(content);
        Self {
            id: template.template_id,
            practice_id: tenant_id,
            name: template.meta.name.clone(),
            subject,
            body,
            variables: content.variables.iter().map(|variable| variable.name.clone()).collect(),
            category: template.meta.category.clone(),
            created_by: template.created_by,
            is_shared: template.meta.is_shared,
            created_at: template.created_at,
            updated_at: template.updated_at,
        }
    }
}

/// The one text of a template that has many.
fn one_text(content: &TemplateContent) -> (Option<String>, String) {
    let language = content.default_language;
    fn of<Variant>(variants: &BTreeMap<Language, Variant>, language: Language) -> Option<&Variant> {
        variants.get(&language).or_else(|| variants.values().next())
    }
    if let Some(in_app) = of(&content.in_app, language) {
        return (Some(in_app.title.clone()), in_app.body.clone());
    }
    if let Some(email) = of(&content.email, language) {
        let body = email.text.as_ref().or(email.html.as_ref()).or(email.mjml.as_ref());
        return (Some(email.subject.clone()), body.cloned().unwrap_or_default());
    }
    (None, of(&content.sms, language).map(|sms| sms.body.clone()).unwrap_or_default())
}

impl TemplateDetailView {
    pub(crate) fn new(tenant_id: TenantId, template: Template, version: i32, content: TemplateContent) -> Self {
        let view = TemplateView::new(tenant_id, &template, &content);
        Self {
            template: view,
            state: template.state(),
            type_key: template.meta.type_key,
            purpose: template.meta.purpose,
            topic: template.meta.topic,
            shortcut: template.meta.shortcut,
            library_key: template.library_key,
            version,
            published_version: template.published_version,
            latest_version: template.latest_version,
            archived_at: template.archived_at,
            content: content.into(),
        }
    }
}

impl From<TemplateContent> for ContentView {
    fn from(content: TemplateContent) -> Self {
        Self {
            default_language: content.default_language,
            variables: content.variables.into_iter().map(VariableBody::from).collect(),
            partials: content.partials,
            sms: content.sms.into_iter().map(|(language, sms)| (language, sms.into())).collect(),
            email: content.email.into_iter().map(|(language, email)| (language, email.into())).collect(),
            in_app: content.in_app.into_iter().map(|(language, in_app)| (language, in_app.into())).collect(),
        }
    }
}

impl VersionView {
    pub(crate) fn new(template: &Template, version: &TemplateVersion) -> Self {
        let state = match version.published_at {
            None => VersionState::Draft,
            Some(_) if template.published_version == Some(version.version) => VersionState::Published,
            Some(_) => VersionState::Superseded,
        };
        Self {
            version: version.version,
            state,
            created_by: version.created_by,
            created_at: version.created_at,
            restored_from: version.restored_from,
            published_at: version.published_at,
        }
    }
}

impl From<TemplateEvent> for TemplateEventView {
    fn from(TemplateEvent { action, version, actor_id, at, .. }: TemplateEvent) -> Self {
        Self { action, version, actor_id, at }
    }
}

impl From<DiffPart> for DiffPartView {
    fn from(DiffPart { pointer, channel, language, diff }: DiffPart) -> Self {
        Self { pointer, channel, language, diff }
    }
}
