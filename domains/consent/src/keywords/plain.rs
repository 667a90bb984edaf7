//! A reply without its dress: small letters, no accents, no marks, no emoji, one blank between words.

use super::lexicon::Lexicon;

/// A reply without its dress.
pub(super) struct Plain {
    /// All of it.
    pub(super) whole: String,
    /// Without words that are only polite, and with repetitions taken away.
    pub(super) core: String,
    /// The first and the last sentence that are no questions, as `core`.
    pub(super) ends: Vec<String>,
    /// Its sentences.
    pub(super) sentences: Vec<Sentence>,
    /// A question mark stands in it.
    pub(super) is_question: bool,
    /// Letters that English does not have.
    pub(super) has_spanish_letters: bool,
}

impl Plain {
    pub(super) fn of(text: impl Iterator<Item = char>, lexicon: &Lexicon) -> Self {
        let mut sentences = vec![Sentence::default()];
        let (mut is_question, mut has_spanish_letters) = (false, false);
        for character in text.flat_map(narrow) {
            has_spanish_letters |= "áéíóúüñ¿¡".contains(character);
            is_question |= character == '?';
            let Some(sentence) = sentences.last_mut() else { continue };
            match character {
                '.' | '!' | '?' | ';' | '\n' | '…' => {
                    sentence.is_question = character == '?';
                    sentences.push(Sentence::default());
                }
                ',' | ':' | '(' | ')' | '–' | '—' => sentence.end_clause(),
                _ => sentence.push(character),
            }
        }
        sentences.iter_mut().for_each(Sentence::end_clause);
        sentences.retain(|one| !one.text.is_empty());
        let whole: Vec<&str> = sentences.iter().map(|one| one.text.as_str()).collect();
        let whole = whole.join(" ");
        let ends = [sentences.first(), sentences.last()].into_iter().flatten().filter(|one| !one.is_question);
        Self {
            core: core(&whole, lexicon),
            ends: ends.map(|one| core(&one.text, lexicon)).collect(),
            sentences,
            whole,
            is_question,
            has_spanish_letters,
        }
    }
}

/// What stands between two full stops.
#[derive(Default)]
pub(super) struct Sentence {
    /// All of it.
    pub(super) text: String,
    /// What stands between its commas and its joining words.
    pub(super) clauses: Vec<String>,
    is_question: bool,
    clause: String,
}

/// Words that begin a clause of their own.
const JOINING: [&str; 4] = ["and", "but", "y", "pero"];

impl Sentence {
    fn end_clause(&mut self) {
        let words = std::mem::take(&mut self.clause);
        let words: Vec<&str> = words.split_whitespace().collect();
        let parts = words.split(|word| JOINING.contains(word)).filter(|part| !part.is_empty());
        self.clauses.extend(parts.map(|part| part.join(" ")));
        for word in words {
            if !self.text.is_empty() {
                self.text.push(' ');
            }
            self.text.push_str(word);
        }
    }

    fn push(&mut self, character: char) {
        match character {
            // don't and dont are one word; marks that have no width part nothing.
            '\'' | '’' | '‘' | '`' | '´' | '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{ad}' => {}
            _ => match bare(character) {
                Some(bare) => self.clause.push(bare),
                None => self.clause.push(' '),
            },
        }
    }
}

/// Small letters, full-width ones as their narrow twins.
fn narrow(character: char) -> impl Iterator<Item = char> {
    let wide = u32::from(character);
    let narrow = if (0xff01..=0xff5e).contains(&wide) { char::from_u32(wide - 0xfee0) } else { None };
    narrow.unwrap_or(character).to_lowercase()
}

/// The letter without its accent, or none where it is no letter and no digit.
fn bare(character: char) -> Option<char> {
    match character {
        'á' | 'à' | 'â' | 'ä' | 'ã' => Some('a'),
        'é' | 'è' | 'ê' | 'ë' => Some('e'),
        'í' | 'ì' | 'î' | 'ï' => Some('i'),
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' => Some('o'),
        'ú' | 'ù' | 'û' | 'ü' => Some('u'),
        'ñ' => Some('n'),
        _ if character.is_alphanumeric() => Some(character),
        _ => None,
    }
}

/// Without words that are only polite, without repetitions, and with letters that stand apart put together.
fn core(text: &str, lexicon: &Lexicon) -> String {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    if words.len() > 1 && words.first().is_some_and(|first| lexicon.is_leading(first)) {
        words.remove(0);
    }
    let words = lexicon.without_polite(&words);
    let are_letters = words.len() > 2 && words.iter().all(|word| word.chars().count() == 1);
    if are_letters {
        return words.concat();
    }
    let mut kept: Vec<String> = words.iter().map(|word| calm(word)).collect();
    kept.dedup();
    kept.join(" ")
}

/// `stoppp` and `yesss` as they are meant: the last letter once.
fn calm(word: &str) -> String {
    let Some(last) = word.chars().last() else { return String::new() };
    let stem = word.trim_end_matches(last);
    let is_drawn_out = word.chars().count() >= stem.chars().count() + 3 && last.is_alphabetic();
    // Two of a kind may be right, as in "all".
    if is_drawn_out { format!("{stem}{last}") } else { word.to_owned() }
}
