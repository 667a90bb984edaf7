//! What is cut, what is refused, and where.

use proptest::prelude::*;

use super::*;

fn check(source: &str, expected: Result<&[TagKind], (usize, &str)>) {
    let found = cut(source).map(|pieces| {
        let kinds = pieces.iter().filter_map(|piece| match piece {
            Piece::Tag(tag) => Some(tag.kind),
            Piece::Text { .. } => None,
        });
        kinds.collect::<Vec<_>>()
    });
    match (&found, expected) {
        (Ok(kinds), Ok(wanted)) => assert_eq!(kinds, wanted, "{source}"),
        (Err(flaw), Err((at, part))) => {
            assert!(flaw.problem.contains(part), "{source}: {flaw:?}");
            assert_eq!(flaw.at, at, "{source}: {flaw:?}");
        }
        _ => panic!("{source}: {found:?}"),
    }
}

#[test]
fn tags_are_known_by_their_signs() {
    use TagKind::{Close, Comment, Else, Open, Output, Partial};
    check("plain } text { here", Ok(&[]));
    check("{{a}} {{~b.c~}}", Ok(&[Output, Output]));
    check("{{#if a}}x{{else if b}}y{{else}}z{{/if}}", Ok(&[Open, Else, Else, Close]));
    check("{{> footer}}{{! note }}{{!-- }} --}}", Ok(&[Partial, Comment, Comment]));
    check("{{#if (eq a \"}}\")}}x{{/if}}", Ok(&[Open, Close]));
    check("{{elsewhere}}", Ok(&[Output]));
}

#[test]
fn what_is_not_known_is_refused_at_its_place() {
    for (source, at, part) in [
        ("x {{{a}}}", 2, "escaped"),
        ("{{&a}}", 0, "escaped"),
        ("{{{{raw}}}} {{{{/raw}}}}", 0, "escaped"),
        ("{{#*inline \"a\"}}{{/inline}}", 0, "blocks are"),
        ("{{*deco}}", 0, "decorators"),
        ("{{#> part}}{{/part}}", 0, "blocks are"),
        ("{{^}}", 0, "else"),
        ("\\{{a}}", 0, "backslash"),
        ("{{a \"\\\"\"}}", 5, "backslash"),
        ("{{a.[b]}}", 4, "brackets"),
        ("{{#each a as |b|}}{{/each}}", 13, "block parameters"),
        ("{{a", 0, "not closed"),
        ("{{a {{b}}", 0, "not closed"),
        ("{{! a", 0, "comment"),
        ("{{}}", 0, "empty"),
        ("{{#if a}}", 0, "not closed"),
        ("{{#if a}}{{/each}}", 9, "another block"),
        ("{{/if}}", 0, "not open"),
        ("{{else}}", 0, "without a block"),
        ("a\u{0}b", 1, "control"),
        ("a\u{2E28}", 1, "double parenthesis"),
    ] {
        check(source, Err((at, part)));
    }
}

#[test]
fn bounds_hold_before_a_parser_sees_the_text() {
    let deep = "{{#if a}}".repeat(11) + &"{{/if}}".repeat(11);
    let branches = "{{#if a}}".to_owned() + &"{{else if a}}".repeat(17) + "{{/if}}";
    let nested = format!("{{{{#if {}a{}}}}}{{{{/if}}}}", "(not ".repeat(5), ")".repeat(5));
    let many = "{{a}}".repeat(2_001);
    let long = format!("{{{{a \"{}\"}}}}", "x".repeat(1_100));
    let large = "x".repeat((64 << 10) + 1);
    for (source, part) in [
        (deep, "10 deep"),
        (branches, "16 branches"),
        (nested, "4 deep"),
        (many, "2,000"),
        (long, "1 KiB"),
        (large, "64 KiB"),
    ] {
        assert!(cut(&source).unwrap_err().problem.contains(part), "{part}");
    }
    let most = "{{#if a}}".repeat(10) + &"{{/if}}".repeat(10);
    assert!(cut(&most).is_ok());
}

#[test]
fn places_count_lines_and_characters_from_one() {
    let text = "añb\nc é{{x}}";
    assert_eq!(position(text, 0), (1, 1));
    assert_eq!(position(text, text.find("{{").unwrap()), (2, 4));
    assert_eq!(position(text, text.len() + 9), (2, 9));
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_panics(source in "[a{}#/ >!~\"'(é\\n-]{0,60}") {
        if let Ok(pieces) = cut(&source) {
            let whole: String = pieces.iter().map(|piece| match piece {
                Piece::Text { text, .. } => *text,
                Piece::Tag(tag) => tag.text,
            }).collect();
            prop_assert_eq!(whole, source);
        }
    }
}
