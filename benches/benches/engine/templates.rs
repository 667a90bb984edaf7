//! Templates made ready and rendered: a text message, an email of MJML.

use std::hint::black_box;

use carepost_kernel::Channel;
use carepost_templates::rules::{check, samples};
use carepost_templates::types::{Language, TemplateContent};
use carepost_templates::{RenderInput, Values};
use criterion::Criterion;

const REMINDER: &str = include_str!("../../../fixtures/templates/visit_reminder.json");

/// The content in the body of a request: what is not content is left out.
fn content() -> TemplateContent {
    let mut body: serde_json::Value = serde_json::from_str(REMINDER).expect("a test reads this file");
    let fields = body.as_object_mut().expect("the body is an object");
    fields.retain(|name, _| ["variables", "partials", "sms", "email", "in_app"].contains(&name.as_str()));
    serde_json::from_value(body).expect("a test reads this file")
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let content = content();
    let compiled = check(&content).expect("a test checks this file");
    let values: Values = samples(&content, Language::En);
    let mut group = criterion.benchmark_group("templates");
    for (name, channel) in [
        ("render a text message", Channel::Sms),
        ("render an email of MJML", Channel::Email),
        ("render a message for the inbox", Channel::InApp),
    ] {
        let input = RenderInput { channel, language: Language::En, zone: "America/New_York", values: &values };
        group.bench_function(name, |bench| bench.iter(|| compiled.render(black_box(&input))));
    }
    group.bench_function("check a template of six texts", |bench| bench.iter(|| check(black_box(&content))));
    group.finish();
}
