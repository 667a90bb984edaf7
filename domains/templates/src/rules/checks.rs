//! What is asked of a template when it is saved, and when it is published.

use carepost_kernel::{Channel, Purpose};

use super::compile::{CompiledTemplate, compile};
use super::render::RenderInput;
use super::values::samples;
use crate::error::{Fault, RenderError};
use crate::types::{Language, TemplateContent, TemplateMeta};

/// What is wrong with what a template says of itself.
#[must_use]
pub fn check_meta(meta: &TemplateMeta) -> Vec<Fault> {
    let mut faults = Vec::new();
    let is_key = |text: &str, longest: usize| {
        (1..=longest).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
    };
    let has_name = (1..=100).contains(&meta.name.trim().chars().count()) && !meta.name.chars().any(char::is_control);
    if !has_name {
        faults.push(Fault::of("/name", "must be 1 to 100 characters without control characters"));
    }
    if meta.type_key.as_deref().is_some_and(|key| !is_key(key, 64)) {
        faults.push(Fault::of("/type", "must be 1 to 64 small letters, digits, underscores and hyphens"));
    }
    if meta.shortcut.as_deref().is_some_and(|shortcut| !is_key(shortcut, 32)) {
        faults.push(Fault::of("/shortcut", "must be 1 to 32 small letters, digits, underscores and hyphens"));
    }
    faults
}

/// Everything that is wrong with a content: with its texts, and with rendering them with their samples.
#[must_use]
pub fn validate(content: &TemplateContent) -> Vec<Fault> {
    check(content).err().unwrap_or_default()
}

/// The same, with what renders it where nothing is wrong.
///
/// # Errors
/// Everything that is wrong.
pub fn check(content: &TemplateContent) -> Result<CompiledTemplate, Vec<Fault>> {
    let compiled = compile(content)?;
    let faults: Vec<Fault> =
        content.variants().filter_map(|variant| try_samples(content, &compiled, variant)).collect();
    if faults.is_empty() { Ok(compiled) } else { Err(faults) }
}

fn try_samples(
    content: &TemplateContent,
    compiled: &CompiledTemplate,
    (channel, language): (Channel, Language),
) -> Option<Fault> {
    let values = samples(content, language);
    let error = compiled.render(&RenderInput { channel, language, zone: "America/New_York", values: &values }).err()?;
    let sampled = |name: &str| content.variables.iter().position(|variable| variable.name == name);
    let fault = match &error {
        RenderError::Variable { name, problem } => match sampled(name) {
            Some(i) => Fault::of(format!("/variables/{i}/sample"), *problem),
            None => Fault::of("/variables", *problem),
        },
        RenderError::Missing(name) => Fault::of("/variables", format!("a sample lacks the variable {name}")),
        other => Fault::of(variant_pointer(channel, language), other.to_string()),
    };
    Some(Fault { variant: Some((channel, language)), ..fault })
}

fn variant_pointer(channel: Channel, language: Language) -> String {
    format!("/{}/{}", channel.as_str(), language.as_str())
}

/// What keeps a checked content from being published.
///
/// - CON-013: marketing says how to opt out, in each message.
/// - CON-014: an email names the practice and its postal address, a text message names the practice.
/// - Each channel has the default language, so that there is always something to fall back to.
#[must_use]
pub fn publish_faults(content: &TemplateContent, compiled: &CompiledTemplate, purpose: Purpose) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (&(channel, language), variant) in &compiled.variants {
        let uses = |name: &str| variant.used.contains(name);
        let mut needs = Vec::new();
        match channel {
            Channel::Email => {
                if purpose == Purpose::Marketing && !uses("optout_url") {
                    needs.push("marketing must say how to opt out: use {{optout_url}}");
                }
                if !uses("practice.name") || !uses("practice.postal_address") {
                    needs.push("an email names the practice and its postal address: use {{> layout_footer}}");
                }
            }
            Channel::Sms => {
                let says_stop = content.sms.get(&language).is_some_and(|sms| sms.body.contains("STOP"));
                if purpose == Purpose::Marketing && !says_stop {
                    needs.push("marketing must say how to opt out: write that STOP does it");
                }
                if !uses("practice.name") {
                    needs.push("a text message names its sender: use {{practice.name}}");
                }
            }
            Channel::InApp | Channel::Push | Channel::Voice => {}
        }
        for problem in needs {
            let pointer = variant_pointer(channel, language);
            faults.push(Fault { variant: Some((channel, language)), ..Fault::of(pointer, problem) });
        }
    }
    for channel in compiled.channels() {
        if !compiled.variants.contains_key(&(channel, content.default_language)) {
            let pointer = format!("/{}", channel.as_str());
            faults.push(Fault::of(pointer, "has no variant in the default language"));
        }
    }
    faults
}

#[cfg(test)]
mod tests;
