//! What a reader sees of HTML.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(html: &str, expected: &str) {
    let folded = visible(html);
    let seen =
        folded.text().split("\n\n").map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" | ");
    assert_eq!(seen, expected, "{html}");
}

#[test]
fn con_016_tags_part_blocks_and_no_words() {
    check("<p>dia<b>bet</b>es</p><p>next</p>", "diabetes | next");
    check("root<br>canal<wbr/>s", "root canals");
    check("<td>MRN</td><td>12</td>", "mrn | 12");
    check("a\n\nb", "a  b");
    check("one<!-- two -->three", "one | two | three");
    check("<style>p { x }</style>seen<script>if (a < b) {}</SCRIPT>too", "seen | too");
}

#[test]
fn con_016_entities_are_read() {
    check("met&shy;for&#173;min&#xAD;", "metformin");
    check("Luc&iacute;a &amp; Co&period;", "lucia & co.");
    check("&#49;&#50&#x33; &nothing; & &#; &#99999999;", "123 &nothing; & &#; &#99999999;");
    check("a&nbsp;b", "a b");
}

#[test]
fn con_016_attributes_are_read_after_the_text() {
    check("dia<b title='a tip'>betes</b> <img alt=\"An X\" class=\"crown\">", "diabetes | a tip | an x");
    check("<a href=\"https://x.example/root%20canal%C3%A9%zz\">go</a>", "go | https://x.example/root canale%zz");
    check("<input placeholder=Dose value = 'a &amp; b' disabled>", "dose | a & b");
    check("<a title=x>y</a =>", "y | x");
}

#[test]
fn con_016_what_is_malformed_is_text() {
    check("a < b <3 <p", "a < b <3 <p");
    check("<p title=\"open>text", "<p title=\"open>text");
    check("<script>never closed", "never closed");
    check("<", "<");
}

#[test]
fn con_016_nothing_in_a_comment_hides_what_stands_behind_it() {
    check("<!--<style>-->Your HIV test<!--</style>-->", "your hiv test");
    check("<!--<SCRIPT>-->seen<!--</script>-->", "seen");
    check("<!--<b class=\"-->seen<!--\">-->", "<b class=\" | seen | \">");
    check("<!--<b class=\"--!>seen<!--\">-->", "<b class=\" | seen | \">");
    check("<!--<b -->seen<!-- > -->", "<b | seen | >");
    check("<!-- <!-- --><!--<b class=\"-->seen<!--\">-->", "<b class=\" | seen | \">");
    check("<!--><style>a</style>seen<!--->too<!--!>x-->", "seen | too | !>x");
    check("<!--[if mso]>dia<b>bet</b>es<style>p</style><![endif]-->seen", "[if mso]>diabetes | p | <![endif] | seen");
    check("<style><!-- p { x } --></style>seen<!-- open", "seen | open");
}

#[test]
fn con_016_what_browsers_take_for_a_comment_ends_at_the_first_mark_and_hides_nothing() {
    for (opens, inside) in [("<!x", "x"), ("<?x", "x"), ("</ x", "x"), ("</\"", "\""), ("<![x", "[x"), ("</=", "=")] {
        check(&format!("{opens} class=\">seen<b class=\">"), &format!("{inside} class=\" | seen<b class=\">"));
        check(&format!("{opens} class='>seen<b class='>"), &format!("{inside} class=' | seen<b class='>"));
        check(&format!("{opens} <b title=>seen"), &format!("{inside} <b title= | seen"));
    }
    check("<!DOCTYPE html PUBLIC \"-//W3C//DTD\">seen", "seen");
    check("<!doctype class=\">seen<b class=\">", "seen<b class=\">");
    check("</>seen<!>too<?>", "seen | too");
    check("seen<!never ends", "seen<!never ends");
    // A quotation mark in the name of a tag opens no value.
    check("<b\"x=\">seen<b class=\">", "seen<b class=\">");
    check("<b/\"x=1\">seen", "seen");
}

#[test]
fn con_016_what_is_text_up_to_its_own_end_hides_nothing_behind_it() {
    for name in TEXTUAL.into_iter().filter(|name| *name != ENDLESS) {
        let check = |html: &str, seen: &str, raw: &str| {
            // What is shown as it is written comes after the rest.
            let raw = if name == NEVER_RAW { String::new() } else { format!(" | {raw}") };
            check(html, &format!("{seen}{raw}"));
        };
        check(
            &format!("<{name}><b class=\"</{name}>seen<b class=\">"),
            "<b class=\" | seen<b class=\">",
            "<b class=\"",
        );
        check(
            &format!("<{name}>dia<b>bet</b>es<style></{name}>seen</style>"),
            "diabetes | seen",
            "dia<b>bet</b>es<style>",
        );
        check(&format!("<{name}><!--</{name}><!--<b class=\"-->seen<!--\">-->"), "<b class=\" | seen | \">", "<!--");
        check(&format!("<{name}><x 123-45-6789></{name}>seen"), "seen", "<x 123-45-6789>");
        check(&format!("seen<{name}><x 123-45-6789>"), "seen", "<x 123-45-6789>");
    }
    check("<title>never closed", "never closed");
}

#[test]
fn con_016_behind_plaintext_everything_is_shown_as_it_is_written() {
    check("a<plaintext>b<x 123-45-6789></plaintext><p>c", "a | b | c | b<x 123-45-6789></plaintext><p>c");
    check("<plaintext><x one><plaintext><x two>", "<x one><plaintext><x two>");
    check("<!--<plaintext>-->seen<x two>", "seen");
    check("<plaintext>nothing in it", "nothing in it");
}

#[test]
fn grd_2_html_is_read_in_linear_time() {
    for part in [
        "<",
        "<p ",
        "<a title=\"",
        "<!--",
        "<!---->",
        "<!--<!---->",
        "<!--<p -->",
        "<!--<script>-->",
        "<script>",
        "&",
        "&#1",
        "<p a=1 ",
        "%",
        "</",
        "<!",
        "</ ",
        "<!x>",
        "<title>",
        "<title><b ",
        "<title></title>",
        "<!--<title>-->",
        "<textarea><b></textarea>",
        "<textarea><b>",
        "<title><textarea><xmp><b></xmp></textarea></title>",
        "<plaintext><b>",
        "<!--<plaintext><b>-->",
    ] {
        let html = part.repeat(200_000 / part.len());
        assert!(!visible(&html).text().is_empty(), "{part}");
    }
}

proptest! {
    #[test]
    fn grd_1_places_are_on_boundaries_of_characters(html in "[<>a-c/=\"'&#;x1é%\u{301}\u{200b} !-]{0,60}") {
        let folded = visible(&html);
        for at in 0..folded.text().len() {
            let source = folded.source(&(at..at + 1));
            prop_assert!(html.get(source).is_some());
        }
    }
}
