//! Addresses in HTML: those of `href` in `a` and `area`. All else stays byte by byte as it is. And where a body ends.
//!
//! Reads tags as a browser does (WHATWG HTML, 13.2.5), as far as finding attributes goes: quotes may hide a `>`,
//! comments and the text of scripts and styles hold no tags.

use std::ops::Range;

/// Elements whose text is not markup.
const RAW: [&str; 6] = ["script", "style", "title", "textarea", "xmp", "noscript"];

/// Puts another address in the place of each that `replace` has one for.
pub(super) fn rewrite(html: &str, replace: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut written = String::with_capacity(html.len());
    let mut copied = 0;
    let mut at = 0;
    while let Some(start) = html[at..].find('<').map(|found| at + found) {
        if html[start..].starts_with("<!--") {
            at = after(html, start + 4, "-->");
            continue;
        }
        let name = name_at(html, start + 1);
        if name.is_empty() {
            at = start + 1;
            continue;
        }
        let (end, href) = read_tag(html, start + 1 + name.len());
        let leads = name.eq_ignore_ascii_case("a") || name.eq_ignore_ascii_case("area");
        if let Some(range) = href.filter(|_| leads)
            && let Some(other) = replace(&decode(html[range.clone()].trim()))
        {
            written.push_str(&html[copied..range.start]);
            written.push_str(&escape(&other));
            copied = range.end;
        }
        let is_raw = RAW.iter().find(|raw| name.eq_ignore_ascii_case(raw));
        at = is_raw.map_or(end, |raw| end_of_raw(html, end, raw));
    }
    written.push_str(&html[copied..]);
    written
}

/// Where the last closing tag of the body begins that is one; the end where there is none.
pub(super) fn end_of_body(html: &str) -> usize {
    let (mut body_end, mut at) = (html.len(), 0);
    while let Some(start) = html[at..].find('<').map(|found| at + found) {
        if html[start..].starts_with("<!--") {
            at = after(html, start + 4, "-->");
            continue;
        }
        let is_closing = html[start + 1..].starts_with('/');
        let name_start = start + 1 + usize::from(is_closing);
        let name = name_at(html, name_start);
        if name.is_empty() {
            at = name_start;
            continue;
        }
        if is_closing && name.eq_ignore_ascii_case("body") {
            body_end = start;
        }
        let (end, _) = read_tag(html, name_start + name.len());
        let is_raw = RAW.iter().find(|raw| !is_closing && name.eq_ignore_ascii_case(raw));
        at = is_raw.map_or(end, |raw| end_of_raw(html, end, raw));
    }
    body_end
}

fn after(html: &str, from: usize, end: &str) -> usize {
    html.get(from..).and_then(|rest| rest.find(end)).map_or(html.len(), |found| from + found + end.len())
}

fn name_at(html: &str, from: usize) -> &str {
    let rest = &html[from..];
    let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    if rest.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) { &rest[..length] } else { "" }
}

/// Where the closing tag of a raw element begins.
fn end_of_raw(html: &str, from: usize, name: &str) -> usize {
    let bytes = html.as_bytes();
    let closes = |at: &usize| {
        let named = bytes.get(at + 2..at + 2 + name.len());
        bytes[*at..].starts_with(b"</") && named.is_some_and(|named| named.eq_ignore_ascii_case(name.as_bytes()))
    };
    (from..bytes.len()).find(closes).unwrap_or(html.len())
}

/// Reads the attributes of a tag from behind its name: where the tag ends, and where the value of its first `href` is.
fn read_tag(html: &str, from: usize) -> (usize, Option<Range<usize>>) {
    let bytes = html.as_bytes();
    let skip = |from: usize, over: &dyn Fn(u8) -> bool| {
        bytes[from..].iter().position(|byte| !over(*byte)).map_or(bytes.len(), |found| from + found)
    };
    let mut href = None;
    let mut at = from;
    loop {
        at = skip(at, &|byte| byte.is_ascii_whitespace() || byte == b'/');
        match bytes.get(at) {
            None => return (bytes.len(), href),
            Some(b'>') => return (at + 1, href),
            Some(_) => {}
        }
        let name = at;
        // An equals sign at the beginning is a part of the name.
        at = skip(at + 1, &|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>' | b'='));
        let is_href = bytes[name..at].eq_ignore_ascii_case(b"href");
        let equals = skip(at, &|byte| byte.is_ascii_whitespace());
        if bytes.get(equals) != Some(&b'=') {
            continue;
        }
        let value = skip(equals + 1, &|byte| byte.is_ascii_whitespace());
        let range = match bytes.get(value) {
            Some(quote @ (b'"' | b'\'')) => value + 1..skip(value + 1, &|byte| byte != *quote),
            _ => value..skip(value, &|byte| !byte.is_ascii_whitespace() && byte != b'>'),
        };
        at = if range.start > value { (range.end + 1).min(bytes.len()) } else { range.end };
        if is_href && href.is_none() {
            href = Some(range);
        }
    }
}

/// The references that stand in addresses; others stay, for `&copy=1` is no sign of a copyright.
fn decode(value: &str) -> String {
    const NAMED: [(&str, &str); 10] = [
        ("&amp;", "&"),
        ("&#38;", "&"),
        ("&#x26;", "&"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&#x2f;", "/"),
        ("&#47;", "/"),
        ("&equals;", "="),
    ];
    let mut decoded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(found) = rest.find('&') {
        decoded.push_str(&rest[..found]);
        rest = &rest[found..];
        let known =
            NAMED.iter().find(|(name, _)| rest.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name)));
        let (taken, text) = known.map_or((1, "&"), |(name, text)| (name.len(), *text));
        decoded.push_str(text);
        rest = &rest[taken..];
    }
    decoded + rest
}

pub(super) fn escape(address: &str) -> String {
    address.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#39;").replace(' ', "%20")
}
