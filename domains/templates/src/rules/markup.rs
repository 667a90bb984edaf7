//! Follows HTML or MJML far enough to know where a tag of the template stands: in text, in a quoted attribute, or where
//! it may not stand. Counts how deep elements lie, before any parser calls itself for each.

use super::limits;
use super::tags::Flaw;

/// Where in the markup something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot<'markup> {
    /// Between elements.
    Text,
    /// In the quoted value of an attribute.
    Value {
        /// Its name in small letters.
        attribute: &'markup str,
    },
    /// In a tag, outside of quotes.
    Tag,
    /// In a comment.
    Comment,
    /// In a style or script.
    Code,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Text,
    Tag,
    Value(u8),
    Comment,
    Code,
}

/// The state after what was fed so far.
#[derive(Debug, Default)]
pub(crate) struct Markup {
    state: State,
    /// What of the present tag lies outside of quotes, in small letters.
    tag: String,
    /// The attribute whose value is read.
    attribute: String,
    has_value: bool,
    /// How many values of attributes there were.
    values: usize,
    /// The style or script that is open.
    code: String,
    depth: usize,
}

const VOID: [&str; 14] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];
/// HTML closes these by itself.
const OPTIONAL_END: [&str; 9] = ["p", "li", "td", "th", "tr", "dt", "dd", "option", "tbody"];
const CODE: [&str; 5] = ["style", "script", "mj-style", "title", "textarea"];

impl Markup {
    /// Goes on over a piece of text.
    ///
    /// # Errors
    /// Elements that lie too deep.
    pub(crate) fn feed(&mut self, text: &str) -> Result<(), Flaw> {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            at += match self.state {
                State::Text if bytes[at..].starts_with(b"<!--") => self.enter(State::Comment, 4),
                State::Text if is_tag_start(&bytes[at..]) => {
                    self.tag.clear();
                    self.enter(State::Tag, 1)
                }
                State::Text => 1,
                State::Comment if bytes[at..].starts_with(b"-->") => self.enter(State::Text, 3),
                State::Comment => 1,
                State::Code if self.ends_code(&bytes[at..]) => {
                    self.tag.clear();
                    self.enter(State::Tag, 1)
                }
                State::Code => 1,
                State::Value(quote) if bytes[at] == quote => self.enter(State::Tag, 1),
                State::Value(_) => {
                    self.has_value = true;
                    1
                }
                State::Tag => {
                    self.tag_byte(bytes[at]).map_err(|problem| Flaw::new(at, problem))?;
                    1
                }
            };
        }
        Ok(())
    }

    fn enter(&mut self, state: State, length: usize) -> usize {
        self.state = state;
        length
    }

    fn tag_byte(&mut self, byte: u8) -> Result<(), &'static str> {
        match byte {
            b'"' | b'\'' if self.tag.trim_end().ends_with('=') => {
                let before = self.tag.trim_end().trim_end_matches('=').trim_end();
                self.attribute = before.rsplit([' ', '/']).next().unwrap_or_default().to_owned();
                self.has_value = false;
                self.values += 1;
                self.tag.push(' ');
                self.state = State::Value(byte);
            }
            b'>' => return self.end_tag(),
            _ if byte.is_ascii_whitespace() => self.tag.push(' '),
            _ if self.tag.len() < limits::TAG_BYTES => self.tag.push(char::from(byte.to_ascii_lowercase())),
            _ => return Err("a tag of HTML is too long"),
        }
        Ok(())
    }

    fn end_tag(&mut self) -> Result<(), &'static str> {
        let is_end = self.tag.starts_with('/');
        let name = self.tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        let is_mjml = name.starts_with("mj");
        let is_empty =
            self.tag.ends_with('/') || VOID.contains(&name) || name.starts_with('!') || name.starts_with('?');
        self.state = State::Text;
        if is_empty && !is_end {
            return Ok(());
        }
        if is_end {
            self.depth = self.depth.saturating_sub(1);
        } else if !is_mjml && CODE.contains(&name) || name == "mj-style" {
            self.code = name.to_owned();
            self.state = State::Code;
            self.depth += 1;
        } else {
            self.depth += 1;
        }
        let limit = if OPTIONAL_END.contains(&name) { limits::ELEMENT_DEPTH * 4 } else { limits::ELEMENT_DEPTH };
        if self.depth > limit { Err("elements lie more than 100 deep, or are not closed") } else { Ok(()) }
    }

    fn ends_code(&self, rest: &[u8]) -> bool {
        let name = self.code.as_bytes();
        rest.starts_with(b"</") && rest.get(2..2 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
    }

    /// Where the next thing stands.
    pub(crate) fn spot(&self) -> Spot<'_> {
        match self.state {
            State::Text => Spot::Text,
            State::Tag => Spot::Tag,
            State::Value(_) => Spot::Value { attribute: &self.attribute },
            State::Comment => Spot::Comment,
            State::Code => Spot::Code,
        }
    }

    /// Whether the value that is being read has nothing in it yet.
    pub(crate) fn is_value_empty(&self) -> bool {
        !self.has_value
    }

    /// The number of the value that is being read, from 1; 0 outside of values.
    pub(crate) fn value_number(&self) -> usize {
        if matches!(self.state, State::Value(_)) { self.values } else { 0 }
    }

    /// A tag of the template was put here.
    pub(crate) fn note_mark(&mut self) {
        self.has_value = true;
    }
}

fn is_tag_start(rest: &[u8]) -> bool {
    let next = rest.get(1).copied().unwrap_or_default();
    rest[0] == b'<' && (next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?'))
}

#[cfg(test)]
mod tests;
