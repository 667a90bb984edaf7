//! How many parts a text message takes: GSM-7 (3GPP TS 23.038) or UCS-2, and the parts' sizes (TS 23.040).

use serde::Serialize;

/// The alphabet that a text needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// 7 bits a character; 10 characters of an extension table take two.
    #[serde(rename = "gsm-7")]
    Gsm7,
    /// 16 bits a unit; characters beyond the basic plane take two units.
    #[serde(rename = "ucs-2")]
    Ucs2,
}

/// What a text takes on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Segments {
    /// The alphabet.
    pub encoding: Encoding,
    /// Septets (GSM-7) or 16-bit units (UCS-2).
    pub units: usize,
    /// Parts that the carrier charges for; 0 for an empty text.
    pub count: usize,
}

const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Septets of each ASCII character; 0 where it is not in the alphabet. Every text is looked up here, so it is a table.
const ASCII: [u8; 128] = {
    let mut table = [0; 128];
    note(&mut table, BASIC, 1);
    note(&mut table, EXTENSION, 2);
    table
};

const fn note(table: &mut [u8; 128], alphabet: &str, septets: u8) {
    let bytes = alphabet.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at].is_ascii() {
            table[bytes[at] as usize] = septets;
        }
        at += 1;
    }
}

/// Septets that a character takes in GSM-7, or `None` where it is not in the alphabet.
fn septets(character: char) -> Option<usize> {
    match ASCII.get(character as usize) {
        Some(0) => None,
        Some(septets) => Some(usize::from(*septets)),
        None if BASIC.contains(character) => Some(1),
        None if EXTENSION.contains(character) => Some(2),
        None => None,
    }
}

/// Counts the parts of a text. A character is never split over two parts, so that a part may stay unfilled.
#[must_use]
pub fn count(text: &str) -> Segments {
    let gsm: Option<usize> = text.chars().map(septets).sum();
    if let Some(units) = gsm {
        let count = if units <= 160 { units.min(1) } else { parts(text.chars().filter_map(septets), 153) };
        return Segments { encoding: Encoding::Gsm7, units, count };
    }
    let units = text.chars().map(char::len_utf16).sum();
    let count = if units <= 70 { 1 } else { parts(text.chars().map(char::len_utf16), 67) };
    Segments { encoding: Encoding::Ucs2, units, count }
}

fn parts(sizes: impl Iterator<Item = usize>, capacity: usize) -> usize {
    let mut count = 1;
    let mut filled = 0;
    for size in sizes {
        if filled + size > capacity {
            count += 1;
            filled = 0;
        }
        filled += size;
    }
    count
}

#[cfg(test)]
mod tests;
