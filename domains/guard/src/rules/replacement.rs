//! What leaves in the place of a text with health information: "you have a secure message", and where it can be read.

use unicode_normalization::UnicodeNormalization as _;

use carepost_kernel::Language;
use carepost_kernel::segments::{self, Encoding};

/// Septets of one text message (3GPP TS 23.038).
const ONE_MESSAGE: usize = 160;
/// The practice's name is never cut to fewer characters, even where a long link makes the text longer than one message.
const LEAST_NAME: usize = 12;

/// The words that stand in for a text.
#[derive(Clone, PartialEq, Eq)]
pub struct Replacement {
    /// For the subject of an email.
    pub subject: String,
    /// For a text message, or the text part of an email.
    pub text: String,
}

impl std::fmt::Debug for Replacement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Replacement")
    }
}

/// "You have a secure message from {practice}: {link}" in a language. In the letters of GSM-7, and in one text message:
/// accents that GSM-7 lacks are left out of the name, and a long name is cut.
#[must_use]
pub fn replacement(language: Language, practice: &str, link: &str) -> Replacement {
    let (before, between, subject) = match language {
        Language::En => ("You have a secure message from ", ": ", "You have a secure message from "),
        Language::Es => ("Tiene un mensaje seguro de ", ": ", "Tiene un mensaje seguro de "),
    };
    let taken = segments::count(before).units + segments::count(between).units + segments::count(link).units;
    let room = ONE_MESSAGE.saturating_sub(taken).max(LEAST_NAME);
    let name = cut(&plain_name(practice), room);
    let full_name = practice.split_whitespace().collect::<Vec<_>>().join(" ");
    Replacement { subject: format!("{subject}{full_name}"), text: format!("{before}{name}{between}{link}") }
}

/// A name in the letters of GSM-7, in one line.
fn plain_name(name: &str) -> String {
    let is_plain = |letter: &char| segments::count(letter.encode_utf8(&mut [0; 4])).encoding == Encoding::Gsm7;
    let words: Vec<&str> = name.split_whitespace().collect();
    let mut plain = String::new();
    for letter in words.join(" ").nfc() {
        if is_plain(&letter) {
            plain.push(letter);
        } else {
            plain.extend(std::iter::once(letter).nfkd().filter(is_plain));
        }
    }
    plain
}

/// As many whole characters as fit, and no space at the end.
fn cut(name: &str, room: usize) -> String {
    let mut taken = 0;
    let fits = |letter: &char| {
        taken += segments::count(letter.encode_utf8(&mut [0; 4])).units;
        taken <= room
    };
    name.chars().take_while(fits).collect::<String>().trim_end().to_owned()
}
