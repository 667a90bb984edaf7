//! The text of an API key: `cp_`, 43 random base62 characters, 6 characters of checksum.
//!
//! 43 characters of 62 are 256 bits, so that a plain SHA-256 is enough to store them. The checksum tells a typing
//! error, and text that was never a key, without asking the database.

use aws_lc_rs::digest::{SHA256, digest};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const START: &str = "cp_";
const RANDOM_LEN: usize = 43;
const CHECKSUM_LEN: usize = 6;
/// Characters that lists show: the start and four of the random ones.
const SHOWN_LEN: usize = START.len() + 4;

/// Random bytes to hand in: far more than are needed on average.
pub(crate) const ENTROPY_LEN: usize = 96;

/// Makes the text out of random bytes; `None` where too many of them were unusable (draw again).
pub(crate) fn write(entropy: &[u8; ENTROPY_LEN]) -> Option<String> {
    let mut text = START.to_owned();
    // 248 is the greatest multiple of 62 in a byte: what lies above would favour the first letters.
    let letters = entropy.iter().filter(|byte| **byte < 248).take(RANDOM_LEN);
    text.extend(letters.map(|byte| char::from(ALPHABET[usize::from(byte % 62)])));
    if text.len() < START.len() + RANDOM_LEN {
        return None;
    }
    let checksum = checksum(&text);
    text.push_str(&checksum);
    Some(text)
}

/// Whether this can be a key. Costs no look-up.
pub(crate) fn is_key(text: &str) -> bool {
    let is_sized = text.len() == START.len() + RANDOM_LEN + CHECKSUM_LEN && text.is_ascii();
    if !is_sized || !text.starts_with(START) {
        return false;
    }
    let (signed, found) = text.split_at(START.len() + RANDOM_LEN);
    checksum(signed) == found
}

/// What lists show of it.
pub(crate) fn shown(text: &str) -> &str {
    &text[..SHOWN_LEN]
}

/// SHA-256 of a key or a token: what is stored and looked up.
pub(crate) fn hash(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

/// 32 bits of the text's SHA-256 in base62.
fn checksum(signed: &str) -> String {
    let digest = digest(&SHA256, signed.as_bytes());
    let mut number = digest.as_ref().iter().take(4).fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    let mut letters = [b'0'; CHECKSUM_LEN];
    for letter in letters.iter_mut().rev() {
        *letter = ALPHABET[(number % 62) as usize];
        number /= 62;
    }
    letters.iter().map(|letter| char::from(*letter)).collect()
}
