//! Addresses in plain text.

/// Puts another address in the place of each `http` or `https` address that `replace` has one for.
pub(super) fn rewrite(text: &str, replace: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some(letter) = rest.chars().next() {
        // In the middle of a word there begins no address.
        let may_begin = before.is_none_or(|before: char| !before.is_alphanumeric());
        let found = if may_begin { address_at(rest) } else { None };
        let taken = found.map_or(letter.len_utf8(), str::len);
        let (piece, after) = rest.split_at(taken);
        match found.and_then(&mut *replace) {
            Some(other) => written.push_str(&other),
            None => written.push_str(piece),
        }
        before = piece.chars().next_back();
        rest = after;
    }
    written
}

/// The address at the beginning of a text, without what is the sentence's.
fn address_at(text: &str) -> Option<&str> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| starts_with(text, scheme))?;
    let ends = |letter: char| {
        letter.is_whitespace()
            || letter.is_control()
            || matches!(letter, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^')
    };
    let mut address = &text[..text.find(ends).unwrap_or(text.len())];
    while let Some(last) = address.chars().next_back() {
        let is_the_sentences = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' | '\u{2019}' | '\u{201d}' | '\u{bb}'
            | '\u{2026}' => true,
            ')' => is_unpaired(address, '(', ')'),
            ']' => is_unpaired(address, '[', ']'),
            _ => false,
        };
        if !is_the_sentences {
            break;
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    (address.len() > scheme.len()).then_some(address)
}

fn starts_with(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

fn is_unpaired(text: &str, opens: char, closes: char) -> bool {
    text.matches(closes).count() > text.matches(opens).count()
}
