//! Looks for the dictionary's terms in a line of words, in one pass of an automaton (Aho and Corasick).

use carepost_kernel::Language;

use std::collections::HashMap;
use std::ops::Range;

use aho_corasick::AhoCorasick;

use crate::dictionary::{Dictionary, LEAST_ENDING, MOST_TERMS, MOST_WORDS, read_term};
use crate::error::GuardError;
use crate::fold::Folded;
use crate::types::FindingKind;
use crate::words::Words;

mod forms;

use forms::forms;

/// How many words may lie between a term and its companion.
pub(crate) const REACH_WORDS: usize = 6;
/// How many letters a word must have to be known by its ending.
pub(crate) const LEAST_LETTERS: usize = 7;

/// A compiled dictionary.
pub(crate) struct Terms {
    automaton: AhoCorasick,
    patterns: Vec<Pattern>,
    /// By their last letters: every ending has at least so many.
    endings: HashMap<[u8; LEAST_ENDING], Vec<(String, FindingKind)>>,
}

/// What a phrase of the automaton means; one may mean several things.
#[derive(Default)]
struct Pattern {
    /// A term that says enough by itself.
    plain: Option<FindingKind>,
    /// A term that needs one of these patterns near it, in ascending order.
    beside: Vec<(FindingKind, Vec<usize>)>,
    is_ignored: bool,
}

/// A pattern in a line: its first and last word.
#[derive(Clone, Copy)]
struct Match {
    pattern: usize,
    first: usize,
    last: usize,
}

/// A term that was found: its first and last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TermMatch {
    pub(crate) kind: FindingKind,
    pub(crate) first: usize,
    pub(crate) last: usize,
}

impl Terms {
    pub(crate) fn compile(dictionary: &Dictionary, extra: &[String], ignored: &[String]) -> Result<Self, GuardError> {
        if dictionary.len() + extra.len() + ignored.len() > MOST_TERMS {
            return Err(GuardError::TooMany { most: MOST_TERMS });
        }
        let mut compiling = Compiling::default();
        for (kind, ending) in &dictionary.endings {
            if let Some(last) = ending.as_bytes().last_chunk() {
                compiling.endings.entry(*last).or_default().push((ending.clone(), *kind));
            }
        }
        for term in &dictionary.terms {
            compiling.add_term(term.kind, term.language, &term.text, &term.companions);
        }
        for (language, phrase) in &dictionary.ignored {
            compiling.ignore(*language, phrase);
        }
        for (position, term) in extra.iter().enumerate() {
            let term = read_term(term).map_err(|problem| GuardError::Term { position, problem })?;
            Language::ALL
                .into_iter()
                .for_each(|language| compiling.add_term(FindingKind::OwnTerm, language, &term, &[]));
        }
        for (position, phrase) in ignored.iter().enumerate() {
            let phrase = read_term(phrase).map_err(|problem| GuardError::Term { position, problem })?;
            Language::ALL.into_iter().for_each(|language| compiling.ignore(language, &phrase));
        }
        compiling.finish()
    }

    /// The terms in these words, the longest of those that lie in one another. `names` are lines of words in which no term
    /// counts.
    pub(crate) fn find(&self, words: &Words, names: &[String]) -> Vec<TermMatch> {
        let matches: Vec<Match> = self
            .automaton
            .find_overlapping_iter(words.line())
            .filter_map(|found| {
                let (first, last) = words.of_line(&(found.start()..found.end()))?;
                Some(Match { pattern: found.pattern().as_usize(), first, last })
            })
            .collect();
        let mut masks: Vec<(usize, usize)> = names.iter().flat_map(|name| occurrences(words, name)).collect();
        let is_ignored = |found: &&Match| self.patterns.get(found.pattern).is_some_and(|pattern| pattern.is_ignored);
        masks.extend(matches.iter().filter(is_ignored).map(|found| (found.first, found.last)));
        let mut terms = Vec::new();
        for (i, found) in matches.iter().enumerate() {
            let Some(pattern) = self.patterns.get(found.pattern) else { continue };
            let is_near = |companions: &[usize]| has_companion(words, &matches, i, companions);
            let beside = pattern.beside.iter().find(|(_, companions)| is_near(companions)).map(|(kind, _)| *kind);
            if let Some(kind) = pattern.plain.or(beside) {
                terms.push(TermMatch { kind, first: found.first, last: found.last });
            }
        }
        terms.extend(self.by_endings(words));
        outermost(terms, masks)
    }

    /// Words that are known by their endings, in the singular or plural.
    fn by_endings(&self, words: &Words) -> impl Iterator<Item = TermMatch> {
        words.iter().filter_map(|(at, word)| {
            let is_plain = word.len() >= LEAST_LETTERS && word.bytes().all(|letter| letter.is_ascii_lowercase());
            let known = |word: &str| {
                let endings = self.endings.get(word.as_bytes().last_chunk()?)?;
                endings.iter().find(|(ending, _)| word.ends_with(ending.as_str())).map(|(_, kind)| *kind)
            };
            let kind = if is_plain { known(word).or_else(|| known(word.strip_suffix('s')?))? } else { return None };
            Some(TermMatch { kind, first: at, last: at })
        })
    }
}

/// Whether one of the companions stands near the match at `at`, in the same sentence and beside it. Matches are in the
/// order of their last words, so that only a few are looked at.
fn has_companion(words: &Words, matches: &[Match], at: usize, companions: &[usize]) -> bool {
    let Some(term) = matches.get(at) else { return false };
    let sentence = |word: usize| words.get(word).map(|word| word.sentence);
    let is_companion = |other: &Match| {
        companions.binary_search(&other.pattern).is_ok()
            && (other.last < term.first || other.first > term.last)
            && sentence(other.first) == sentence(term.first)
            && other.last + REACH_WORDS + 1 >= term.first
            && other.first <= term.last + REACH_WORDS + 1
    };
    let before = matches.iter().take(at).rev().take_while(|other| other.last + REACH_WORDS + 1 >= term.first);
    let farthest = term.last + REACH_WORDS + 1 + MOST_WORDS;
    let after = matches.iter().skip(at + 1).take_while(|other| other.last <= farthest);
    before.chain(after).any(is_companion)
}

/// Leaves out what lies within a mask, and what lies within a longer term.
fn outermost(mut terms: Vec<TermMatch>, mut masks: Vec<(usize, usize)>) -> Vec<TermMatch> {
    masks.sort_unstable();
    terms.sort_by_key(|term| (term.first, std::cmp::Reverse(term.last)));
    let mut masks = masks.into_iter().peekable();
    let (mut masked_to, mut covered_to) = (None, None);
    terms.retain(|term| {
        while let Some((_, last)) = masks.next_if(|(first, _)| *first <= term.first) {
            masked_to = masked_to.max(Some(last));
        }
        let is_new = Some(term.last) > masked_to && Some(term.last) > covered_to;
        covered_to = if is_new { Some(term.last) } else { covered_to };
        is_new
    });
    terms
}

fn occurrences<'text>(words: &'text Words, name: &'text str) -> impl Iterator<Item = (usize, usize)> + 'text {
    words
        .line()
        .match_indices(name)
        .filter_map(|(at, found)| words.of_line(&Range { start: at, end: at + found.len() }))
}

#[derive(Default)]
struct Compiling {
    numbers: HashMap<String, usize>,
    phrases: Vec<String>,
    patterns: Vec<Pattern>,
    endings: HashMap<[u8; LEAST_ENDING], Vec<(String, FindingKind)>>,
}

impl Compiling {
    fn add_term(&mut self, kind: FindingKind, language: Language, term: &str, companions: &[String]) {
        let mut numbers: Vec<usize> =
            companions.iter().flat_map(|companion| forms(companion, language)).map(|form| self.number(form)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        for form in forms(term, language) {
            let number = self.number(form);
            let Some(pattern) = self.patterns.get_mut(number) else { continue };
            if numbers.is_empty() {
                pattern.plain = pattern.plain.or(Some(kind));
            } else {
                pattern.beside.push((kind, numbers.clone()));
            }
        }
    }

    fn ignore(&mut self, language: Language, phrase: &str) {
        for form in forms(phrase, language) {
            let number = self.number(form);
            if let Some(pattern) = self.patterns.get_mut(number) {
                pattern.is_ignored = true;
            }
        }
    }

    fn number(&mut self, phrase: String) -> usize {
        let next = self.patterns.len();
        let number = *self.numbers.entry(phrase.clone()).or_insert(next);
        if number == next {
            self.phrases.push(phrase);
            self.patterns.push(Pattern::default());
        }
        number
    }

    fn finish(self) -> Result<Terms, GuardError> {
        let automaton = AhoCorasick::new(&self.phrases).map_err(|_| GuardError::TooLarge)?;
        Ok(Terms { automaton, patterns: self.patterns, endings: self.endings })
    }
}

/// The words of a phrase as they stand in a line.
pub(crate) fn words_of(phrase: &str) -> Vec<String> {
    let words = Words::of(&Folded::of(phrase));
    words.iter().map(|(_, word)| word.to_owned()).collect()
}

#[cfg(test)]
mod tests;
