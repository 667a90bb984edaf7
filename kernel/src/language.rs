//! The languages that this program speaks by itself: confirmations, notices, pages, the guard's dictionary.
//!
//! Templates may be written in any other (`carepost-templates` has tags of its own).

use serde::{Deserialize, Serialize};

/// A language that our own words are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::En, Self::Es];

    /// The tag (RFC 5646).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
        }
    }

    /// The language that a tag such as `es`, `es-MX` or `es_PR` names; `None` where it is none of ours.
    #[must_use]
    pub fn named(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.as_str()))
    }

    /// The same, and English for whatever is none of ours.
    #[must_use]
    pub fn of_tag(tag: &str) -> Self {
        Self::named(tag).unwrap_or_default()
    }
}

crate::parse_by_name!(Language = "language");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_language_by_its_first_part() {
        for (tag, language) in [
            ("es", Some(Language::Es)),
            (" es-MX", Some(Language::Es)),
            ("ES_pr", Some(Language::Es)),
            ("en-US", Some(Language::En)),
            ("est", None),
            ("fr", None),
            ("", None),
        ] {
            assert_eq!(Language::named(tag), language, "{tag}");
            assert_eq!(Language::of_tag(tag), language.unwrap_or(Language::En), "{tag}");
        }
    }
}
