//! Where in HTML something stands.

use super::*;

fn spot_after(text: &str) -> String {
    let mut markup = Markup::default();
    markup.feed(text).unwrap();
    format!("{:?} {}", markup.spot(), markup.is_value_empty())
}

#[test]
fn it_is_known_where_a_tag_of_the_template_stands() {
    for (text, expected) in [
        ("a < b <p>", "Text true"),
        ("<a href=\"", "Value { attribute: \"href\" } true"),
        ("<a title=\"x\" HREF = '", "Value { attribute: \"href\" } true"),
        ("<a href=\"https://", "Value { attribute: \"href\" } false"),
        ("<a href=", "Tag true"),
        ("<a ", "Tag true"),
        ("<a title=\"a>b\">", "Text false"),
        ("<!-- <a href=\"", "Comment true"),
        ("<style>p{", "Code true"),
        ("<STYLE>p{</style>", "Text true"),
        ("<mj-style>p{", "Code true"),
        ("<script>if (a<b) \"</p>\"", "Code true"),
        ("día <b title='í'>é", "Text false"),
    ] {
        assert_eq!(spot_after(text), expected, "{text}");
    }
}

#[test]
fn elements_that_lie_too_deep_are_refused_before_any_parser() {
    let mut markup = Markup::default();
    assert!(markup.feed(&"<div>".repeat(100)).is_ok());
    assert_eq!(markup.feed("<div>").unwrap_err().at, 4);
    let mut closed = Markup::default();
    assert!(closed.feed(&"<div><br></div><img src=\"x\"/>".repeat(500)).is_ok());
    assert!(Markup::default().feed(&format!("<a {}>", "x".repeat(2_000))).is_err());
}
