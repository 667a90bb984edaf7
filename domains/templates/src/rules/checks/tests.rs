//! What saving and publishing ask for.

use serde_json::{Value, json};

use super::*;
use crate::types::{Category, Variable, VariableKind};
use carepost_kernel::Topic;

fn content(value: Value) -> TemplateContent {
    serde_json::from_value(value).unwrap()
}

fn pointers(faults: &[Fault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.pointer.as_str()).collect()
}

#[test]
fn con_013_marketing_without_a_way_out_cannot_be_published() {
    let sms = |body: &str| content(json!({"sms": {"en": {"body": body}}}));
    let email = |html: &str| content(json!({"email": {"en": {"subject": "s", "html": html}}}));
    let lawful = "{{> layout_footer}}";
    for (template, purpose, expected) in [
        (sms("{{practice.name}}: sale"), Purpose::Marketing, vec!["/sms/en"]),
        (sms("{{practice.name}}: sale"), Purpose::Treatment, vec![]),
        (sms("{{practice.name}}: sale. Reply STOP to end"), Purpose::Marketing, vec![]),
        (email(lawful), Purpose::Marketing, vec!["/email/en"]),
        (email(lawful), Purpose::Financial, vec![]),
        (email(&format!("{lawful}<a href=\"{{{{optout_url}}}}\">x</a>")), Purpose::Marketing, vec![]),
    ] {
        let compiled = check(&template).unwrap();
        assert_eq!(pointers(&publish_faults(&template, &compiled, purpose)), expected, "{template:?}");
    }
}

#[test]
fn con_014_the_sender_is_named_and_each_channel_has_the_default_language() {
    for (template, expected) in [
        (json!({"sms": {"en": {"body": "hello"}}}), vec!["/sms/en"]),
        (json!({"email": {"en": {"subject": "s", "html": "<p>{{practice.name}}</p>"}}}), vec!["/email/en"]),
        (json!({"in_app": {"en": {"title": "t", "body": "b"}}}), vec![]),
        (json!({"in_app": {"es": {"title": "t", "body": "b"}}}), vec!["/in_app"]),
        (json!({"default_language": "es", "in_app": {"es": {"title": "t", "body": "b"}}}), vec![]),
    ] {
        let template = content(template);
        let compiled = check(&template).unwrap();
        assert_eq!(pointers(&publish_faults(&template, &compiled, Purpose::Transactional)), expected);
    }
}

#[test]
fn declarations_are_checked_one_by_one() {
    let variable =
        |name: &str, kind| Variable { name: name.to_owned(), kind, required: true, sample: Default::default() };
    use VariableKind::{Date, List, Text, Url};
    for (variables, expected) in [
        (vec![variable("a.b", Text), variable("a.c", Text)], vec![]),
        (vec![variable("A", Text)], vec!["/variables/0/name"]),
        (
            vec![variable("a..b", Text), variable("", Text), variable("é", Text)],
            vec!["/variables/0/name", "/variables/1/name", "/variables/2/name"],
        ),
        (vec![variable("date", Text)], vec!["/variables/0/name"]),
        (vec![variable("a.this", Text)], vec!["/variables/0/name"]),
        (vec![variable("a", Text), variable("a", Url)], vec!["/variables/1/name"]),
        (vec![variable("a", Text), variable("a.b", Text)], vec!["/variables/0/name"]),
        (vec![variable("a", List), variable("a.b", Text)], vec![]),
        (vec![variable("a", List), variable("a.b", List)], vec!["/variables/1/name"]),
        (vec![variable("practice", Text)], vec!["/variables/0/name"]),
        (vec![variable("practice.name", Text)], vec![]),
        (vec![variable("practice.name", Date)], vec!["/variables/0/name"]),
    ] {
        let mut template = content(json!({"sms": {"en": {"body": "x"}}}));
        template.variables = variables;
        assert_eq!(pointers(&validate(&template)), expected, "{:?}", template.variables);
    }
    let many = (0..101).map(|i| variable(&format!("v{i}"), Text)).collect();
    let template = TemplateContent { variables: many, ..content(json!({"sms": {"en": {"body": "x"}}})) };
    assert_eq!(pointers(&validate(&template)), ["/variables"]);
}

#[test]
fn samples_must_be_of_their_kind() {
    let template = content(json!({
        "variables": [{"name": "at", "kind": "date", "sample": {"en": "tomorrow"}}],
        "sms": {"en": {"body": "{{date at}}"}}
    }));
    let faults = validate(&template);
    assert_eq!(pointers(&faults), ["/variables/0/sample"]);
    assert!(!faults[0].problem.contains("tomorrow"));
    let partials = content(json!({"partials": {"layout_x": "a", "B": "b"}, "sms": {"en": {"body": "x"}}}));
    assert_eq!(pointers(&validate(&partials)), ["/partials", "/partials/layout_x"]);
    let empty = content(json!({"email": {"en": {"subject": "", "html": "x"}}, "sms": {"en": {"body": " "}}}));
    assert_eq!(pointers(&validate(&empty)), ["/sms/en/body", "/email/en/subject"]);
    let both = content(json!({"email": {"en": {"subject": "s", "html": "x", "mjml": "y"}}}));
    assert_eq!(pointers(&validate(&both)), ["/email/en"]);
}

#[test]
fn what_a_template_says_of_itself_is_checked() {
    let meta = TemplateMeta {
        name: "Visit".to_owned(),
        category: Category::Other,
        type_key: Some("visit_1".to_owned()),
        purpose: Purpose::Treatment,
        topic: Topic::Care,
        is_shared: true,
        shortcut: Some("visit".to_owned()),
    };
    assert!(check_meta(&meta).is_empty());
    let wrong = TemplateMeta {
        name: "a\nb".to_owned(),
        type_key: Some("Visit".to_owned()),
        shortcut: Some("/visit".to_owned()),
        ..meta
    };
    assert_eq!(pointers(&check_meta(&wrong)), ["/name", "/type", "/shortcut"]);
}
