//! The one text that answers an opt-out, an opt-in or a call for help.
//!
//! One part of a text message each: the alphabet of GSM-7, at most 160 characters, the practice's name first. One confirming
//! text is allowed after an opt-out, within five minutes and without advertising (47 CFR 64.1200(a)(12), read 2026-11).

use carepost_kernel::Language;
use carepost_kernel::segments::{Encoding, count};
use serde::{Deserialize, Serialize};

use crate::policy::Practice;

/// What is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    /// No more messages will come.
    Stop,
    /// Messages will come again.
    Start,
    /// Who speaks, and how to reach them.
    Help,
}

impl Confirmation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stop, Self::Start, Self::Help];
}

const MOST_UNITS: usize = 160;

/// The text. A name that is too long for one part is cut short, and letters that would double the price of a text are
/// written without their accents.
#[must_use]
pub fn confirmation(kind: Confirmation, practice: &Practice, language: Language) -> String {
    let phone = in_gsm7(practice.phone.trim());
    let text = match (kind, language) {
        (Confirmation::Stop, Language::En) => {
            "You are unsubscribed and will get no more texts from us. Reply START to get them again.".to_owned()
        }
        (Confirmation::Stop, Language::Es) => {
            "Hemos cancelado sus mensajes de texto. Responda INICIAR para recibirlos de nuevo.".to_owned()
        }
        (Confirmation::Start, Language::En) => {
            "You get our texts again. Msg & data rates may apply. Reply HELP for help, STOP to end.".to_owned()
        }
        (Confirmation::Start, Language::Es) => {
            "Recibe de nuevo nuestros textos. Pueden aplicarse tarifas. Responda AYUDA para ayuda, STOP para cancelar."
                .to_owned()
        }
        (Confirmation::Help, Language::En) => {
            let way = if phone.is_empty() { "contact our office".to_owned() } else { format!("call {phone}") };
            format!("For help, {way}. Msg & data rates may apply. Reply STOP to end texts.")
        }
        (Confirmation::Help, Language::Es) => {
            let way = if phone.is_empty() { "nuestra oficina".to_owned() } else { format!("el {phone}") };
            format!("Para ayuda, llame a {way}. Pueden aplicarse tarifas. Responda STOP para cancelar los textos.")
        }
    };
    let text = text.replace("llame a el ", "llame al ");
    let name = in_gsm7(practice.name.trim());
    if name.is_empty() {
        return text;
    }
    let room = MOST_UNITS.saturating_sub(count(&text).units + count(": ").units);
    format!("{}: {text}", cut(&name, room))
}

/// The beginning of a name that takes at most so many units.
fn cut(name: &str, most_units: usize) -> &str {
    let mut units = 0;
    let fits = name.char_indices().take_while(|(_, character)| {
        units += count(character.encode_utf8(&mut [0; 4])).units;
        units <= most_units
    });
    let end = fits.last().map_or(0, |(at, character)| at + character.len_utf8());
    name.get(..end).unwrap_or_default().trim_end()
}

/// The text in the alphabet of GSM-7: accents that it does not have are left out, and so is what has no like.
fn in_gsm7(text: &str) -> String {
    text.chars().filter_map(like).collect()
}

fn like(character: char) -> Option<char> {
    if count(character.encode_utf8(&mut [0; 4])).encoding == Encoding::Gsm7 {
        return Some(if character == '\n' || character == '\r' { ' ' } else { character });
    }
    match character {
        'á' | 'â' | 'ã' => Some('a'),
        'ê' | 'ë' => Some('e'),
        'í' | 'î' | 'ï' => Some('i'),
        'ó' | 'ô' | 'õ' => Some('o'),
        'ú' | 'û' => Some('u'),
        'ç' => Some('c'),
        'Á' | 'À' | 'Â' | 'Ã' => Some('A'),
        'È' | 'Ê' | 'Ë' => Some('E'),
        'Í' | 'Ì' | 'Î' | 'Ï' => Some('I'),
        'Ó' | 'Ò' | 'Ô' | 'Õ' => Some('O'),
        'Ú' | 'Ù' | 'Û' => Some('U'),
        '’' | '‘' | '´' | '`' => Some('\''),
        '“' | '”' => Some('"'),
        '–' | '—' => Some('-'),
        '\u{a0}' => Some(' '),
        _ => None,
    }
}
