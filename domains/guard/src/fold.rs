//! A text as a reader takes it: small letters without accents, hidden characters gone, look-alikes made plain.
//!
//! Each byte of the folded text knows which characters of the source it stands for, so that findings have places there.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A folded text and where it comes from.
#[derive(Default)]
pub(crate) struct Folded {
    text: String,
    origins: Vec<Origin>,
}

#[derive(Clone, Copy)]
struct Origin {
    start: usize,
    end: usize,
    is_capital: bool,
}

/// Letters of other scripts that look like Latin ones, in pairs.
const LOOK_ALIKES: [(char, char); 24] = [
    ('а', 'a'),
    ('в', 'b'),
    ('е', 'e'),
    ('к', 'k'),
    ('м', 'm'),
    ('н', 'h'),
    ('о', 'o'),
    ('р', 'p'),
    ('с', 'c'),
    ('т', 't'),
    ('у', 'y'),
    ('х', 'x'),
    ('і', 'i'),
    ('ѕ', 's'),
    ('ј', 'j'),
    ('ԁ', 'd'),
    ('α', 'a'),
    ('ε', 'e'),
    ('ι', 'i'),
    ('κ', 'k'),
    ('ν', 'v'),
    ('ο', 'o'),
    ('ρ', 'p'),
    ('ı', 'i'),
];
/// The zeros of other scripts' decimal digits (Arabic, Persian, Devanagari, Bengali).
const ZEROS: [char; 4] = ['\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}'];

impl Folded {
    pub(crate) fn of(text: &str) -> Self {
        let mut folded = Self::default();
        for (start, character) in text.char_indices() {
            folded.push(character, start..start + character.len_utf8());
        }
        folded
    }

    /// Adds a character that stands at `source`.
    pub(crate) fn push(&mut self, character: char, source: Range<usize>) {
        let origin = Origin { start: source.start, end: source.end, is_capital: character.is_uppercase() };
        if character.is_ascii() {
            self.put(plain_ascii(character), origin);
            return;
        }
        if is_hidden(character) {
            return;
        }
        for part in std::iter::once(character).nfkd() {
            if !is_combining_mark(part) && !is_hidden(part) {
                part.to_lowercase().for_each(|small| self.put(plain(small), origin));
            }
        }
    }

    fn put(&mut self, character: char, origin: Origin) {
        self.text.push(character);
        self.origins.resize(self.text.len(), origin);
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The source of a part of the folded text.
    pub(crate) fn source(&self, range: &Range<usize>) -> Range<usize> {
        match self.origins.get(range.clone()) {
            Some([only]) => only.start..only.end,
            Some([first, .., last]) => first.start..last.end.max(first.end),
            _ => 0..0,
        }
    }

    /// Whether the source has a capital letter here.
    pub(crate) fn is_capital(&self, at: usize) -> bool {
        self.origins.get(at).is_some_and(|origin| origin.is_capital)
    }
}

const fn plain_ascii(character: char) -> char {
    match character {
        '`' => '\'',
        '\t' | '\r' | '\u{b}' | '\u{c}' => ' ',
        other => other.to_ascii_lowercase(),
    }
}

fn plain(character: char) -> char {
    match character {
        '\u{2018}' | '\u{2019}' | '\u{2bc}' | '\u{b4}' | '\u{2032}' => '\'',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' => '-',
        '\u{2044}' | '\u{2215}' => '/',
        '\u{2024}' | '\u{b7}' | '\u{2022}' => '.',
        '\u{2028}' | '\u{2029}' | '\u{85}' => '\n',
        ascii if ascii.is_ascii() => plain_ascii(ascii),
        other if other.is_whitespace() => ' ',
        other => look_alike(other),
    }
}

fn look_alike(character: char) -> char {
    let latin = LOOK_ALIKES.iter().find(|(other, _)| *other == character).map(|(_, latin)| *latin);
    let digit = || {
        let value = |zero: &char| u32::from(character).checked_sub(u32::from(*zero)).filter(|value| *value < 10);
        ZEROS.iter().find_map(value).and_then(|value| char::from_digit(value, 10))
    };
    latin.or_else(digit).unwrap_or(character)
}

/// Characters without a shape of their own, which split a word for a program but not for a reader.
const fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, folded: &str) {
        assert_eq!(Folded::of(text).text(), folded, "{text:?}");
    }

    #[test]
    fn what_looks_the_same_is_the_same() {
        check("Colonoscopía", "colonoscopia");
        check("di\u{200b}abe\u{ad}tes", "diabetes");
        check("ｄｉａｂｅｔｅｓ １２３", "diabetes 123");
        check("𝐝𝐢𝐚𝐛𝐞𝐭𝐞𝐬", "diabetes");
        check("dіаbеtеs", "diabetes");
        check("Crohn\u{2019}s\u{a0}root\u{2011}canal", "crohn's root-canal");
        check("٣٤", "34");
    }

    #[test]
    fn grd_1_a_place_in_the_folded_text_is_one_in_the_source() {
        let text = "x\u{200b}é ＡＢc";
        let folded = Folded::of(text);
        assert_eq!(folded.text(), "xe abc");
        let place = folded.text().find("abc").unwrap();
        assert_eq!(&text[folded.source(&(place..place + 3))], "ＡＢc");
        assert_eq!(&text[folded.source(&(1..2))], "é");
        assert!(folded.is_capital(3) && !folded.is_capital(5));
        assert_eq!(folded.source(&(6..6)), 0..0);
    }
}
