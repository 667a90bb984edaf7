//! The library: templates that every tenant sees from its first moment. They are files of the program, not rows; a
//! practice that edits one gets a copy of its own under the same id, and no other tenant sees a difference (TPL-012).

mod files;

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use carepost_kernel::{Purpose, TemplateId, Topic};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use crate::types::{
    Category, EmailVariant, InAppVariant, Language, SmsVariant, Template, TemplateContent, TemplateMeta,
    TemplateVersion, Variable,
};

/// Whether a text was looked at by somebody who may judge it (Section 1557: translations of critical text).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Review {
    /// Not yet.
    NeedsReview,
    /// It was.
    Reviewed,
}

/// A file of the library as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LibraryFile {
    #[serde(rename = "type")]
    type_key: String,
    requirements: Vec<String>,
    category: Category,
    name: BTreeMap<Language, String>,
    #[serde(default)]
    shortcut: Option<String>,
    #[serde(default)]
    review: BTreeMap<Language, Review>,
    #[serde(default)]
    variables: Vec<Variable>,
    #[serde(default)]
    sms: BTreeMap<Language, SmsVariant>,
    #[serde(default)]
    email: BTreeMap<Language, EmailVariant>,
    #[serde(default)]
    in_app: BTreeMap<Language, InAppVariant>,
}

/// A template of the library.
#[derive(Debug, Clone)]
pub struct LibraryTemplate {
    /// Its id: the same in every deployment, made from its key.
    pub template_id: TemplateId,
    /// The key of its type of message.
    pub key: String,
    /// Its name for people, by language.
    pub names: BTreeMap<Language, String>,
    /// What it is filed under.
    pub category: Category,
    /// Why the law lets it be sent.
    pub purpose: Purpose,
    /// What its reader would call it.
    pub topic: Topic,
    /// What a composer finds it by, where it is a canned response.
    pub shortcut: Option<String>,
    /// The requirements that ask for it.
    pub requirements: Vec<String>,
    /// Which languages a qualified person has yet to look at.
    pub review: BTreeMap<Language, Review>,
    /// What it holds.
    pub content: TemplateContent,
}

/// Why a file of the library cannot be read: its parser's words, for the library holds no patient's data.
#[derive(Debug, thiserror::Error)]
#[error("read library file {key}")]
pub struct LibraryError {
    /// Which file.
    pub key: String,
    /// Why.
    #[source]
    pub source: toml::de::Error,
}

/// The library of this program.
#[derive(Debug)]
pub struct Library {
    by_id: HashMap<TemplateId, usize>,
    templates: Vec<LibraryTemplate>,
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let parsed = files::FILES.iter().map(|file| parse(file.key, file.purpose, file.topic, file.text));
    let templates: Vec<LibraryTemplate> =
        parsed.collect::<Result<_, _>>().expect("a test reads every file that is compiled in");
    let by_id = templates.iter().enumerate().map(|(i, template)| (template.template_id, i)).collect();
    Library { by_id, templates }
});

/// The library.
#[must_use]
pub fn library() -> &'static Library {
    &LIBRARY
}

impl Library {
    /// All of it, by key.
    #[must_use]
    pub fn templates(&self) -> &[LibraryTemplate] {
        &self.templates
    }

    /// One by its id.
    #[must_use]
    pub fn get(&self, template_id: TemplateId) -> Option<&LibraryTemplate> {
        self.by_id.get(&template_id).map(|i| &self.templates[*i])
    }

    /// One by its key.
    #[must_use]
    pub fn by_key(&self, key: &str) -> Option<&LibraryTemplate> {
        self.templates.binary_search_by(|template| template.key.as_str().cmp(key)).ok().map(|i| &self.templates[i])
    }
}

impl LibraryTemplate {
    /// What a template says of itself.
    #[must_use]
    pub fn meta(&self) -> TemplateMeta {
        TemplateMeta {
            name: self.name().to_owned(),
            category: self.category.clone(),
            type_key: Some(self.key.clone()),
            purpose: self.purpose,
            topic: self.topic,
            is_shared: true,
            shortcut: self.shortcut.clone(),
        }
    }

    fn name(&self) -> &str {
        let name = self.names.get(&Language::En).or_else(|| self.names.values().next());
        name.map_or(&self.key, String::as_str)
    }

    /// As a tenant that has not touched it sees it: one version, published.
    #[must_use]
    pub fn template(&self) -> Template {
        Template {
            template_id: self.template_id,
            meta: self.meta(),
            library_key: Some(self.key.clone()),
            created_by: Uuid::nil(),
            created_at: SHIPPED_AT,
            updated_at: SHIPPED_AT,
            latest_version: 1,
            published_version: Some(1),
            archived_at: None,
        }
    }

    /// Its one version.
    #[must_use]
    pub fn version(&self) -> TemplateVersion {
        TemplateVersion {
            version: 1,
            content: self.content.clone(),
            created_by: Uuid::nil(),
            created_at: SHIPPED_AT,
            restored_from: None,
            published_at: Some(SHIPPED_AT),
        }
    }
}

/// When the library was put together: 2026-11-22. A date of the texts, the same for every tenant.
const SHIPPED_AT: Timestamp = Timestamp::constant(1795305600, 0);

/// Reads a file.
///
/// # Errors
/// Where it is not in the form that files of the library have, or is another type's.
pub fn parse(key: &str, purpose: Purpose, topic: Topic, text: &str) -> Result<LibraryTemplate, LibraryError> {
    let failed = |source| LibraryError { key: key.to_owned(), source };
    let file: LibraryFile = toml::from_str(text).map_err(failed)?;
    if file.type_key != key {
        return Err(failed(serde::de::Error::custom("the type is not the name of the file")));
    }
    let content = TemplateContent {
        default_language: Language::En,
        variables: file.variables,
        partials: BTreeMap::new(),
        sms: file.sms,
        email: file.email,
        in_app: file.in_app,
    };
    Ok(LibraryTemplate {
        template_id: id_of(key),
        key: file.type_key,
        names: file.name,
        category: file.category,
        purpose,
        topic,
        shortcut: file.shortcut,
        requirements: file.requirements,
        review: file.review,
        content,
    })
}

/// FNV-1a of 128 bits over the key, as a UUID of version 8 (RFC 9562): stable for ever, and never a tenant's own id,
/// for those are of version 7.
fn id_of(key: &str) -> TemplateId {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = key.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    let versioned = (hash & !(0xf << 76)) | (8 << 76);
    TemplateId::from_uuid(Uuid::from_u128((versioned & !(3 << 62)) | (2 << 62)))
}

#[cfg(test)]
mod tests;
