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

/// Septets that a character takes in GSM-7, or `None` where it is not in the alphabet.
fn septets(character: char) -> Option<usize> {
    if BASIC.contains(character) {
        Some(1)
    } else if EXTENSION.contains(character) {
        Some(2)
    } else {
        None
    }
}

/// Counts the parts of a text. A character is never split over two parts, so that a part may stay unfilled.
#[must_use]
pub fn count(text: &str) -> Segments {
    let gsm: Option<Vec<usize>> = text.chars().map(septets).collect();
    let (encoding, sizes, single, part) = match gsm {
        Some(sizes) => (Encoding::Gsm7, sizes, 160, 153),
        None => (Encoding::Ucs2, text.chars().map(char::len_utf16).collect(), 70, 67),
    };
    let units = sizes.iter().sum();
    let count = match units {
        0 => 0,
        units if units <= single => 1,
        _ => parts(&sizes, part),
    };
    Segments { encoding, units, count }
}

fn parts(sizes: &[usize], capacity: usize) -> usize {
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
