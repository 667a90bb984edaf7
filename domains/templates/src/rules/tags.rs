//! Cuts a text into plain text and Handlebars tags, with bounds that hold before any parser sees it.
//!
//! Only a part of the language is let in: values, helpers, `if`, `unless`, `each`, `else`, partials without arguments
//! and comments. What is not known here is refused, so that nothing reaches the renderer that was not looked at.

use super::limits;

/// Stand in HTML for a tag while parsers of HTML work on it; no source may hold them. Rare, but printable: the renderer of
/// MJML writes other characters of attributes as escapes of Rust.
pub(crate) const MARK_OPEN: char = '\u{2E28}';
/// Ends such a mark.
pub(crate) const MARK_CLOSE: char = '\u{2E29}';

/// What kind of tag it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagKind {
    /// `{{value}}` or `{{helper value}}`.
    Output,
    /// `{{#each ...}}`.
    Open,
    /// `{{else}}` or `{{else if ...}}`.
    Else,
    /// `{{/each}}`.
    Close,
    /// `{{> name}}`.
    Partial,
    /// `{{! ... }}`.
    Comment,
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'text> {
    /// Text that stands for itself.
    Text {
        /// Where it starts, in bytes.
        start: usize,
        /// The text.
        text: &'text str,
    },
    /// A tag.
    Tag(Tag<'text>),
}

/// A tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag<'text> {
    /// What kind.
    pub(crate) kind: TagKind,
    /// Where it starts, in bytes.
    pub(crate) start: usize,
    /// The whole of it, braces included.
    pub(crate) text: &'text str,
    /// Where what is inside starts, in bytes of the text.
    pub(crate) inner_start: usize,
    /// What is inside: without braces, sign and tildes.
    pub(crate) inner: &'text str,
}

/// What is wrong, and where, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Where.
    pub(crate) at: usize,
    /// What.
    pub(crate) problem: std::borrow::Cow<'static, str>,
}

impl Flaw {
    pub(crate) fn new(at: usize, problem: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self { at, problem: problem.into() }
    }

    /// The same in a text that holds this one from `base` on; or at `base`, where only that is known.
    pub(crate) fn moved(self, base: usize, is_inside: bool) -> Self {
        Self { at: if is_inside { base + self.at } else { base }, ..self }
    }
}

/// Line and character, both from 1, of a place in a text.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Cuts a text. All tags are whole, blocks are closed in order, and no bound is passed.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn cut(source: &str) -> Result<Vec<Piece<'_>>, Flaw> {
    check_characters(source)?;
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut tags = 0;
    while let Some(found) = source[at..].find("{{") {
        let start = at + found;
        if source[..start].ends_with('\\') {
            return Err(Flaw::new(start - 1, "a backslash before a tag is not supported"));
        }
        if start > at {
            pieces.push(Piece::Text { start: at, text: &source[at..start] });
        }
        tags += 1;
        if tags > limits::TAGS {
            return Err(Flaw::new(start, "more than 2,000 tags"));
        }
        let tag = read_tag(source, start)?;
        at = start + tag.text.len();
        pieces.push(Piece::Tag(tag));
    }
    if at < source.len() {
        pieces.push(Piece::Text { start: at, text: &source[at..] });
    }
    check_blocks(&pieces)?;
    Ok(pieces)
}

fn check_characters(source: &str) -> Result<(), Flaw> {
    if source.len() > limits::SOURCE_BYTES {
        return Err(Flaw::new(0, "is longer than 64 KiB"));
    }
    let is_bad = |character: char| {
        (character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
            || character == MARK_OPEN
            || character == MARK_CLOSE
    };
    match source.find(is_bad) {
        Some(at) => Err(Flaw::new(at, "a control character or a double parenthesis (U+2E28, U+2E29) stands here")),
        None => Ok(()),
    }
}

fn read_tag(source: &str, start: usize) -> Result<Tag<'_>, Flaw> {
    let rest = &source[start..];
    if rest.starts_with("{{!") {
        let (opening, closing) = if rest.starts_with("{{!--") { ("{{!--", "--}}") } else { ("{{!", "}}") };
        let end = rest.get(opening.len()..).and_then(|inside| inside.find(closing));
        let end = end.ok_or_else(|| Flaw::new(start, "a comment is not closed"))?;
        let text = &rest[..opening.len() + end + closing.len()];
        return Ok(Tag { kind: TagKind::Comment, start, text, inner_start: start + opening.len(), inner: "" });
    }
    let text = &rest[..tag_length(source, start)?];
    let (mut from, mut to) = (2, text.len() - 2);
    from += usize::from(text[from..to].starts_with('~'));
    to -= usize::from(text[from..to].ends_with('~'));
    let sign = text[from..to].chars().next();
    let kind = match sign {
        Some('#') => TagKind::Open,
        Some('/') => TagKind::Close,
        Some('>') => TagKind::Partial,
        Some('{' | '&') => {
            return Err(Flaw::new(start, "values are always escaped: use two braces and no ampersand"));
        }
        Some('*') => return Err(Flaw::new(start, "decorators are not supported")),
        Some('^') => return Err(Flaw::new(start, "write else or unless")),
        _ => TagKind::Output,
    };
    from += usize::from(kind != TagKind::Output);
    if kind == TagKind::Open && text[from..to].starts_with(['>', '*', '~', '#']) {
        return Err(Flaw::new(start, "blocks are if, unless and each"));
    }
    let inner = text[from..to].trim();
    from += text[from..to].len() - text[from..to].trim_start().len();
    let is_else = kind == TagKind::Output && inner.split_whitespace().next() == Some("else");
    let kind = if is_else { TagKind::Else } else { kind };
    if inner.is_empty() && kind != TagKind::Close {
        return Err(Flaw::new(start, "a tag is empty"));
    }
    Ok(Tag { kind, start, text, inner_start: start + from, inner })
}

/// Bytes of the tag that starts here. Braces in quotes do not end it.
fn tag_length(source: &str, start: usize) -> Result<usize, Flaw> {
    let bytes = source.as_bytes();
    let (mut at, mut quote, mut depth) = (start + 2, None, 0_usize);
    while at < bytes.len() && at - start <= limits::TAG_BYTES {
        match (quote, bytes[at]) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), b'\\') => return Err(Flaw::new(at, "a backslash is not supported in a tag")),
            (Some(_), _) => {}
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') => depth = depth.saturating_sub(1),
            (None, b'[' | b']' | b'|') => {
                return Err(Flaw::new(at, "lists, brackets and block parameters are not supported in a tag"));
            }
            (None, b'{') if at > start + 3 => return Err(Flaw::new(start, "a tag is not closed")),
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Ok(at + 2 - start),
            _ => {}
        }
        if depth > limits::HELPER_DEPTH {
            return Err(Flaw::new(at, "helpers are nested more than 4 deep"));
        }
        at += 1;
    }
    Err(Flaw::new(start, if at < bytes.len() { "a tag is longer than 1 KiB" } else { "a tag is not closed" }))
}

/// Blocks are closed in the order in which they were opened.
fn check_blocks(pieces: &[Piece<'_>]) -> Result<(), Flaw> {
    let mut open: Vec<(&Tag<'_>, usize)> = Vec::new();
    for piece in pieces {
        let Piece::Tag(tag) = piece else { continue };
        match tag.kind {
            TagKind::Open => open.push((tag, 0)),
            TagKind::Else => {
                let (_, branches) = open.last_mut().ok_or_else(|| Flaw::new(tag.start, "else without a block"))?;
                *branches += 1;
                if *branches > limits::BRANCHES {
                    return Err(Flaw::new(tag.start, "a block has more than 16 branches"));
                }
            }
            TagKind::Close => {
                let (opened, _) = open.pop().ok_or_else(|| Flaw::new(tag.start, "closes a block that is not open"))?;
                if opened.inner.split_whitespace().next() != Some(tag.inner) {
                    return Err(Flaw::new(tag.start, "closes another block than the one that is open"));
                }
            }
            TagKind::Output | TagKind::Partial | TagKind::Comment => {}
        }
        if open.len() > limits::BLOCK_DEPTH {
            return Err(Flaw::new(tag.start, "blocks are nested more than 10 deep"));
        }
    }
    match open.last() {
        Some((tag, _)) => Err(Flaw::new(tag.start, "a block is not closed")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
