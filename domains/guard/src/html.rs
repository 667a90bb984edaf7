//! What a reader of an HTML body may see or be read aloud: its text, and attributes such as `alt`, `title` and `href`.
//!
//! Tags inside a word do not part it; blocks do. Entities are decoded. Comments count as text, for Outlook shows some of
//! them and they leave with the rest. Styles and scripts do not. A tag that does not end is text: nothing is skipped because
//! it is malformed, and nothing in a tag, a comment or a title hides what a browser shows behind it (WHATWG HTML, 13.2.5, read
//! 2026-11).

use std::ops::Range;

use crate::fold::Folded;

mod entities;

/// Elements that stand within a line.
const INLINE: [&str; 32] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd",
    "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var", "wbr",
    "time",
];
/// Elements whose content nobody reads.
const HIDDEN: [&str; 2] = ["style", "script"];
/// Elements whose content is text up to their own end, whatever looks like a tag in it: some readers take it for tags all the
/// same, so it is read in both ways.
const TEXTUAL: [&str; 8] = ["title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript", ENDLESS];
/// The one that has no end: all that follows is text.
const ENDLESS: &str = "plaintext";
/// The one whose content nobody shows as it is written: without scripts it is tags, and with them it is nothing.
const NEVER_RAW: &str = "noscript";
/// Attributes that are shown, read aloud, or seen in the address bar.
const READ: [&str; 13] = [
    "alt",
    "title",
    "aria-label",
    "aria-description",
    "placeholder",
    "value",
    "content",
    "summary",
    "label",
    "href",
    "src",
    "action",
    "background",
];
/// Attributes whose value is a URL.
const URLS: [&str; 4] = ["href", "src", "action", "background"];

/// The visible text, folded.
pub(crate) fn visible(html: &str) -> Folded {
    let mut reader = Reader {
        html,
        folded: Folded::default(),
        attributes: Vec::new(),
        ends: true,
        hides: [true; HIDDEN.len()],
        texts: [true; TEXTUAL.len()],
        comments: true,
    };
    let mut at = 0;
    while at < html.len() {
        at = reader.step(at);
    }
    let attributes = std::mem::take(&mut reader.attributes);
    for (value, is_url) in attributes {
        reader.pause(value.start);
        reader.text(value, is_url);
    }
    reader.folded
}

struct Reader<'html> {
    html: &'html str,
    folded: Folded,
    /// Values to be read after the text, so that none parts a word, and what is shown as it is written; and whether each is a
    /// URL.
    attributes: Vec<(Range<usize>, bool)>,
    /// Whether a `>` may still come: a search that found none is not repeated.
    ends: bool,
    /// The same for the end of each hidden element.
    hides: [bool; HIDDEN.len()],
    /// The same for the end of each textual one.
    texts: [bool; TEXTUAL.len()],
    /// The same for the end of a comment.
    comments: bool,
}

struct Tag {
    name: String,
    is_closing: bool,
    end: usize,
}

/// Where the comment at `at` ends, and where its closing mark does: as browsers find it (WHATWG HTML, 13.2.5.43 to 52).
fn end_of_comment(html: &str, at: usize) -> Option<(usize, usize)> {
    // The hyphens of `<!--` may be those of `-->`.
    let from = at + "<!".len();
    let bytes = html.as_bytes().get(from..)?;
    let closes = |i: &usize| bytes[*i..].starts_with(b"-->") || (*i > 1 && bytes[*i..].starts_with(b"--!>"));
    let end = from + (0..bytes.len()).find(closes)?;
    let length = if html[end..].starts_with("-->") { 3 } else { 4 };
    Some((end, end + length))
}

/// Where the closing tag of an element begins.
fn end_of_element(html: &str, tag: &Tag) -> Option<usize> {
    let closing = format!("</{}", tag.name);
    let rest = html.as_bytes().get(tag.end..)?;
    let found = rest.windows(closing.len()).position(|window| window.eq_ignore_ascii_case(closing.as_bytes()))?;
    Some(tag.end + found)
}

impl Reader<'_> {
    /// Reads what stands at `at`; where to go on.
    fn step(&mut self, at: usize) -> usize {
        let rest = self.html.get(at..).unwrap_or_default();
        if rest.starts_with("<!--") {
            self.pause(at);
            return self.comment(at);
        }
        if rest.starts_with("-->") {
            self.pause(at);
            return at + "-->".len();
        }
        let next = rest.strip_prefix('<').filter(|_| self.ends).and_then(|rest| match rest.as_bytes() {
            [b'!' | b'?', ..] => self.bogus(at),
            [b'/', letter, ..] if letter.is_ascii_alphabetic() => self.tag(at).map(|tag| self.pass(tag, at)),
            [b'/', ..] => self.bogus(at),
            [letter, ..] if letter.is_ascii_alphabetic() => self.tag(at).map(|tag| self.pass(tag, at)),
            // Not a mark of the markup, and no search that failed.
            _ => Some(self.character(at, self.html.len(), false)),
        });
        next.unwrap_or_else(|| {
            self.ends &= !rest.starts_with('<');
            self.character(at, self.html.len(), false)
        })
    }

    /// Reads `<!...>`, `<?...>` and `</ ...>`, which browsers take for comments: all of them end at the first `>`, whatever
    /// stands in quotation marks. A document type is no comment and is passed over.
    fn bogus(&mut self, at: usize) -> Option<usize> {
        let end = at + self.html.get(at..)?.find('>')?;
        let inside = at + 2;
        self.pause(at);
        // `</>` has no inside.
        let inside = inside.min(end);
        let name = self.html.as_bytes().get(inside..inside + "doctype".len());
        if !name.is_some_and(|name| name.eq_ignore_ascii_case(b"doctype")) {
            self.text(inside..end, false);
        }
        self.pause(end);
        Some(end + 1)
    }

    /// Reads a comment, whose inside is text with tags in it; where to go on. Nothing that begins in it goes on behind it:
    /// what stands there is seen.
    fn comment(&mut self, at: usize) -> usize {
        let inside = at + "<!--".len();
        let Some((end, next)) = self.comments.then(|| end_of_comment(self.html, at)).flatten() else {
            self.comments = false;
            return inside;
        };
        // `<!-->` has no inside.
        self.confined(inside.min(end), end);
        self.pause(next);
        next
    }

    /// Reads text with tags in it, of which none reaches beyond `end`.
    fn confined(&mut self, from: usize, end: usize) {
        let (whole, mut cursor) = (self.html, from);
        self.html = &whole[..end];
        // What is not found within is not missing behind.
        let ends = std::mem::replace(&mut self.ends, true);
        let comments = std::mem::replace(&mut self.comments, true);
        let hides = std::mem::take(&mut self.hides);
        let texts = std::mem::take(&mut self.texts);
        while cursor < end {
            cursor = self.step(cursor);
        }
        (self.html, self.ends, self.comments, self.hides, self.texts) = (whole, ends, comments, hides, texts);
    }

    /// Goes over a tag, and over the content of an element that nobody reads; reads that of a textual one.
    fn pass(&mut self, tag: Tag, at: usize) -> usize {
        match tag.name.as_str() {
            "br" => self.folded.push(' ', at..tag.end),
            name if INLINE.contains(&name) => {}
            _ => self.pause(at),
        }
        let place = |names: &[&str]| names.iter().position(|name| *name == tag.name).filter(|_| !tag.is_closing);
        if let Some(hides) = place(&HIDDEN).and_then(|i| self.hides.get_mut(i)).filter(|hides| **hides) {
            let end = end_of_element(self.html, &tag);
            // An element without an end hides nothing here.
            *hides = end.is_some();
            return end.unwrap_or(tag.end);
        }
        if let Some(texts) = place(&TEXTUAL).and_then(|i| self.texts.get_mut(i)).filter(|texts| **texts) {
            let end = end_of_element(self.html, &tag).filter(|_| tag.name != ENDLESS);
            *texts = end.is_some();
            // One that is not closed runs to the end of it all.
            let content = tag.end..end.unwrap_or(self.html.len());
            if tag.name != NEVER_RAW && self.html.get(content.clone()).is_some_and(|content| content.contains('<')) {
                self.attributes.push((content, false));
            }
            if let Some(end) = end {
                self.confined(tag.end, end);
                return end;
            }
        }
        tag.end
    }

    /// The tag at `at`, whose attributes are noted.
    fn tag(&mut self, at: usize) -> Option<Tag> {
        let bytes = self.html.as_bytes();
        let is_closing = bytes.get(at + 1) == Some(&b'/');
        let start = at + 1 + usize::from(is_closing);
        // Quotation marks and the like are part of a name.
        let mut cursor =
            start + count(bytes, start, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'>' | b'/'));
        let name = self.html.get(start..cursor)?.to_ascii_lowercase();
        let noted = self.attributes.len();
        loop {
            cursor += count(bytes, cursor, |byte| byte.is_ascii_whitespace() || byte == b'/');
            match bytes.get(cursor) {
                Some(b'>') => return Some(Tag { name, is_closing, end: cursor + 1 }),
                Some(_) => cursor = self.attribute(cursor).unwrap_or(bytes.len()),
                None => {
                    self.attributes.truncate(noted);
                    return None;
                }
            }
        }
    }

    /// Reads `name`, `name=value` or `name="value"`; where it ends, if it does.
    fn attribute(&mut self, at: usize) -> Option<usize> {
        let bytes = self.html.as_bytes();
        let is_name = |byte: u8| !byte.is_ascii_whitespace() && !matches!(byte, b'=' | b'>' | b'/');
        // A stray `=` or quotation mark is passed over.
        let name_end = at + count(bytes, at, is_name).max(1);
        let equals = name_end + count(bytes, name_end, |byte| byte.is_ascii_whitespace());
        if bytes.get(equals) != Some(&b'=') {
            return Some(name_end);
        }
        let value = equals + 1 + count(bytes, equals + 1, |byte| byte.is_ascii_whitespace());
        let (range, end) = match bytes.get(value) {
            Some(quote @ (b'"' | b'\'')) => {
                let length = count(bytes, value + 1, |byte| byte != *quote);
                let end = value + 1 + length;
                bytes.get(end)?;
                (value + 1..end, end + 1)
            }
            _ => {
                let end = value + count(bytes, value, |byte| !byte.is_ascii_whitespace() && byte != b'>');
                (value..end, end)
            }
        };
        // A character that is cut by a mark of the markup cannot be: the marks are ASCII.
        let name = self.html.get(at..name_end).unwrap_or_default().to_ascii_lowercase();
        if READ.contains(&name.as_str()) {
            self.attributes.push((range, URLS.contains(&name.as_str())));
        }
        Some(end)
    }

    /// The end of a line and of a sentence.
    fn pause(&mut self, at: usize) {
        self.folded.push('\n', at..at);
        self.folded.push('\n', at..at);
    }

    fn text(&mut self, range: Range<usize>, is_url: bool) {
        let mut at = range.start;
        while at < range.end {
            at = self.character(at, range.end, is_url);
        }
    }

    /// Reads one character, which may be written as an entity or, in a URL, in percents; where the next one is.
    fn character(&mut self, at: usize, end: usize, is_url: bool) -> usize {
        let rest = self.html.get(at..end).unwrap_or_default();
        let written = match rest.as_bytes().first() {
            Some(b'&') => entities::decode(rest),
            Some(b'%') if is_url => percent(rest),
            _ => None,
        };
        let Some(first) = rest.chars().next() else { return end };
        let (character, length) = written.unwrap_or((first, first.len_utf8()));
        // A new line in the source is a space to the reader.
        let character = if character == '\n' { ' ' } else { character };
        self.folded.push(character, at..at + length);
        at + length
    }
}

fn count(bytes: &[u8], from: usize, is_part: impl Fn(u8) -> bool) -> usize {
    bytes.get(from..).unwrap_or_default().iter().take_while(|byte| is_part(**byte)).count()
}

/// `%C3%A9`: one character in up to four bytes, each in percents.
pub(crate) fn percent(text: &str) -> Option<(char, usize)> {
    let byte = |i: usize| {
        let digits = text.get(i * 3..i * 3 + 3)?.strip_prefix('%')?;
        u8::from_str_radix(digits, 16).ok()
    };
    let bytes: Vec<u8> = (0..4).map_while(byte).collect();
    (1..=bytes.len()).find_map(|length| {
        let character = std::str::from_utf8(bytes.get(..length)?).ok()?.chars().next()?;
        Some((character, length * 3))
    })
}

#[cfg(test)]
mod tests;
