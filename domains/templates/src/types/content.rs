//! What a version of a template holds: its variables, partials, and a variant for each channel and language.

use std::collections::BTreeMap;

use carepost_kernel::Channel;
use serde::{Deserialize, Serialize};

use super::{Language, Variable};

/// Which variant of a template.
pub type VariantKey = (Channel, Language);

/// The whole content of a version. It never changes once it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateContent {
    /// The language that is used where a recipient's own has no variant.
    #[serde(default = "english")]
    pub default_language: Language,
    /// What its texts may say that is not their own.
    #[serde(default)]
    pub variables: Vec<Variable>,
    /// Pieces of text that several variants share, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub partials: BTreeMap<String, String>,
    /// Text messages.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sms: BTreeMap<Language, SmsVariant>,
    /// Email.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub email: BTreeMap<Language, EmailVariant>,
    /// The recipient's inbox here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub in_app: BTreeMap<Language, InAppVariant>,
}

const fn english() -> Language {
    Language::En
}

impl Default for TemplateContent {
    fn default() -> Self {
        Self {
            default_language: english(),
            variables: Vec::new(),
            partials: BTreeMap::new(),
            sms: BTreeMap::new(),
            email: BTreeMap::new(),
            in_app: BTreeMap::new(),
        }
    }
}

impl TemplateContent {
    /// Which variants there are, by channel, then by language.
    pub fn variants(&self) -> impl Iterator<Item = VariantKey> + '_ {
        let sms = self.sms.keys().map(|language| (Channel::Sms, *language));
        let email = self.email.keys().map(|language| (Channel::Email, *language));
        let in_app = self.in_app.keys().map(|language| (Channel::InApp, *language));
        sms.chain(email).chain(in_app)
    }
}

/// A text message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsVariant {
    /// The text.
    pub body: String,
}

/// An email: its body as MJML or as HTML.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailVariant {
    /// The subject line.
    pub subject: String,
    /// The body as MJML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mjml: Option<String>,
    /// The body as HTML, where it is not MJML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// The text part; made from the HTML where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A message in the recipient's inbox here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InAppVariant {
    /// The heading.
    pub title: String,
    /// The text.
    pub body: String,
}
