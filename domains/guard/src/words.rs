//! A folded text as a line of words with one space between them, in which phrases can be looked for.
//!
//! The line of `Root-canal at 9. Call #2!` is ` root canal at 9 . call no 2 `: a full stop between words stands in the line
//! as a word, so that no phrase goes over it, and so does a comma. `#` before a number reads `no`. Letters that are spelled
//! out (`H.I.V.`) are one word.

use std::ops::Range;

use crate::fold::Folded;

/// What stands before a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gap {
    /// Nothing that divides: space, hyphen, slash.
    Space,
    /// Comma, colon, bracket, quotation mark.
    Comma,
    /// The end of a sentence, or an empty line.
    Stop,
}

/// One word.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    /// Where it stands in the line.
    pub(crate) line: Range<usize>,
    /// Where it stands in the folded text.
    pub(crate) folded: Range<usize>,
    /// What stands before it.
    pub(crate) gap: Gap,
    /// In which sentence it stands.
    pub(crate) sentence: usize,
}

/// The words of a text.
pub(crate) struct Words {
    line: String,
    words: Vec<Word>,
}

/// A word before spelled-out letters are put together.
struct Raw {
    folded: Range<usize>,
    gap: Gap,
}

impl Words {
    pub(crate) fn of(folded: &Folded) -> Self {
        let text = folded.text();
        let raw = raw_words(text);
        let mut words = Self { line: String::with_capacity(text.len() + 8), words: Vec::with_capacity(raw.len()) };
        let mut at = 0;
        while let Some(first) = raw.get(at) {
            let count = spelled_out(text, raw.get(at..).unwrap_or_default());
            let last = raw.get(at + count - 1).unwrap_or(first);
            words.add(text, first.folded.start..last.folded.end, first.gap, count > 1);
            at += count;
        }
        words.line.push(' ');
        words
    }

    fn add(&mut self, text: &str, folded: Range<usize>, gap: Gap, is_spelled_out: bool) {
        let sentence = self.words.last().map_or(0, |last| last.sentence) + usize::from(gap == Gap::Stop);
        match gap {
            Gap::Space => {}
            Gap::Comma => self.line.push_str(" ,"),
            Gap::Stop => self.line.push_str(" ."),
        }
        self.line.push(' ');
        let start = self.line.len();
        match text.get(folded.clone()) {
            Some("#") => self.line.push_str("no"),
            Some(word) if is_spelled_out => self.line.extend(word.chars().filter(|letter| letter.is_alphanumeric())),
            Some(word) => self.line.extend(word.chars().filter(|letter| *letter != '\'')),
            None => {}
        }
        self.words.push(Word { line: start..self.line.len(), folded, gap, sentence });
    }

    /// The line, with a space at both ends.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    pub(crate) const fn len(&self) -> usize {
        self.words.len()
    }

    pub(crate) fn get(&self, at: usize) -> Option<&Word> {
        self.words.get(at)
    }

    /// The word itself; empty beyond the last one.
    pub(crate) fn text(&self, at: usize) -> &str {
        self.get(at).and_then(|word| self.line.get(word.line.clone())).unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        self.words.iter().map(|word| self.line.get(word.line.clone()).unwrap_or_default()).enumerate()
    }

    /// The first and last word of a part of the line that begins and ends with a space.
    pub(crate) fn of_line(&self, part: &Range<usize>) -> Option<(usize, usize)> {
        let first = self.words.partition_point(|word| word.line.start <= part.start);
        let end = self.words.partition_point(|word| word.line.end < part.end);
        (first < end).then(|| (first, end - 1))
    }

    /// The first word that begins at this place of the folded text or after it.
    pub(crate) fn from(&self, folded: usize) -> usize {
        self.words.partition_point(|word| word.folded.start < folded)
    }

    /// From the beginning of the first word to the end of the last one, in the folded text.
    pub(crate) fn folded(&self, first: usize, last: usize) -> Range<usize> {
        match (self.get(first), self.get(last)) {
            (Some(first), Some(last)) => first.folded.start..last.folded.end,
            _ => 0..0,
        }
    }
}

fn raw_words(text: &str) -> Vec<Raw> {
    let mut raw: Vec<Raw> = Vec::with_capacity(text.len() / 6 + 1);
    let mut gap = Gap::Space;
    let mut is_inside = false;
    let mut is_after_newline = false;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let end = at + character.len_utf8();
        let next_is_word = characters.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        if character.is_alphanumeric() {
            match raw.last_mut() {
                Some(last) if is_inside => last.folded.end = end,
                _ => raw.push(Raw { folded: at..end, gap }),
            }
            (is_inside, gap, is_after_newline) = (true, Gap::Space, false);
        } else if character == '\'' && is_inside && next_is_word {
            // `crohn's` is one word.
        } else {
            is_inside = false;
            if character == '#' && (next_is_word || characters.peek().is_some_and(|(_, next)| *next == ' ')) {
                raw.push(Raw { folded: at..end, gap });
                gap = Gap::Space;
            } else {
                gap = gap.max(gap_of(character, is_after_newline));
            }
            is_after_newline = character == '\n' || (is_after_newline && character == ' ');
        }
    }
    raw
}

const fn gap_of(character: char, is_after_newline: bool) -> Gap {
    match character {
        '.' | '!' | '?' | ';' | '\u{a1}' | '\u{bf}' => Gap::Stop,
        '\n' if is_after_newline => Gap::Stop,
        ',' | ':' | '(' | ')' | '[' | ']' | '{' | '}' | '"' | '|' | '\u{201c}' | '\u{201d}' => Gap::Comma,
        _ => Gap::Space,
    }
}

/// How many words from the first on are letters that are spelled out, as one word; 1 where they are not.
fn spelled_out(text: &str, raw: &[Raw]) -> usize {
    let is_letter =
        |word: &Raw| text.get(word.folded.clone()).is_some_and(|it| it.len() == 1 && !it.starts_with(['#']));
    let is_alphabetic =
        |word: &Raw| is_letter(word) && text[word.folded.clone()].bytes().all(|byte| byte.is_ascii_alphabetic());
    let between = |i: usize| match (raw.get(i), raw.get(i + 1)) {
        (Some(left), Some(right)) => text.get(left.folded.end..right.folded.start),
        _ => None,
    };
    let separator = between(0).filter(|separator| [".", " ", "-", ". "].contains(separator));
    let count = raw
        .iter()
        .enumerate()
        .take_while(|(i, word)| is_alphabetic(word) && (*i == 0 || between(*i - 1) == separator))
        .count();
    if separator.is_some() && count >= 3 { count } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, line: &str) {
        assert_eq!(Words::of(&Folded::of(text)).line(), line, "{text:?}");
    }

    #[test]
    fn a_text_becomes_a_line_of_words() {
        check("Root-canal at 9. Call #2!", " root canal at 9 . call no 2 ");
        check("H.I.V., D.O.B.: 1", " hiv . dob . 1 ");
        check("Crohn's, Dr. J R Lee", " crohns , dr . j r lee ");
        check("root\ncanal\n\nnext", " root canal . next ");
        check("", " ");
        check("'' #", " ");
    }

    #[test]
    fn parts_of_the_line_are_words() {
        let words = Words::of(&Folded::of("a root canal, now"));
        let at = words.line().find(" root canal ").unwrap();
        assert_eq!(words.of_line(&(at..at + " root canal ".len())), Some((1, 2)));
        assert_eq!(words.folded(1, 2), 2..12);
        assert_eq!((words.text(3), words.text(4)), ("now", ""));
    }
}
