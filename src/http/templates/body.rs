//! Bodies of templates. A template of one text may come as subject and body alone: it is for the inbox here then.

use std::collections::BTreeMap;

use carepost_kernel::{Purpose, Topic};
use carepost_templates::Fault;
use carepost_templates::types::{
    Category, EmailVariant, InAppVariant, Language, NewTemplate, Seen, SmsVariant, TemplateChange, TemplateContent,
    TemplateMeta, Variable, VariableKind,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::error::{ApiError, Code, FaultView};
use crate::http::names::{LanguageName, PurposeName, TopicName, VariableKindName};

/// A declared variable.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariableBody {
    /// Its dotted name.
    #[schema(example = "appointment.starts_at")]
    name: String,
    /// What it holds.
    #[schema(value_type = VariableKindName)]
    kind: VariableKind,
    /// Whether it must be given; default true.
    #[serde(default = "is_required")]
    required: bool,
    /// An invented value for previews, by language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Value>)]
    sample: BTreeMap<Language, Value>,
}

const fn is_required() -> bool {
    true
}

/// A variable: its name alone, where it is text that must be given, or all about it.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum NamedOrDeclared {
    /// The name alone.
    Name(String),
    /// All about it.
    Declared(VariableBody),
}

/// A text message.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmsTemplateBody {
    /// The text.
    #[schema(example = "{{practice.name}}: we expect you on {{date appointment.starts_at}}.")]
    body: String,
}

/// An email: either `mjml` or `html`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailTemplateBody {
    /// The subject line.
    subject: String,
    /// The body as MJML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mjml: Option<String>,
    /// The body as HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    /// The text part; made from the HTML where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// A message in the recipient's inbox here.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InAppTemplateBody {
    /// The heading.
    title: String,
    /// The text.
    body: String,
}

/// The parts of a template's content, each left out or given. A macro, for fields of a flattened struct cannot refuse
/// unknown ones.
macro_rules! with_content {
    ($(#[$meta:meta])* $name:ident { $($(#[$own_meta:meta])* $own:ident: $own_type:ty),* $(,)? }) => {
        #[derive(Deserialize, ToSchema)]
        $(#[$meta])*
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$own_meta])* $own: $own_type,)*
            /// Subject or heading of a template of one text.
            #[serde(default)]
            subject: Option<String>,
            /// The text of a template of one text, for the inbox here.
            #[serde(default)]
            body: Option<String>,
            /// What its texts may name, beside what is built in.
            #[serde(default)]
            variables: Option<Vec<NamedOrDeclared>>,
            /// The language that is used where a recipient's own has no variant; default `en`.
            #[serde(default)]
            #[schema(value_type = Option<LanguageName>)]
            default_language: Option<Language>,
            /// Pieces that several texts share, by name: `{{> name}}`.
            #[serde(default)]
            partials: Option<BTreeMap<String, String>>,
            /// Text messages, by language.
            #[serde(default)]
            #[schema(value_type = Option<BTreeMap<String, SmsTemplateBody>>)]
            sms: Option<BTreeMap<Language, SmsTemplateBody>>,
            /// Emails, by language.
            #[serde(default)]
            #[schema(value_type = Option<BTreeMap<String, EmailTemplateBody>>)]
            email: Option<BTreeMap<Language, EmailTemplateBody>>,
            /// Messages in the inbox here, by language.
            #[serde(default)]
            #[schema(value_type = Option<BTreeMap<String, InAppTemplateBody>>)]
            in_app: Option<BTreeMap<Language, InAppTemplateBody>>,
        }

        impl $name {
            fn parts(&mut self) -> Parts {
                Parts {
                    subject: self.subject.take(),
                    body: self.body.take(),
                    variables: self.variables.take(),
                    default_language: self.default_language.take(),
                    partials: self.partials.take(),
                    sms: self.sms.take(),
                    email: self.email.take(),
                    in_app: self.in_app.take(),
                }
            }
        }
    };
}

with_content! {
    /// A template to be made.
    #[schema(example = json!({
        "name": "Visit tomorrow",
        "subject": "Your visit",
        "body": "Hi {{patient.first_name}}, we expect you in {{room}}.",
        "variables": ["room"],
        "category": "Administrative"
    }))]
    CreateTemplateBody {
        /// Its name for people, 1 to 100 characters.
        name: String,
        /// What it is filed under; default `Other`. Clinical, Administrative, Billing, Other or a name of your own.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        category: Option<Category>,
        /// Whether everybody of the practice sees it; default true.
        #[serde(default)]
        is_shared: Option<bool>,
        /// The key of the type of message.
        #[serde(default, rename = "type")]
        type_key: Option<String>,
        /// Why the law lets it be sent; default `transactional`.
        #[serde(default)]
        #[schema(value_type = Option<PurposeName>)]
        purpose: Option<Purpose>,
        /// What its reader would call it; default `account`.
        #[serde(default)]
        #[schema(value_type = Option<TopicName>)]
        topic: Option<Topic>,
        /// What a composer finds it by after `/`.
        #[serde(default)]
        shortcut: Option<String>,
    }
}

with_content! {
    /// What shall be different about a template; what is left out stays. Any part of its content makes a new version.
    #[schema(example = json!({"body": "Hi {{patient.first_name}}, we expect you soon."}))]
    UpdateTemplateBody {
        /// Its name for people, 1 to 100 characters.
        #[serde(default)]
        name: Option<String>,
        /// What it is filed under.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        category: Option<Category>,
        /// Whether everybody of the practice sees it.
        #[serde(default)]
        is_shared: Option<bool>,
        /// The key of the type of message.
        #[serde(default, rename = "type")]
        type_key: Option<String>,
        /// Why the law lets it be sent.
        #[serde(default)]
        #[schema(value_type = Option<PurposeName>)]
        purpose: Option<Purpose>,
        /// What its reader would call it.
        #[serde(default)]
        #[schema(value_type = Option<TopicName>)]
        topic: Option<Topic>,
        /// What a composer finds it by after `/`; an empty text takes it away.
        #[serde(default)]
        shortcut: Option<String>,
        /// The latest version that you saw: where there is a newer one, nothing is saved (409).
        #[serde(default)]
        expected_version: Option<i32>,
    }
}

with_content! {
    /// A content to be checked.
    #[schema(example = json!({"sms": {"en": {"body": "{{practice.name}}: {{unknwon}}"}}}))]
    ValidateTemplateBody {
        /// Why the law lets it be sent: more is asked of marketing. Default `transactional`.
        #[serde(default)]
        #[schema(value_type = Option<PurposeName>)]
        purpose: Option<Purpose>,
    }
}

/// What a body says of the content.
struct Parts {
    subject: Option<String>,
    body: Option<String>,
    variables: Option<Vec<NamedOrDeclared>>,
    default_language: Option<Language>,
    partials: Option<BTreeMap<String, String>>,
    sms: Option<BTreeMap<Language, SmsTemplateBody>>,
    email: Option<BTreeMap<Language, EmailTemplateBody>>,
    in_app: Option<BTreeMap<Language, InAppTemplateBody>>,
}

impl Parts {
    fn is_empty(&self) -> bool {
        let has_text = self.subject.is_some() || self.body.is_some();
        let has_variant = self.sms.is_some() || self.email.is_some() || self.in_app.is_some();
        let has_rest = self.variables.is_some() || self.default_language.is_some() || self.partials.is_some();
        !has_text && !has_variant && !has_rest
    }

    /// Puts the parts over a content.
    fn onto(self, mut content: TemplateContent, name: &str) -> Result<TemplateContent, ApiError> {
        if self.body.is_some() && self.in_app.is_some() {
            return Err(ApiError::field(Code::ValidationFailed, "/body", "stands beside in_app: write one of them"));
        }
        content.default_language = self.default_language.unwrap_or(content.default_language);
        if let Some(variables) = self.variables {
            content.variables = variables.into_iter().map(Variable::from).collect();
        }
        content.partials = self.partials.unwrap_or(content.partials);
        if let Some(sms) = self.sms {
            content.sms = sms.into_iter().map(|(language, sms)| (language, SmsVariant { body: sms.body })).collect();
        }
        if let Some(email) = self.email {
            content.email = email.into_iter().map(|(language, email)| (language, email.into())).collect();
        }
        if let Some(in_app) = self.in_app {
            content.in_app = in_app.into_iter().map(|(language, in_app)| (language, in_app.into())).collect();
        }
        if self.body.is_some() || self.subject.is_some() {
            let language = content.default_language;
            let former = content.in_app.remove(&language).unwrap_or_default();
            let title = [self.subject.unwrap_or(former.title), name.to_owned()];
            let title = title.into_iter().find(|title| !title.is_empty()).unwrap_or_default();
            content.in_app.insert(language, InAppVariant { title, body: self.body.unwrap_or(former.body) });
        }
        Ok(content)
    }
}

impl CreateTemplateBody {
    /// The template that is asked for, and whether it came as subject and body.
    pub(crate) fn into_new(mut self) -> Result<(NewTemplate, bool), ApiError> {
        let parts = self.parts();
        let is_simple = parts.body.is_some();
        let meta = TemplateMeta {
            category: self.category.unwrap_or(Category::Other),
            type_key: self.type_key,
            purpose: self.purpose.unwrap_or(Purpose::Transactional),
            topic: self.topic.unwrap_or(Topic::Account),
            is_shared: self.is_shared.unwrap_or(true),
            shortcut: self.shortcut.filter(|shortcut| !shortcut.is_empty()),
            name: self.name,
        };
        let content = parts.onto(TemplateContent::default(), &meta.name)?;
        Ok((NewTemplate { meta, content }, is_simple))
    }
}

impl UpdateTemplateBody {
    /// The change that is asked for over a former content, and whether it came as subject and body.
    pub(crate) fn into_change(mut self, former: TemplateContent) -> Result<(TemplateChange, bool), ApiError> {
        let parts = self.parts();
        let is_simple = parts.body.is_some() || parts.subject.is_some();
        let content = if parts.is_empty() { None } else { Some(parts.onto(former, "")?) };
        let Self { name, category, is_shared, type_key, purpose, topic, shortcut, expected_version, .. } = self;
        let seen = Seen { latest_version: expected_version, ..Seen::default() };
        let change = TemplateChange { name, category, type_key, purpose, topic, is_shared, shortcut, content, seen };
        Ok((change, is_simple))
    }
}

impl ValidateTemplateBody {
    /// The content, its purpose, and whether it came as subject and body.
    pub(crate) fn into_content(mut self) -> Result<(TemplateContent, Purpose, bool), ApiError> {
        let parts = self.parts();
        let is_simple = parts.body.is_some();
        let content = parts.onto(TemplateContent::default(), "Untitled")?;
        Ok((content, self.purpose.unwrap_or(Purpose::Transactional), is_simple))
    }
}

/// A fault as the caller's own body has it: subject and body are the inbox's heading and text.
pub(crate) fn show_fault(fault: Fault, is_simple: bool) -> FaultView {
    let pointer = fault.pointer.strip_prefix("/in_app/").filter(|_| is_simple).and_then(|rest| rest.split_once('/'));
    let pointer = match pointer.map(|(_, field)| field) {
        Some("title") => "/subject".to_owned(),
        Some("body") => "/body".to_owned(),
        _ => return fault.into(),
    };
    Fault { pointer, ..fault }.into()
}

impl From<NamedOrDeclared> for Variable {
    fn from(variable: NamedOrDeclared) -> Self {
        match variable {
            NamedOrDeclared::Name(name) => {
                Self { name, kind: VariableKind::Text, required: true, sample: BTreeMap::new() }
            }
            NamedOrDeclared::Declared(VariableBody { name, kind, required, sample }) => {
                Self { name, kind, required, sample }
            }
        }
    }
}

impl From<Variable> for VariableBody {
    fn from(Variable { name, kind, required, sample }: Variable) -> Self {
        Self { name, kind, required, sample }
    }
}

impl From<SmsVariant> for SmsTemplateBody {
    fn from(sms: SmsVariant) -> Self {
        Self { body: sms.body }
    }
}

impl From<EmailTemplateBody> for EmailVariant {
    fn from(EmailTemplateBody { subject, mjml, html, text }: EmailTemplateBody) -> Self {
        Self { subject, mjml, html, text }
    }
}

impl From<EmailVariant> for EmailTemplateBody {
    fn from(EmailVariant { subject, mjml, html, text }: EmailVariant) -> Self {
        Self { subject, mjml, html, text }
    }
}

impl From<InAppTemplateBody> for InAppVariant {
    fn from(InAppTemplateBody { title, body }: InAppTemplateBody) -> Self {
        Self { title, body }
    }
}

impl From<InAppVariant> for InAppTemplateBody {
    fn from(InAppVariant { title, body }: InAppVariant) -> Self {
        Self { title, body }
    }
}
