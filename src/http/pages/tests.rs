//! Every page renders in both languages, with the same words, and with nothing from elsewhere.

use std::collections::BTreeSet;

use actix_web::body::MessageBody as _;
use actix_web::test::TestRequest;

use super::*;

fn names(words: &Value, path: &str, found: &mut BTreeSet<String>) {
    match words {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| names(value, &format!("{path}/{name}"), found)),
        Value::String(text) => {
            assert!(!text.trim().is_empty(), "{path}");
            assert!(found.insert(path.to_owned()));
        }
        _ => panic!("{path} is no text"),
    }
}

#[test]
fn both_languages_have_the_same_words() {
    let of = |language: Language| {
        let mut found = BTreeSet::new();
        names(words(language), "", &mut found);
        found
    };
    assert_eq!(of(Language::En), of(Language::Es));
    assert!(of(Language::En).len() > 50);
}

#[test]
fn a_browser_gets_the_language_that_it_asks_for() {
    let check = |header: &'static str, expected: Language| {
        let request = TestRequest::get().insert_header((ACCEPT_LANGUAGE, header)).to_http_request();
        assert_eq!(asked_for(&request), expected, "{header}");
    };
    check("", Language::En);
    check("es", Language::Es);
    check("es-MX,es;q=0.9,en;q=0.8", Language::Es);
    check("en-US,en;q=0.9,es;q=0.8", Language::En);
    check("fr, es;q=0.5, en;q=0.4", Language::Es);
    check("en;q=0.1, es;q=nonsense", Language::En);
    check("es;q=0, en", Language::En);
    check("de-DE", Language::En);
    assert_eq!(asked_for(&TestRequest::get().to_http_request()), Language::En);
}

#[test]
fn a_value_cannot_become_markup() {
    let view = json!({"heading": "<script>alert(1)</script>", "text": "\"quoted\" & <b>", "practice": "A & B"});
    let html = render(Language::En, Page::Notice, &view).unwrap();
    assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
    assert!(html.contains("&lt;script&gt;") && html.contains("A &amp; B"), "{html}");
}

#[test]
fn the_style_is_the_one_that_the_policy_allows() {
    let policy = CSP.to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    for part in ["form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    let html = render(Language::En, Page::Notice, &json!({"heading": "x", "text": "y", "practice": ""})).unwrap();
    let (_, rest) = html.split_once("<style>").unwrap();
    assert_eq!(rest.split_once("</style>").unwrap().0, STYLE, "byte by byte, or no browser applies it");
}

#[actix_web::test]
async fn the_notices_say_what_is_the_matter_and_nothing_else() {
    let request = TestRequest::get().insert_header((ACCEPT_LANGUAGE, "es")).to_http_request();
    for (response, status) in
        [(missing(&request), 404), (unreadable(Language::Es), 400), (too_often(Language::Es), 429)]
    {
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().get("content-type").unwrap(), "text/html; charset=utf-8");
        assert_eq!(response.headers().contains_key("retry-after"), status == 429);
        let body = response.into_body().try_into_bytes().unwrap();
        let html = std::str::from_utf8(&body).unwrap();
        assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"es\">"), "{html}");
        for tag in ["<script", "<img", "<link", "http://", "https://", "<form"] {
            assert!(!html.contains(tag), "{tag}");
        }
    }
}

/// Contrast of two colours (WCAG 2.2, 1.4.3).
fn contrast(one: &str, other: &str) -> f64 {
    let luminance = |colour: &str| {
        let digits: Vec<char> = colour.trim_start_matches('#').chars().collect();
        let digits: String =
            if digits.len() == 3 { digits.iter().flat_map(|one| [*one; 2]).collect() } else { digits.iter().collect() };
        let channel = |i: usize| {
            let value = f64::from(u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2)
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn the_colours_can_be_told_apart() {
    // Texts on what they stand on: 4.5 at least.
    for (text, ground) in [
        ("#1b1b1f", "#fff"),
        ("#4a4e57", "#fff"),
        ("#0b5394", "#fff"),
        ("#0b5394", "#fff8e8"),
        ("#fff", "#0b5394"),
        ("#fff", "#083d6e"),
        ("#a11212", "#fff"),
        ("#a11212", "#f1f3f6"),
        ("#0b5394", "#f1f3f6"),
        ("#0b5394", "#fdf1f1"),
        ("#1b1b1f", "#eef7f0"),
        ("#1b1b1f", "#fdf1f1"),
        ("#1b1b1f", "#fff8e8"),
    ] {
        assert!(STYLE.contains(text) && STYLE.contains(ground), "{text} on {ground} is not in the style");
        assert!(contrast(text, ground) >= 4.5, "{text} on {ground}: {}", contrast(text, ground));
    }
    // Edges of fields and the ring of the focus: 3 at least (1.4.11).
    for (edge, ground) in [("#6b7078", "#fff"), ("#1b1b1f", "#fff"), ("#1b1b1f", "#f4f5f7")] {
        assert!(contrast(edge, ground) >= 3.0, "{edge} on {ground}");
    }
}
