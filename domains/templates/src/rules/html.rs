//! HTML of an email with tags in it: made from MJML where it is that, cleaned, and only then given back its tags.
//!
//! While parsers of HTML work on it, each tag is a mark between reserved characters: as text and in attributes, or as a comment
//! around blocks, for a comment may stand wherever an element may. So cleaning happens once for a version, and not for
//! each message: what is put in later is escaped, and stands only where text may stand.

use std::borrow::Cow;
use std::fmt::Write as _;

use mrml::prelude::parser::ParserOptions;
use mrml::prelude::parser::noop_loader::NoopIncludeLoader;
use mrml::prelude::render::RenderOptions;

use super::clean;
use super::limits;
use super::markup::{Markup, Spot};
use super::tags::{Flaw, MARK_CLOSE, MARK_OPEN, Piece, TagKind};
use super::walk::Placed;
use crate::types::VariableKind;

/// A text in which each tag is a mark.
pub(crate) struct Marked<'text> {
    text: String,
    /// The tags, by the number of their mark.
    tags: Vec<MarkedTag<'text>>,
    /// Where pieces start in `text`, where they come from, and whether they are the variant's own.
    places: Vec<(usize, usize, bool)>,
}

struct MarkedTag<'text> {
    text: &'text str,
    kind: TagKind,
    /// The mark that begins the branch of a block that it stands in.
    branch: Option<usize>,
}

/// Cleaned HTML, still with marks.
pub(crate) struct CleanHtml {
    /// What stands in `style` of the head.
    pub(crate) css: String,
    /// What stands in the body.
    pub(crate) body: String,
}

/// Marks the tags of a text.
///
/// # Errors
/// A tag where none may stand.
pub(crate) fn mark<'text>(pieces: &[Placed<'text>]) -> Result<Marked<'text>, Flaw> {
    let mut marked = Marked { text: String::new(), tags: Vec::new(), places: Vec::new() };
    let mut markup = Markup::default();
    // The branches that are open, each with the attribute that it stands in.
    let mut branches: Vec<(usize, usize)> = Vec::new();
    for placed in pieces {
        marked.places.push((marked.text.len(), placed.at, placed.is_own));
        let tag = match placed.piece {
            Piece::Text { text, .. } => {
                markup.feed(text).map_err(|flaw| flaw.moved(placed.at, placed.is_own))?;
                marked.text.push_str(text);
                continue;
            }
            Piece::Tag(tag) if tag.kind == TagKind::Comment => continue,
            Piece::Tag(tag) => tag,
        };
        let is_value = tag.kind == TagKind::Output;
        let problem = match markup.spot() {
            Spot::Text => None,
            Spot::Value { attribute: "style" } => Some("variables and blocks do not stand in a style"),
            Spot::Value { attribute } if is_link(attribute) && !is_value => Some("blocks do not stand in an address"),
            Spot::Value { attribute } if is_link(attribute) => {
                let is_start = markup.is_value_empty();
                let is_url = placed.kind == Some(VariableKind::Url);
                (is_start && !is_url).then_some("an address starts with https:// or with a variable that is a url")
            }
            Spot::Value { .. } => None,
            Spot::Tag => Some("a tag of the template stands inside a tag of HTML, outside of quotes"),
            Spot::Comment => Some("a tag of the template stands in a comment of HTML"),
            Spot::Code => Some("a tag of the template stands in a style or script"),
        };
        if let Some(problem) = problem {
            return Err(Flaw::new(placed.at, problem));
        }
        let number = marked.tags.len();
        if matches!(tag.kind, TagKind::Else | TagKind::Close)
            && branches.pop().is_some_and(|(_, value)| value != markup.value_number())
        {
            return Err(Flaw::new(
                placed.at,
                "a block begins in the value of an attribute and ends outside of it, or the other way round",
            ));
        }
        marked.tags.push(MarkedTag { text: tag.text, kind: tag.kind, branch: branches.last().map(|(mark, _)| *mark) });
        if matches!(tag.kind, TagKind::Open | TagKind::Else) {
            branches.push((number, markup.value_number()));
        }
        let is_comment = markup.spot() == Spot::Text && !is_value;
        let (before, after) = if is_comment { ("<!--", "-->") } else { ("", "") };
        let written = write!(marked.text, "{before}{MARK_OPEN}{number}{MARK_CLOSE}{after}");
        debug_assert!(written.is_ok(), "a String takes everything");
        markup.note_mark();
    }
    Ok(marked)
}

fn is_link(attribute: &str) -> bool {
    matches!(attribute, "href" | "src" | "action" | "background" | "background-url" | "icon-src" | "thumbnails-src")
}

impl Marked<'_> {
    /// The place in the variant's own text that a place in the marked text comes from.
    fn origin(&self, at: usize) -> usize {
        let index = self.places.partition_point(|(start, ..)| *start <= at).saturating_sub(1);
        match self.places.get(index) {
            Some((start, from, true)) => from + (at - start),
            Some((_, from, false)) => *from,
            None => 0,
        }
    }

    /// Makes HTML from MJML, and cleans it.
    ///
    /// # Errors
    /// Where it is not MJML.
    pub(crate) fn clean_mjml(&self) -> Result<CleanHtml, Flaw> {
        if let Some(at) = self.text.find("<mj-include") {
            return Err(Flaw::new(self.origin(at), "nothing is included from outside: use a partial"));
        }
        let parser = ParserOptions { include_loader: Box::new(NoopIncludeLoader) };
        let parsed = mrml::parse_with_options(&self.text, &parser).map_err(|error| self.mjml_flaw(&error))?;
        // No fonts: a font that is fetched tells a third party who reads what.
        let options = RenderOptions { disable_comments: false, social_icon_origin: None, fonts: Default::default() };
        let html = parsed.element.render(&options).map_err(|_| Flaw::new(0, "no HTML can be made from this MJML"))?;
        // What MJML does not know comes out as it went in.
        if let Some(at) = html.find("<mj-").or_else(|| html.find("<mj_")) {
            let name: String =
                html[at..].chars().take_while(|character| !matches!(character, ' ' | '>' | '/')).collect();
            return Err(Flaw::new(self.origin(self.text.find(&name).unwrap_or(0)), "MJML has no such element here"));
        }
        let (head, body) = html.split_once("<body").unwrap_or(("", &html));
        let body = body.split_once('>').map_or(body, |(_, body)| body);
        let css = clean::head_css(head).ok_or_else(|| Flaw::new(0, "a style holds something that is not allowed"))?;
        self.clean(body, css)
    }

    fn mjml_flaw(&self, error: &mrml::prelude::parser::Error) -> Flaw {
        use mrml::prelude::parser::Error;
        match error {
            Error::UnexpectedElement { position, .. } => {
                Flaw::new(self.origin(position.start), "MJML has no such element here")
            }
            Error::UnexpectedToken { position, .. } => Flaw::new(self.origin(position.start), "is not expected here"),
            Error::MissingAttribute { position, .. } => {
                Flaw::new(self.origin(position.start), "the element lacks an attribute")
            }
            Error::InvalidAttribute { position, .. } => {
                Flaw::new(self.origin(position.start), "the element has a wrong attribute")
            }
            Error::InvalidFormat { position, .. } | Error::IncludeLoaderError { position, .. } => {
                Flaw::new(self.origin(position.start), "is not in the form that MJML has")
            }
            Error::EndOfStream { .. } => Flaw::new(self.origin(self.text.len()), "the text ends in an element"),
            Error::ParserError { source, .. } => {
                let place = source.pos();
                let line = usize::try_from(place.row).unwrap_or(1).max(1);
                let line_start: usize = self.text.split_inclusive('\n').take(line - 1).map(str::len).sum();
                let column = usize::try_from(place.col).unwrap_or(1).max(1);
                let rest = &self.text[line_start.min(self.text.len())..];
                let inside: usize = rest.chars().take(column - 1).map(char::len_utf8).sum();
                Flaw::new(self.origin(line_start + inside), "is not markup")
            }
            Error::SizeLimit { .. } | Error::NoRootNode => Flaw::new(0, "there is no element mjml"),
        }
    }

    /// Cleans HTML.
    ///
    /// # Errors
    /// Where cleaning takes half of a block away.
    pub(crate) fn clean_html(&self) -> Result<CleanHtml, Flaw> {
        self.clean(&self.text, String::new())
    }

    fn clean(&self, body: &str, css: String) -> Result<CleanHtml, Flaw> {
        // MJML writes a language that nobody has said; the document around it says the right one.
        let body = clean::body(body).replacen(" lang=\"und\"", "", 1);
        if self.blocks(&self.text) != self.blocks(&body) || !self.has_values_in_place(&body) {
            return Err(Flaw::new(0, "a block stands around or in markup that is not allowed, or that MJML repeats"));
        }
        Ok(CleanHtml { css, body })
    }

    fn is_block(&self, number: usize) -> bool {
        self.tags.get(number).is_some_and(|tag| tag.kind != TagKind::Output)
    }

    fn blocks(&self, text: &str) -> Vec<usize> {
        marks(text).filter(|number| self.is_block(*number)).collect()
    }

    /// Whether each value stands in the branch in which it was written: parsers of HTML move what may not stand in a table.
    fn has_values_in_place(&self, text: &str) -> bool {
        let mut branches = Vec::new();
        for number in marks(text) {
            match self.tags.get(number).map(|tag| (tag.kind, tag.branch)) {
                Some((TagKind::Open, _)) => branches.push(number),
                Some((TagKind::Else, _)) => {
                    branches.pop();
                    branches.push(number);
                }
                Some((TagKind::Close, _)) => {
                    branches.pop();
                }
                Some((_, branch)) if branch == branches.last().copied() => {}
                Some(_) | None => return false,
            }
        }
        true
    }

    /// Gives the tags back.
    pub(crate) fn unmark(&self, text: &str) -> String {
        let mut whole = String::with_capacity(text.len() * 2);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(MARK_OPEN) {
            let Some((number, after)) = after.split_once(MARK_CLOSE) else { break };
            let tag = number.parse().ok().and_then(|number: usize| self.tags.get(number));
            let is_comment = before.ends_with("<!--") && after.starts_with("-->");
            whole.push_str(if is_comment { before.trim_end_matches("<!--") } else { before });
            whole.push_str(tag.map_or("", |tag| tag.text));
            rest = if is_comment { &after[3..] } else { after };
        }
        whole + rest
    }

    /// A text part with marks, where the tags of all blocks come through in their order.
    pub(crate) fn text_of(&self, html: &CleanHtml) -> Option<String> {
        // Marks of blocks become text, for comments do not come through.
        let open = format!("<!--{MARK_OPEN}");
        let visible = html.body.replace(&open, &MARK_OPEN.to_string());
        let visible = visible.replace(&format!("{MARK_CLOSE}-->"), &MARK_CLOSE.to_string());
        let text = clean::text_of(&visible)?;
        (self.blocks(&text) == self.blocks(&html.body) && self.has_values_in_place(&text)).then_some(text)
    }
}

/// The numbers of all marks, in their order.
fn marks(text: &str) -> impl Iterator<Item = usize> + '_ {
    text.split(MARK_OPEN).skip(1).filter_map(|rest| rest.split_once(MARK_CLOSE)?.0.parse().ok())
}

/// The whole document around a body, with marks; `title` is plain text with tags.
pub(crate) fn document(language: &str, title: &str, css: &str, body: &str) -> String {
    let style: Cow<'_, str> =
        if css.is_empty() { "".into() } else { format!("<style type=\"text/css\">{css}</style>").into() };
    format!(
        "<!doctype html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title>{style}</head><body style=\"margin:0;padding:0\">{body}</body></html>\n"
    )
}

const _: () = assert!(limits::ELEMENT_DEPTH < 1_000, "parsers of markup call themselves for each element");
