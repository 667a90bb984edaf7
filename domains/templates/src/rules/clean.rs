//! What of HTML may stay in an email, and the text that is read out of it.
//!
//! Elements, attributes, addresses and styles are let in by name. Comments go, but for marks of tags and for the tables
//! that Outlook reads from comments of MJML's; those are let through only in the form in which MJML writes them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use html2text::render::{TaggedLine, TextDecorator};

use super::tags::{MARK_CLOSE, MARK_OPEN};

const ELEMENTS: [&str; 47] = [
    "a",
    "abbr",
    "address",
    "b",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "wbr",
];
const ATTRIBUTES: [&str; 17] = [
    "align",
    "aria-hidden",
    "aria-label",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "class",
    "color",
    "dir",
    "height",
    "lang",
    "role",
    "style",
    "title",
    "valign",
    "width",
];
/// What a style may set. Names that end in `-` stand for all that start so.
const STYLES: [&str; 33] = [
    "background",
    "background-color",
    "border",
    "border-",
    "border-collapse",
    "clear",
    "color",
    "direction",
    "display",
    "float",
    "font",
    "font-",
    "height",
    "letter-spacing",
    "line-height",
    "list-style",
    "list-style-",
    "margin",
    "margin-",
    "max-",
    "min-",
    "mso-",
    "opacity",
    "overflow",
    "padding",
    "padding-",
    "table-layout",
    "text-",
    "vertical-align",
    "white-space",
    "width",
    "word-",
    "-webkit-text-size-adjust",
];
/// Nothing that fetches, runs, or hides what it is.
const NEVER: [&str; 13] = [
    "url(",
    "expression",
    "javascript",
    "vbscript",
    "@import",
    "behavior",
    "-moz-binding",
    "\\",
    "/*",
    "<",
    ">",
    "@charset",
    "\u{2E28}",
];

static BUILDER: LazyLock<Builder<'static>> = LazyLock::new(builder);

fn builder() -> Builder<'static> {
    let mut builder = Builder::default();
    let only = |names: &[&'static str]| names.iter().copied().collect::<HashSet<&'static str>>();
    builder
        .tags(only(&ELEMENTS))
        .generic_attributes(only(&ATTRIBUTES))
        .tag_attributes(HashMap::from([
            ("a", only(&["href", "target"])),
            ("img", only(&["src", "alt"])),
            ("ol", only(&["start", "type"])),
            ("td", only(&["colspan", "rowspan"])),
            ("th", only(&["colspan", "rowspan", "scope"])),
        ]))
        .clean_content_tags(only(&["script", "style", "title", "textarea", "template", "noscript"]))
        .url_schemes(only(&["https", "mailto", "tel"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer"))
        .strip_comments(false)
        .attribute_filter(|_, attribute, value| match attribute {
            "style" => {
                let style = style(value);
                (!style.is_empty()).then_some(Cow::Owned(style))
            }
            // What is relative here leads nowhere in a mail; a tag that stands first is a variable that is a url.
            "href" | "src" => {
                let starts = |start: &str| value.trim_start().to_ascii_lowercase().starts_with(start);
                let is_link = value.starts_with(MARK_OPEN) || ["https:", "mailto:", "tel:"].into_iter().any(starts);
                is_link.then_some(Cow::Borrowed(value))
            }
            _ => Some(Cow::Borrowed(value)),
        });
    builder
}

/// The part of a style that may stay.
fn style(value: &str) -> String {
    let is_kept = |declaration: &&str| {
        let Some((name, value)) = declaration.split_once(':') else { return false };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.to_ascii_lowercase());
        let is_known =
            STYLES.iter().any(|known| if known.ends_with('-') { name.starts_with(known) } else { name == *known });
        is_known && !NEVER.iter().any(|never| value.contains(never))
    };
    value.split(';').map(str::trim).filter(is_kept).collect::<Vec<_>>().join(";")
}

/// The styles of a head that MJML made; `None` where one holds what may not be there.
pub(crate) fn head_css(head: &str) -> Option<String> {
    let mut css = String::new();
    for part in outside_comments(head).split("<style").skip(1) {
        let (_, rest) = part.split_once('>')?;
        css.push_str(rest.split_once("</style")?.0.trim());
        css.push('\n');
    }
    let lower = css.to_ascii_lowercase();
    // `@media` and `>` are MJML's own.
    let is_bad = |never: &&&str| !matches!(**never, ">") && lower.contains(**never);
    if NEVER.iter().any(|never| is_bad(&never)) { None } else { Some(css.trim().to_owned()) }
}

fn outside_comments(html: &str) -> String {
    let mut kept = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once("<!--") {
        kept.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    kept + rest
}

/// A body with only what may stay.
pub(crate) fn body(html: &str) -> String {
    let cleaned = BUILDER.clean(html).to_string();
    let mut kept = String::with_capacity(cleaned.len());
    let mut rest = cleaned.as_str();
    while let Some((before, after)) = rest.split_once("<!--") {
        kept.push_str(before);
        let (comment, after) = after.split_once("-->").unwrap_or((after, ""));
        if is_mark(comment) || is_outlook_table(comment) {
            kept.push_str("<!--");
            kept.push_str(comment);
            kept.push_str("-->");
        }
        rest = after;
    }
    kept + rest
}

fn is_mark(comment: &str) -> bool {
    let number = comment.strip_prefix(MARK_OPEN).and_then(|rest| rest.strip_suffix(MARK_CLOSE));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `[if mso | IE]><table ...><tr><td ...><![endif]`: tables alone, with attributes that neither fetch nor run.
fn is_outlook_table(comment: &str) -> bool {
    let inside = comment.strip_prefix("[if mso | IE]>").and_then(|rest| rest.strip_suffix("<![endif]"));
    let Some(inside) = inside.map(str::to_ascii_lowercase) else { return false };
    let is_table = |tag: &str| {
        let name = tag.trim_start_matches('/').split([' ', '>', '\n']).next().unwrap_or_default();
        let attributes = tag.split_once('>').map_or(tag, |(attributes, _)| attributes);
        matches!(name, "table" | "tbody" | "tr" | "td")
            && !NEVER.iter().any(|never| attributes.contains(never))
            && !attributes.split([' ', '\n', '\t', '"', '\'', '/']).any(|word| word.starts_with("on"))
    };
    let mut tags = inside.split('<');
    tags.next().is_some_and(|before| before.trim().is_empty()) && tags.all(is_table)
}

/// The text of HTML: links with their addresses, lists with dashes.
pub(crate) fn text_of(html: &str) -> Option<String> {
    /// Wider than any line: breaking lines is the mail program's business, and a mark must not be cut.
    const WIDTH: usize = 100_000;
    let config = html2text::config::with_decorator(Plain::default()).raw_mode(true).no_link_wrapping();
    let text = config.string_from_read(without_preview(html).as_bytes(), WIDTH).ok()?;
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        let is_second_gap = line.is_empty() && lines.last().is_none_or(|last| last.is_empty());
        if !is_second_gap {
            lines.push(line);
        }
    }
    Some(lines.join("\n").trim_end().to_owned())
}

/// Without the hidden line that mail programs show beside the subject.
fn without_preview(html: &str) -> Cow<'_, str> {
    let Some(start) = html.find("<div style=\"display:none") else { return Cow::Borrowed(html) };
    let Some(end) = html[start..].find("</div>") else { return Cow::Borrowed(html) };
    Cow::Owned([&html[..start], &html[start + end + "</div>".len()..]].concat())
}

/// Writes text as a person would in a plain mail.
#[derive(Debug, Clone, Default)]
struct Plain {
    links: Vec<String>,
}

type Mark = (String, ());

impl TextDecorator for Plain {
    type Annotation = ();

    fn decorate_link_start(&mut self, url: &str) -> Mark {
        self.links.push(url.to_owned());
        Default::default()
    }

    fn decorate_link_end(&mut self) -> String {
        self.links.pop().map(|url| format!(" ({url})")).unwrap_or_default()
    }

    fn decorate_em_start(&self) -> Mark {
        Default::default()
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> Mark {
        Default::default()
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> Mark {
        Default::default()
    }

    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }

    fn decorate_code_start(&self) -> Mark {
        Default::default()
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _: &str, title: &str) -> Mark {
        (title.to_owned(), ())
    }

    fn header_prefix(&self, _: usize) -> String {
        String::new()
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "- ".to_owned()
    }

    fn ordered_item_prefix(&self, number: i64) -> String {
        format!("{number}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        self.clone()
    }

    fn finalise(&mut self, _: Vec<String>) -> Vec<TaggedLine<()>> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
