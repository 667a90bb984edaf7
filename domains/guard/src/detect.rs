//! Looks for identifiers: numbers, labels with their values, birth dates, postal and email addresses.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;

use crate::fold::Folded;
use crate::types::{Allowed, FindingKind};
use crate::words::Words;

mod dates;
mod labels;
mod numbers;
pub(crate) mod places;

/// A text on its way through the detectors.
pub(crate) struct Scene<'text> {
    pub(crate) folded: &'text Folded,
    pub(crate) words: &'text Words,
    pub(crate) allowed: &'text Allowed,
    pub(crate) today: Date,
}

/// An identifier in the folded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) kind: FindingKind,
    pub(crate) folded: Range<usize>,
}

/// Every identifier; where two overlap, the one whose kind comes first.
pub(crate) fn identifiers(scene: &Scene<'_>) -> Vec<Span> {
    let mut spans = Vec::new();
    numbers::find(scene, &mut spans);
    labels::find(scene, &mut spans);
    dates::find(scene, &mut spans);
    places::find(scene, &mut spans);
    spans.extend(emails(scene).filter(|(_, is_own)| !is_own).map(|(span, _)| span));
    settle(spans)
}

/// Every email address, and whether it is the practice's own.
pub(crate) fn emails(scene: &Scene<'_>) -> impl Iterator<Item = (Span, bool)> {
    static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"[a-z0-9][a-z0-9._%+'-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}").expect("the pattern is fixed")
    });
    EMAIL.find_iter(scene.folded.text()).map(|found| {
        let span = Span { kind: FindingKind::Email, folded: found.range() };
        (span, scene.allowed.has_email(found.as_str()))
    })
}

fn settle(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.kind, span.folded.start));
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    spans.retain(|span| {
        let before = taken.range(..span.folded.end).next_back();
        let is_free = before.is_none_or(|(_, end)| *end <= span.folded.start);
        if is_free {
            taken.insert(span.folded.start, span.folded.end);
        }
        is_free
    });
    spans
}

/// Whether one of the words before this one, at most so many back, is in the list.
fn is_after(words: &Words, at: usize, most: usize, list: &[&str]) -> bool {
    (at.saturating_sub(most)..at).any(|i| list.contains(&words.text(i)))
}

/// Whether this word or one of those after it, so many in all, is in the list.
fn is_before(words: &Words, at: usize, most: usize, list: &[&str]) -> bool {
    (at..at + most).any(|i| list.contains(&words.text(i)))
}

#[cfg(test)]
mod tests;
