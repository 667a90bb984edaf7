//! The words and patterns that replies are read by: data (`words.toml`), compiled once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use carepost_kernel::Language;
use regex::RegexSet;
use serde::Deserialize;

use super::plain::{Plain, Sentence};

/// What a list of words is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Stop,
    Start,
    Help,
    Confirm,
    Reschedule,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    parts: BTreeMap<String, String>,
    polite: Polite,
    stop: Words,
    start: Words,
    help: Words,
    confirm: Words,
    reschedule: Words,
    languages: Languages,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Polite {
    phrases: Vec<String>,
    leading: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Languages {
    en: BTreeSet<String>,
    es: BTreeSet<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Words {
    exact: BTreeSet<String>,
    exact_es: BTreeSet<String>,
    exact_out: BTreeSet<String>,
    exact_out_es: BTreeSet<String>,
    strong: BTreeSet<String>,
    patterns: Vec<String>,
    patterns_es: Vec<String>,
    wrong_number: Vec<String>,
    wrong_number_es: Vec<String>,
    except: Vec<String>,
}

/// Words and patterns, compiled.
pub(super) struct Lexicon {
    file: File,
    /// Polite phrases as words, the longest first.
    polite: Vec<Vec<String>>,
    stop: Patterns,
    start: Patterns,
    confirm: Patterns,
    reschedule: Patterns,
    wrong_number: RegexSet,
}

struct Patterns {
    said: RegexSet,
    except: RegexSet,
}

impl Patterns {
    fn matches(&self, text: &str) -> bool {
        self.said.is_match(text) && !self.except.is_match(text)
    }

    /// It is said somewhere, whatever stands beside it: what one sentence or clause says of something else takes nothing
    /// away from another.
    fn matches_somewhere(&self, plain: &Plain) -> bool {
        let in_clause = |clause: &String| self.matches(clause);
        // Patterns that ask for the beginning or the end of a text mean those of a sentence, not those of a clause.
        let in_sentence = |one: &Sentence| {
            self.said.is_match(&one.text) && (!self.except.is_match(&one.text) || one.clauses.iter().any(in_clause))
        };
        plain.sentences.iter().any(in_sentence) || self.matches(&plain.whole)
    }
}

pub(super) static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("words.toml"))
        .expect("the labelled set is read with this file, which is part of the program");
    Lexicon::new(file)
});

impl Lexicon {
    fn new(file: File) -> Self {
        let compile = |lists: &[&Vec<String>]| {
            let filled = lists.iter().flat_map(|list| list.iter()).map(|pattern| fill(pattern, &file.parts));
            RegexSet::new(filled).expect("the labelled set is read with these patterns, which are part of the program")
        };
        let patterns = |words: &Words| Patterns {
            said: compile(&[&words.patterns, &words.patterns_es, &words.wrong_number, &words.wrong_number_es]),
            except: compile(&[&words.except]),
        };
        let mut polite: Vec<Vec<String>> =
            file.polite.phrases.iter().map(|phrase| phrase.split(' ').map(str::to_owned).collect()).collect();
        polite.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
        Self {
            polite,
            stop: patterns(&file.stop),
            start: patterns(&file.start),
            confirm: patterns(&file.confirm),
            reschedule: patterns(&file.reschedule),
            wrong_number: compile(&[&file.stop.wrong_number, &file.stop.wrong_number_es]),
            file,
        }
    }

    const fn words(&self, topic: Topic) -> &Words {
        match topic {
            Topic::Stop => &self.file.stop,
            Topic::Start => &self.file.start,
            Topic::Help => &self.file.help,
            Topic::Confirm => &self.file.confirm,
            Topic::Reschedule => &self.file.reschedule,
        }
    }

    /// The text is a keyword of this topic; within, its language where it is of one. English keywords are known to all.
    pub(super) fn exact(&self, topic: Topic, text: &str) -> Option<Option<Language>> {
        let words = self.words(topic);
        spoken(text, &words.exact, &words.exact_es)
    }

    /// The text is a keyword that opts in whoever is opted out.
    pub(super) fn opts_in(&self, text: &str) -> Option<Option<Language>> {
        spoken(text, &self.file.start.exact_out, &self.file.start.exact_out_es)
    }

    /// The text opts out in other words.
    pub(super) fn opts_out(&self, plain: &Plain) -> bool {
        self.stop.matches_somewhere(plain)
    }

    /// The text says as much in other words.
    pub(super) fn says(&self, topic: Topic, text: &str) -> bool {
        match topic {
            Topic::Stop => self.stop.matches(text),
            Topic::Start => self.start.matches(text),
            Topic::Help => false,
            Topic::Confirm => self.confirm.matches(text),
            Topic::Reschedule => self.reschedule.matches(text),
        }
    }

    /// A sentence that is an opt-out wherever it stands.
    pub(super) fn is_strong(&self, sentence: &str) -> bool {
        self.file.stop.strong.contains(sentence)
    }

    pub(super) fn is_wrong_number(&self, text: &str) -> bool {
        self.wrong_number.is_match(text)
    }

    /// Words of our own instructions that people repeat.
    pub(super) fn is_leading(&self, word: &str) -> bool {
        self.file.polite.leading.contains(word)
    }

    /// The words that are more than polite.
    pub(super) fn without_polite<'a>(&self, words: &[&'a str]) -> Vec<&'a str> {
        let mut kept = Vec::with_capacity(words.len());
        let mut rest = words;
        while let Some((first, others)) = rest.split_first() {
            match self.polite.iter().find(|phrase| begins(rest, phrase)) {
                Some(phrase) => rest = rest.get(phrase.len()..).unwrap_or_default(),
                None => {
                    kept.push(*first);
                    rest = others;
                }
            }
        }
        kept
    }

    /// The language that the words are of, where they leave no doubt.
    pub(super) fn language_of(&self, plain: &Plain) -> Option<Language> {
        let count = |known: &BTreeSet<String>| plain.whole.split(' ').filter(|word| known.contains(*word)).count();
        let english = count(&self.file.languages.en);
        let spanish = count(&self.file.languages.es) + 2 * usize::from(plain.has_spanish_letters);
        match english.cmp(&spanish) {
            std::cmp::Ordering::Greater => Some(Language::En),
            std::cmp::Ordering::Less => Some(Language::Es),
            std::cmp::Ordering::Equal => None,
        }
    }
}

fn spoken(text: &str, anybody: &BTreeSet<String>, spanish: &BTreeSet<String>) -> Option<Option<Language>> {
    if spanish.contains(text) { Some(Some(Language::Es)) } else { anybody.contains(text).then_some(None) }
}

fn begins(words: &[&str], phrase: &[String]) -> bool {
    words.len() >= phrase.len() && words.iter().zip(phrase).all(|(word, wanted)| word == wanted)
}

/// Puts the named parts in the place of their names.
fn fill(pattern: &str, parts: &BTreeMap<String, String>) -> String {
    parts.iter().fold(pattern.to_owned(), |text, (name, part)| text.replace(&format!("<{name}>"), part))
}
