//! Postal addresses: a number and a street, a post office box, a state and a ZIP code.

use std::ops::Range;

use crate::detect::{Scene, Span};
use crate::types::FindingKind;
use crate::words::{Gap, Words};

/// What a street's name ends with, and its short form.
const STREETS: [(&str, &str); 28] = [
    ("street", "st"),
    ("avenue", "ave"),
    ("road", "rd"),
    ("boulevard", "blvd"),
    ("lane", "ln"),
    ("drive", "dr"),
    ("court", "ct"),
    ("place", "pl"),
    ("terrace", "ter"),
    ("circle", "cir"),
    ("parkway", "pkwy"),
    ("highway", "hwy"),
    ("square", "sq"),
    ("trail", "trl"),
    ("way", "way"),
    ("loop", "loop"),
    ("alley", "aly"),
    ("plaza", "plz"),
    ("suite", "ste"),
    ("apartment", "apt"),
    ("north", "n"),
    ("south", "s"),
    ("east", "e"),
    ("west", "w"),
    ("calle", "c"),
    ("avenida", "av"),
    ("avda", "av"),
    ("carretera", "carr"),
];
/// How many of these end the name of a street; the rest stand elsewhere in an address.
const ENDINGS: usize = 18;
/// Endings that are everyday words or titles as well: their street's name must have a capital letter.
const AMBIGUOUS: [&str; 18] = [
    "dr", "drive", "st", "ct", "court", "pl", "place", "way", "loop", "sq", "square", "ter", "cir", "circle", "trail",
    "trl", "plaza", "plz",
];
/// Words that stand between a number and such an ending without being a street's name.
const NO_NAME: [&str; 74] = [
    "with",
    "at",
    "on",
    "in",
    "the",
    "am",
    "pm",
    "a",
    "m",
    "p",
    "minute",
    "minutes",
    "min",
    "mins",
    "hour",
    "hours",
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
    "to",
    "for",
    "and",
    "or",
    "of",
    "your",
    "our",
    "is",
    "off",
    "block",
    "blocks",
    "percent",
    "next",
    "down",
    "from",
    "by",
    "see",
    "call",
    "ask",
    "please",
    "patients",
    "times",
    "miles",
    "mile",
    "floor",
    "floors",
    "step",
    "steps",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
    "are",
    "you",
    "we",
    "will",
    "this",
    "that",
    "all",
    "be",
];
/// What the name of a Spanish street begins with, and whether it is an everyday word, so that the name needs a capital.
const CALLES: [(&str, bool); 14] = [
    ("calle", false),
    ("avenida", false),
    ("avda", false),
    ("av", false),
    ("carrera", true),
    ("calzada", true),
    ("camino", true),
    ("paseo", true),
    ("plaza", true),
    ("bulevar", false),
    ("callejon", true),
    ("privada", true),
    ("urbanizacion", true),
    ("c", true),
];
const NO_NAME_ES: [&str; 24] = [
    "a",
    "al",
    "en",
    "con",
    "su",
    "am",
    "pm",
    "hora",
    "horas",
    "dia",
    "dias",
    "minutos",
    "lunes",
    "martes",
    "miercoles",
    "jueves",
    "viernes",
    "sabado",
    "domingo",
    "hasta",
    "desde",
    "para",
    "es",
    "esta",
];
const STATES: &str = " al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd \
    oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy dc pr vi gu as mp ";
/// How many words the name of a street may have.
const MOST_NAME_WORDS: usize = 4;

pub(super) fn find(scene: &Scene<'_>, spans: &mut Vec<Span>) {
    for (i, word) in scene.words.iter() {
        let place = match word {
            "box" => post_box(scene, i),
            "apartado" | "apdo" => number_soon(scene.words, i + 1, 2).map(|last| (i, last)),
            _ if STREETS.iter().take(ENDINGS).any(|(long, short)| word == *long || word == *short) => {
                street(scene, i).or_else(|| calle(scene, i))
            }
            _ => calle(scene, i).or_else(|| state_and_zip(scene, i)),
        };
        let Some((first, last)) = place else { continue };
        if !scene.allowed.has_address(&canonical(scene.words, first..last + 1)) {
            spans.push(Span { kind: FindingKind::Address, folded: scene.words.folded(first, last) });
        }
    }
}

/// These words in one spelling, each between spaces, for comparing addresses.
pub(crate) fn canonical(words: &Words, range: Range<usize>) -> String {
    let mut line = String::from(" ");
    for word in range.map(|i| words.text(i)).filter(|word| *word != "no") {
        let short = STREETS.iter().find(|(long, _)| *long == word).map_or(word, |(_, short)| *short);
        line.push_str(short);
        line.push(' ');
    }
    line
}

/// `1127 N. Maple Street`: from the nearest number before the ending.
fn street(scene: &Scene<'_>, ending: usize) -> Option<(usize, usize)> {
    let words = scene.words;
    for first in (ending.saturating_sub(MOST_NAME_WORDS + 1)..ending).rev() {
        let name = first + 1..ending;
        let is_joined = (first + 1..=ending).all(|i| is_joined(words, i));
        if !is_joined {
            return None;
        }
        if !name.is_empty() && is_house_number(scene, first) {
            let is_name = |i: usize| !NO_NAME.contains(&words.text(i)) && is_name_word(words.text(i));
            let has_capital = name.clone().any(|i| is_capital(scene, i))
                || words.text(first + 1).starts_with(|it: char| it.is_ascii_digit());
            let is_clear = !AMBIGUOUS.contains(&words.text(ending)) || has_capital;
            let is_title = words.text(ending) == "dr" && words.text(first).len() < 3 && is_capital(scene, ending + 1);
            return (name.clone().all(is_name) && is_clear && !is_title).then_some((first, ending));
        }
    }
    None
}

/// `Avenida de los Pinos 231`: to the next number after the beginning.
fn calle(scene: &Scene<'_>, first: usize) -> Option<(usize, usize)> {
    let words = scene.words;
    let (kind, needs_capital) = CALLES.iter().find(|(kind, _)| *kind == words.text(first))?;
    let after = words.get(first).map(|word| word.folded.end)?;
    if *kind == "c" && !scene.folded.text().get(after..)?.starts_with('/') {
        return None;
    }
    for last in first + 2..=first + MOST_NAME_WORDS + 2 {
        let word = words.get(last)?;
        let is_after_short_form = last == first + 2 && matches!(*kind, "av" | "avda" | "c");
        let is_joined = word.gap != Gap::Stop && (words.get(last - 1)?.gap != Gap::Stop || is_after_short_form);
        let name = words.text(last - 1);
        let is_no = name == "no" || name == "num" || name == "numero";
        if !is_joined || NO_NAME_ES.contains(&name) || !(is_name_word(name) || is_no) {
            return None;
        }
        let has_capital = (first + 1..last).any(|i| is_capital(scene, i));
        if is_number(words.text(last), 5) {
            return (has_capital || !needs_capital).then_some((first, last));
        }
    }
    None
}

fn post_box(scene: &Scene<'_>, at: usize) -> Option<(usize, usize)> {
    let words = scene.words;
    let before = |count: usize| at.checked_sub(count).map(|i| words.text(i)).unwrap_or_default();
    let is_post = before(1) == "po" || (before(1) == "o" && before(2) == "p") || before(1) == "office";
    let first = at.saturating_sub(if before(1) == "po" { 1 } else { 2 });
    number_soon(words, at + 1, 2).filter(|_| is_post).map(|last| (first, last))
}

/// `IL 62701`.
fn state_and_zip(scene: &Scene<'_>, at: usize) -> Option<(usize, usize)> {
    let words = scene.words;
    let state = words.get(at)?;
    let is_state = words.text(at).len() == 2 && STATES.contains(&format!(" {} ", words.text(at)));
    let is_written_so = state.folded.clone().all(|i| scene.folded.is_capital(i));
    let zip = words.get(at + 1).filter(|zip| zip.gap == Gap::Space && zip.folded.len() == 5)?;
    let is_zip = is_number(words.text(at + 1), 5) && zip.folded.start <= state.folded.end + 2;
    (is_state && is_written_so && is_zip).then_some((at, at + 1))
}

fn number_soon(words: &Words, from: usize, count: usize) -> Option<usize> {
    (from..from + count).find(|i| is_number(words.text(*i), 6))
}

/// `1127`, `12b`; not the minutes of a time, not an amount of money.
fn is_house_number(scene: &Scene<'_>, at: usize) -> bool {
    let Some(word) = scene.words.get(at) else { return false };
    let before = scene.folded.text().get(..word.folded.start).and_then(|text| text.chars().next_back());
    let digits = scene.words.text(at).trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let is_glued = matches!(before, Some(':' | '.' | '$' | '/' | '-'));
    !is_glued && is_number(digits, 6) && scene.words.text(at).len() <= digits.len() + 1
}

fn is_number(word: &str, most: usize) -> bool {
    (1..=most).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Letters, or an ordinal as in `5th Avenue`.
fn is_name_word(word: &str) -> bool {
    let letters = word.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let is_ordinal = letters.len() < word.len() && matches!(letters, "st" | "nd" | "rd" | "th");
    is_ordinal || (letters.len() == word.len() && word.chars().all(char::is_alphabetic))
}

/// Whether a word belongs to the one before it; a full stop after a short form (`N. Maple`) does not part them.
fn is_joined(words: &Words, at: usize) -> bool {
    let is_short =
        at.checked_sub(1).is_some_and(|before| words.text(before).len() <= 2 && !is_number(words.text(before), 2));
    words.get(at).is_some_and(|word| word.gap == Gap::Space || (word.gap == Gap::Stop && is_short))
}

fn is_capital(scene: &Scene<'_>, at: usize) -> bool {
    scene.words.get(at).is_some_and(|word| scene.folded.is_capital(word.folded.start))
}
