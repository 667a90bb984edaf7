//! What stays of HTML.

use proptest::prelude::*;

use super::*;

#[test]
fn what_runs_or_fetches_is_gone_and_the_rest_stays() {
    for (html, cleaned) in [
        ("<p>a<script>alert(1)</script>b</p>", "<p>ab</p>"),
        ("<p onclick=\"x()\" onmouseover=x()>a</p>", "<p>a</p>"),
        ("<a href=\"javascript:x()\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
        ("<a href=\" jAvA&#x53;cript:x()\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
        ("<a href=\"data:text/html,x\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
        ("<a href=\"//evil.example\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
        ("<a href=\"http://x.example\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
        ("<a href=\"https://x.example/\">a</a>", "<a href=\"https://x.example/\" rel=\"noopener noreferrer\">a</a>"),
        ("<img src=\"https://x.example/a.png\" alt=\"a\">", "<img src=\"https://x.example/a.png\" alt=\"a\">"),
        ("<img src=x onerror=alert(1)>", "<img>"),
        ("<iframe src=\"https://x.example\"></iframe>b", "b"),
        ("<form action=\"https://x.example\"><input></form>b", "b"),
        ("<style>p{}</style><title>t</title>b", "b"),
        ("<svg onload=x()><script>x()</script></svg>b", "b"),
        ("<object data=x></object><embed src=x><base href=x><meta http-equiv=refresh>b", "b"),
        ("<!-- a --><!--[if mso]><script>x()</script><![endif]-->b", "b"),
        ("<p style=\"color:red;width:expression(x())\">b</p>", "<p style=\"color:red\">b</p>"),
        ("<p style=\"background:url(https://x.example)\">b</p>", "<p>b</p>"),
        ("<p style=\"behavior:url(x);-moz-binding:y;position:fixed\">b</p>", "<p>b</p>"),
        ("<p style=\"color:\\65xpression(x)\">b</p>", "<p>b</p>"),
        ("<p style=\"width:exp/**/ression(x)\">b</p>", "<p>b</p>"),
    ] {
        assert_eq!(body(html), cleaned, "{html}");
    }
}

#[test]
fn comments_stay_only_as_marks_and_as_tables_of_mjml() {
    let mark = format!("<!--{MARK_OPEN}12{MARK_CLOSE}-->");
    let table = "<!--[if mso | IE]><table width=\"600\" style=\"width:600px;\"><tr><td><![endif]-->";
    for kept in [mark.as_str(), table, "<!--[if mso | IE]></td></tr></table><![endif]-->"] {
        assert_eq!(body(kept), kept);
    }
    for gone in [
        "<!--\u{2E28}x\u{2E29}-->",
        "<!--[if mso | IE]><img src=x><![endif]-->",
        "<!--[if mso | IE]><td onclick=\"x\"><![endif]-->",
        "<!--[if mso | IE]><td style=\"background:url(x)\"><![endif]-->",
        "<!--[if mso | IE]>text<table><![endif]-->",
        "<!--[if gte mso 9]><table><![endif]-->",
    ] {
        assert_eq!(body(gone), "", "{gone}");
    }
}

#[test]
fn styles_of_a_head_are_taken_whole_or_not() {
    let head =
        |css: &str| format!("<style type=\"text/css\">{css}</style><!--[if mso]><style>p{{x}}</style><![endif]-->");
    assert_eq!(head_css(&head("p > a { color: red !important; }")).unwrap(), "p > a { color: red !important; }");
    for css in ["@import 'x'", "p{background:url(x)}", "p{width:expression(x)}", "p{a:\\75rl(x)}", "<b>"] {
        assert_eq!(head_css(&head(css)), None, "{css}");
    }
}

#[test]
fn text_is_what_a_person_would_write() {
    let html = "<div style=\"display:none;x\">hidden</div><h1>Visit</h1><p>Dear <b>Ana</b>,<br>see you.</p>\
                <ul><li>One</li><li>Two</li></ul><table><tr><td><p><a href=\"https://x.example/\">Portal</a></p></td></tr></table>";
    assert_eq!(text_of(html).unwrap(), "Visit\n\nDear Ana,\nsee you.\n- One\n- Two\n\nPortal (https://x.example/)");
}

proptest! {
    #[test]
    fn what_is_clean_stays_as_it_is(html in "(<(p|b|script|a href=\"javascript:x\"|img src=x onerror=y|style|td|/p|/b|/script)>|[a-z &<>\"'=]{0,5}){0,12}") {
        let once = body(&html);
        prop_assert!(!once.contains("<script") && !once.contains("javascript:") && !once.contains("<style"), "{}", once);
        prop_assert_eq!(body(&once), once);
    }
}
