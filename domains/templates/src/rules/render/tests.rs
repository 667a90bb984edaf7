//! Renderings: what they say, and that they end.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::rules::{check, compile};
use crate::types::TemplateContent;

fn content(value: Value) -> TemplateContent {
    serde_json::from_value(value).unwrap()
}

fn values(value: Value) -> Values {
    Values::from(value.as_object().unwrap().clone())
}

fn render(content: &TemplateContent, channel: Channel, language: Language, given: Value) -> Rendered {
    let compiled = check(content).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let zone = "America/New_York";
    compiled.render(&RenderInput { channel, language, zone, values: &values(given) }).unwrap()
}

fn sms(body: &str, variables: Value) -> TemplateContent {
    content(json!({"variables": variables, "sms": {"en": {"body": body}, "es": {"body": body}}}))
}

fn text(rendered: Rendered) -> String {
    match rendered.content {
        Content::Sms(sms) => sms.text,
        Content::InApp(in_app) => in_app.body,
        Content::Email(email) => email.html.unwrap(),
    }
}

#[test]
fn tpl_001_tpl_008_tpl_014_values_are_put_in_in_the_recipients_language_and_zone() {
    let variables = json!([
        {"name": "at", "kind": "datetime"}, {"name": "day", "kind": "date"}, {"name": "due", "kind": "money"},
        {"name": "names", "kind": "list"}, {"name": "is_new", "kind": "bool", "required": false}
    ]);
    let body = "{{patient.first_name}}: {{date at}} {{time at}} {{date day}} {{money due}} {{phone practice.phone}} \
                {{#if is_new}}new{{else}}known{{/if}} {{#each names}}{{this}}{{#unless @last}}, {{/unless}}{{/each}}";
    let given = json!({
        "patient": {"first_name": "Ana"}, "at": "2026-12-04T01:30:00Z", "day": "2026-12-24", "due": 12_500,
        "names": ["a", "b"], "practice.phone": "+15005550100"
    });
    let english = text(render(&sms(body, variables.clone()), Channel::Sms, Language::En, given.clone()));
    assert_eq!(english, "Ana: Thu, Dec 3 8:30 PM Thu, Dec 24 $125.00 (500) 555-0100 known a, b");
    let spanish = text(render(&sms(body, variables.clone()), Channel::Sms, Language::Es, given.clone()));
    assert_eq!(spanish, "Ana: jue 3 dic 20:30 jue 24 dic $125.00 (500) 555-0100 known a, b");
    let inbox = content(json!({
        "variables": variables,
        "in_app": {"en": {"title": "{{date at form=\"short\"}}", "body": "{{datetime at}}"}}
    }));
    let rendered = render(&inbox, Channel::InApp, Language::Es, given);
    assert_eq!(rendered.language, Language::En, "the default language stands in");
    let Content::InApp(in_app) = rendered.content else { panic!("another channel") };
    assert_eq!((in_app.title.as_str(), in_app.body.as_str()), ("Thu, Dec 3", "Thursday, December 3, 2026 at 8:30 PM"));
}

#[test]
fn tpl_013_each_channel_escapes_in_its_own_way() {
    let template = content(json!({
        "variables": [{"name": "x", "kind": "text"}, {"name": "page", "kind": "url"}],
        "sms": {"en": {"body": "{{x}}"}},
        "in_app": {"en": {"title": "{{x}}", "body": "{{x}}"}},
        "email": {"en": {
            "subject": "A {{x}}", "html": "<p title=\"{{x}}\">{{x}}</p><p><a href=\"{{page}}\">go</a></p>"
        }}
    }));
    let given = json!({"x": "<b>\r\n\"'&\u{7}Bcc: z", "page": "https://x.example/?a=1&b=2"});
    let of = |channel| render(&template, channel, Language::En, given.clone()).content;
    let Content::Sms(sms) = of(Channel::Sms) else { panic!("another channel") };
    assert_eq!(sms.text, "<b>\n\"'&Bcc: z", "no control characters");
    let Content::InApp(in_app) = of(Channel::InApp) else { panic!("another channel") };
    assert_eq!(in_app.title, "<b> \"'&Bcc: z", "one line");
    let Content::Email(email) = of(Channel::Email) else { panic!("another channel") };
    assert_eq!(email.subject, "A <b> \"'&Bcc: z", "no header can be begun");
    let html = email.html.unwrap();
    let escaped = "&lt;b&gt;\n&quot;&#39;&amp;Bcc: z";
    assert!(html.contains(&format!("<p title=\"{escaped}\">{escaped}</p>")), "{html}");
    assert!(html.contains("href=\"https://x.example/?a=1&amp;b=2\""), "{html}");
    assert!(email.text.unwrap().contains("go (https://x.example/?a=1&b=2)"));
}

#[test]
fn blocks_stand_around_any_part_of_html_and_mjml() {
    let variables = json!([
        {"name": "items", "kind": "list"}, {"name": "items.name", "kind": "text"}, {"name": "all", "kind": "bool"}
    ]);
    let rows = "<table><tr><td>Head</td></tr>{{#each items}}<tr><td>{{name}}</td></tr>{{/each}}</table>{{#if all}}<p>all</p>{{/if}}";
    let html = content(json!({"variables": variables, "email": {"en": {"subject": "s", "html": rows}}}));
    let mjml = format!(
        "<mjml><mj-body>{{{{> layout_header}}}}{{{{#if all}}}}<mj-section><mj-column><mj-table>{}</mj-table></mj-column>\
         </mj-section>{{{{/if}}}}<mj-section><mj-column>{{{{#each items}}}}<mj-text>{{{{name}}}}</mj-text>{{{{/each}}}}\
         </mj-column></mj-section>{{{{> layout_footer}}}}</mj-body></mjml>",
        "<tr><td>{{#if all}}inwards{{else}}outwards{{/if}}</td></tr>"
    );
    let mjml = content(json!({"variables": variables, "email": {"en": {"subject": "s", "mjml": mjml}}}));
    let given = |all: bool| {
        json!({
            "items": [{"name": "one"}, {"name": "two"}], "all": all, "practice": {"name": "P", "postal_address": "A"},
            "preferences_url": "https://x.example/p"
        })
    };
    for (template, is_mjml) in [(&html, false), (&mjml, true)] {
        let Content::Email(some) = render(template, Channel::Email, Language::En, given(false)).content else {
            panic!()
        };
        let Content::Email(full) = render(template, Channel::Email, Language::En, given(true)).content else {
            panic!()
        };
        for part in [some.html.as_deref().unwrap(), some.text.as_deref().unwrap()] {
            assert!(part.contains("one") && part.contains("two") && !part.contains("{{"), "{part}");
        }
        let (some, full) = (some.html.unwrap(), full.html.unwrap());
        if is_mjml {
            assert!(full.contains("<td>inwards</td>") && !some.contains("outwards"), "{full}");
        } else {
            assert!(some.contains("<tr><td>one</td></tr><tr><td>two</td></tr>"), "{some}");
            assert!(full.contains("<p>all</p>") && !some.contains("<p>all</p>"), "{some}");
        }
    }
}

#[test]
fn html_that_runs_never_reaches_a_reader() {
    let variables = json!([{"name": "x", "kind": "text"}, {"name": "page", "kind": "url"}]);
    let email = |html: &str| content(json!({"variables": variables, "email": {"en": {"subject": "s", "html": html}}}));
    let cleaned = email(
        "<p onclick=\"{{x}}\" style=\"width:expression(1);color:red\">a</p><script>{}</script>\
         <a href=\"javascript:alert(1)\">b</a><a href=\"javascript:{{x}}\">c</a><img src=\"data:{{x}}\" onerror=\"{{x}}\">",
    );
    let given = json!({"x": "alert(1)", "page": "https://x.example/"});
    let html = text(render(&cleaned, Channel::Email, Language::En, given.clone()));
    for gone in ["onclick", "onerror", "expression", "script", "alert", "data:"] {
        assert!(!html.contains(gone), "{gone}: {html}");
    }
    for (refused, part) in [
        ("<a href=\"{{x}}\">a</a>", "variable that is a url"),
        ("<a href=\"{{#if x}}https://x.example{{/if}}\">a</a>", "blocks do not stand in an address"),
        ("<p style=\"color:{{x}}\">a</p>", "style"),
        ("<p {{x}}>a</p>", "outside of quotes"),
        ("<p title={{x}}>a</p>", "outside of quotes"),
        ("<style>{{x}}</style>", "style or script"),
        ("<script>{{x}}</script>", "style or script"),
        ("<!-- {{x}} -->", "comment"),
        ("<script>{{#if x}}</script>{{/if}}", "style or script"),
        ("<p title=\"{{#if x}}\">{{/if}}\">", "begins in the value"),
        ("{{#if x}}<p title=\"{{else}}\">{{/if}}", "begins in the value"),
        ("<p title=\"{{#if x}}\" class=\"{{/if}}\">", "begins in the value"),
    ] {
        let faults = check(&email(refused)).expect_err(refused);
        assert!(faults[0].problem.contains(part), "{refused}: {faults:?}");
        assert_eq!(faults[0].pointer, "/email/en/html");
    }
    let mjml = |mjml: &str| content(json!({"variables": variables, "email": {"en": {"subject": "s", "mjml": mjml}}}));
    let raw = "<mjml><mj-body><mj-raw><script>x()</script></mj-raw>\
               <mj-section><mj-column><mj-button href=\"javascript:x()\">a</mj-button></mj-column></mj-section></mj-body></mjml>";
    let html = text(render(&mjml(raw), Channel::Email, Language::En, given));
    assert!(!html.contains("script"), "{html}");
    for (refused, line, column) in [
        ("<mjml><mj-body>\n <mj-nothing></mj-nothing></mj-body></mjml>", 2, 2),
        ("<mjml><mj-body><mj-include path=\"a\" /></mj-body></mjml>", 1, 16),
        ("<mjml><mj-head><mj-style>p{background:url(x)}</mj-style></mj-head><mj-body></mj-body></mjml>", 1, 1),
        ("<p>no</p>", 1, 1),
    ] {
        let faults = check(&mjml(refused)).expect_err(refused);
        assert_eq!((faults[0].line, faults[0].column), (Some(line), Some(column)), "{refused}: {faults:?}");
    }
}

#[test]
fn a_rendering_ends_whatever_is_written() {
    let lists = json!([{"name": "a", "kind": "list"}, {"name": "b", "kind": "list"}, {"name": "x", "kind": "text"}]);
    let many = vec!["entry"; 1_000];
    let render = |body: &str| {
        let compiled = compile(&sms(body, lists.clone())).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let given = values(json!({"a": many, "b": many, "x": "y".repeat(4_000)}));
        let input = RenderInput { channel: Channel::Sms, language: Language::En, zone: "UTC", values: &given };
        compiled.render(&input).map(|rendered| text(rendered).len())
    };
    assert_eq!(render("{{#each a}}.{{/each}}"), Ok(1_000));
    let steps = Err(RenderError::Bound("its loops run too long"));
    assert_eq!(render("{{#each a}}{{#each @root.b}}{{/each}}{{/each}}"), steps);
    assert_eq!(render(&("{{#each a}}".to_owned() + &"{{#if @first}}{{/if}}".repeat(900) + "{{/each}}")), steps);
    let full = Err(RenderError::Bound("what comes out is longer than 256 KiB"));
    assert_eq!(render("{{#each a}}{{@root.x}}{{/each}}"), full);
    assert_eq!(render(&"{{x}}".repeat(100)), full);
}

#[test]
fn a_zone_that_nobody_knows_and_a_channel_without_variant_are_refused() {
    let compiled = check(&sms("{{practice.name}}", json!([]))).unwrap();
    let given = values(json!({"practice.name": "P"}));
    let mut input = RenderInput { channel: Channel::Sms, language: Language::En, zone: "Mars/Base", values: &given };
    assert_eq!(compiled.render(&input), Err(RenderError::Zone));
    (input.zone, input.channel) = ("UTC", Channel::Email);
    assert_eq!(compiled.render(&input), Err(RenderError::NoVariant(Channel::Email)));
}

#[test]
fn segments_are_those_of_the_rendered_text() {
    let template = sms("{{practice.name}}", json!([]));
    for (name, count) in [("a".repeat(160), 1), ("a".repeat(161), 2), ("ñ".repeat(70), 1), ("í".repeat(71), 2)] {
        let rendered = render(&template, Channel::Sms, Language::En, json!({"practice.name": name}));
        assert_eq!(rendered.segments.unwrap().count, count);
    }
}

#[test]
fn del_9_debug_of_what_was_rendered_prints_no_text() {
    let rendered =
        render(&sms("{{practice.name}}", json!([])), Channel::Sms, Language::En, json!({"practice.name": "canary"}));
    assert!(!format!("{rendered:?}").contains("canary"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever a text is made of, checking ends with faults or with a template that renders its samples.
    #[test]
    fn any_text_is_refused_or_renders(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "{{a}}", "{{x}}", "{{#if a}}", "{{else}}", "{{/if}}", "{{#each l}}", "{{this}}", "{{/each}}", "{{", "}}", "<p>",
            "</p>", "<a href=\"", "{{u}}", "\">", "<table>", "<tr>", "<td>", "</table>", "{{> layout_footer}}", "<!--", "-->",
            "<script>", "text ", "\n", "{{money m}}", "{{{a}}}", "&amp;", "í", "<br>", "<li>", "{{~a~}}", "{{date d}}",
        ]), 0..12)
    ) {
        let body: String = pieces.concat();
        let variables = json!([
            {"name": "a", "kind": "text"}, {"name": "u", "kind": "url"}, {"name": "l", "kind": "list"},
            {"name": "m", "kind": "money"}, {"name": "d", "kind": "date"}
        ]);
        let template = content(json!({
            "variables": variables, "sms": {"en": {"body": body}}, "email": {"en": {"subject": body, "html": body}}
        }));
        match check(&template) {
            Ok(_) => {}
            Err(faults) => prop_assert!(
                faults.iter().all(|fault| !fault.problem.contains("refused") && !fault.problem.contains("cannot")
                    && fault.problem != "is not a template that can be rendered"),
                "{}: {:?}", body, faults
            ),
        }
    }

    #[test]
    fn whatever_a_value_is_it_stays_text(value in "\\PC{0,40}") {
        let template = content(json!({
            "variables": [{"name": "x", "kind": "text"}],
            "email": {"en": {"subject": "s", "html": "<p title=\"{{x}}\">{{x}}</p>"}}
        }));
        let html = text(render(&template, Channel::Email, Language::En, json!({"x": value})));
        let (_, rest) = html.split_once("<p title=\"").unwrap();
        let (attribute, rest) = rest.split_once("\">").unwrap();
        let (inside, _) = rest.split_once("</p>").unwrap();
        prop_assert_eq!(attribute, inside);
        prop_assert!(!inside.contains(['<', '>', '"', '\'']), "{}", inside);
    }
}
