//! The dictionary of conditions, drugs and procedures: shipped, and replaceable by a text of the same form.
//!
//! A section begins with `[conditions.en]` (`conditions`, `drugs` or `procedures`; `en` or `es`). A line has one or more
//! terms in the singular, parted by commas. `term, term ~ companion, companion` counts the terms of that line only where a
//! companion stands within [`crate::terms::REACH_WORDS`] words of the same sentence. `-pril` is an ending: any word of at
//! least [`crate::terms::LEAST_LETTERS`] letters that ends so counts. `! phrase` is no finding, nor is any term inside it.
//! `#` begins a comment. Case, accents, hyphens and plurals are the program's business.

use carepost_kernel::Language;

use std::sync::LazyLock;

use crate::error::GuardError;
use crate::fold::Folded;
use crate::terms::words_of;
use crate::types::FindingKind;
use crate::words::{Gap, Words};

/// How many terms one guard may have.
pub const MOST_TERMS: usize = 20_000;
/// How long a term may be, in bytes.
const MOST_BYTES: usize = 100;
/// How many letters an ending must have.
pub(crate) const LEAST_ENDING: usize = 4;
/// How many words a term may have.
pub(crate) const MOST_WORDS: usize = 8;

const SHIPPED: [&str; 6] = [
    include_str!("../dictionary/conditions.en.txt"),
    include_str!("../dictionary/conditions.es.txt"),
    include_str!("../dictionary/drugs.en.txt"),
    include_str!("../dictionary/drugs.es.txt"),
    include_str!("../dictionary/procedures.en.txt"),
    include_str!("../dictionary/procedures.es.txt"),
];

/// Terms that name conditions, drugs and procedures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dictionary {
    pub(crate) terms: Vec<Term>,
    pub(crate) endings: Vec<(FindingKind, String)>,
    pub(crate) ignored: Vec<(Language, String)>,
}

/// One term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) kind: FindingKind,
    pub(crate) language: Language,
    pub(crate) text: String,
    /// One of these must be near; none: the term says enough by itself.
    pub(crate) companions: Vec<String>,
}

impl Dictionary {
    /// The dictionary that comes with the program, in English and Spanish.
    #[must_use]
    pub fn shipped() -> &'static Self {
        static DICTIONARY: LazyLock<Dictionary> =
            LazyLock::new(|| Dictionary::parse(&SHIPPED.join("\n")).expect("a test reads these files"));
        &DICTIONARY
    }

    /// Reads the dictionary of a deployment, which stands in for the shipped one: it must have terms.
    ///
    /// # Errors
    /// As [`Dictionary::parse`], and where there is no term; where the terms are too large to be looked for.
    pub fn of_deployment(text: &str) -> Result<Self, GuardError> {
        let dictionary = Self::parse(text)?;
        if dictionary.is_empty() {
            return Err(GuardError::Empty);
        }
        Ok(dictionary)
    }

    /// Reads a dictionary.
    ///
    /// # Errors
    /// The first line that is not in the form above, or too many terms.
    pub fn parse(text: &str) -> Result<Self, GuardError> {
        let mut dictionary = Self::default();
        let mut section = None;
        for (i, whole) in text.lines().enumerate() {
            let at = |(part, problem): (&str, &'static str)| GuardError::Line {
                line: i + 1,
                column: column(whole, part),
                problem,
            };
            let line = whole.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                let named = name.strip_suffix(']').and_then(read_section);
                section = Some(named.ok_or(at((line, "there is no such section")))?);
                continue;
            }
            let (kind, language) = section.ok_or(at((line, "terms come after a section's head")))?;
            if let Some(phrase) = line.strip_prefix('!') {
                dictionary.ignored.push((language, read_term(phrase).map_err(|problem| at((phrase, problem)))?));
                continue;
            }
            dictionary.add(kind, language, line).map_err(at)?;
            if dictionary.len() > MOST_TERMS {
                return Err(GuardError::TooMany { most: MOST_TERMS });
            }
        }
        Ok(dictionary)
    }

    /// Reads a line of terms; what is wrong with which part of it.
    fn add<'line>(
        &mut self,
        kind: FindingKind,
        language: Language,
        line: &'line str,
    ) -> Result<(), (&'line str, &'static str)> {
        let (terms, companions) = line.split_once('~').map_or((line, None), |(left, right)| (left, Some(right)));
        let companions = companions.map(read_list).transpose()?.unwrap_or_default();
        let companions: Vec<String> = companions.into_iter().map(|(_, companion)| companion).collect();
        for (part, text) in read_list(terms)? {
            if !text.starts_with('-') {
                self.terms.push(Term { kind, language, text, companions: companions.clone() });
            } else if companions.is_empty() {
                self.endings.push((kind, read_ending(&text).map_err(|problem| (part, problem))?));
            } else {
                return Err((part, "an ending has no companion"));
            }
        }
        Ok(())
    }

    /// How many terms and endings there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.terms.len() + self.endings.len()
    }

    /// Whether there is no term at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many terms there are of a kind, endings not counted.
    #[must_use]
    pub fn count(&self, kind: FindingKind, language: Language) -> usize {
        self.terms.iter().filter(|term| term.kind == kind && term.language == language).count()
    }
}

fn read_section(name: &str) -> Option<(FindingKind, Language)> {
    let (kind, language) = name.split_once('.')?;
    let kind = match kind {
        "conditions" => FindingKind::Condition,
        "drugs" => FindingKind::Drug,
        "procedures" => FindingKind::Procedure,
        _ => return None,
    };
    Some((kind, language.parse().ok()?))
}

/// Each part of a list, and the term that it holds.
fn read_list(terms: &str) -> Result<Vec<(&str, String)>, (&str, &'static str)> {
    let read = |part| read_term(part).map(|term| (part, term)).map_err(|problem| (part, problem));
    terms.split(',').map(read).collect()
}

/// The character of a line at which a part of it begins, blanks not counted, from 1.
fn column(line: &str, part: &str) -> usize {
    let part = part.trim_start();
    // A part is a slice of its line.
    let start = (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
    line.get(..start).unwrap_or(line).chars().count() + 1
}

/// An ending without its hyphen: one word, long enough not to be everywhere.
fn read_ending(ending: &str) -> Result<String, &'static str> {
    let words = words_of(ending);
    match words.as_slice() {
        [word] if word.len() >= LEAST_ENDING && word.bytes().all(|letter| letter.is_ascii_lowercase()) => {
            Ok(word.clone())
        }
        _ => Err("an ending is one word of at least four letters"),
    }
}

/// A term that can be looked for: words without a comma or full stop between them.
pub(crate) fn read_term(term: &str) -> Result<String, &'static str> {
    let term = term.trim();
    if term.len() > MOST_BYTES {
        return Err("a term is longer than 100 bytes");
    }
    let words = Words::of(&Folded::of(term));
    let is_divided = (0..words.len()).filter_map(|i| words.get(i)).any(|word| word.gap != Gap::Space);
    match words.len() {
        0 => Err("a term has no word"),
        1 if words.text(0).chars().count() < 2 => Err("a term of one letter says nothing"),
        1..=MOST_WORDS if !is_divided => Ok(term.to_owned()),
        1..=MOST_WORDS => Err("a term has no full stop and no bracket"),
        _ => Err("a term has more than 8 words"),
    }
}

#[cfg(test)]
mod tests;
