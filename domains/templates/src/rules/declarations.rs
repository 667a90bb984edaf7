//! Checks what a template declares: names, kinds, samples, partials.

use super::helpers::is_reserved;
use super::limits;
use super::values::{BUILT_IN, list_of};
use crate::error::Fault;
use crate::types::{TemplateContent, Variable, VariableKind};

/// Everything that is wrong with variables and partials.
pub(crate) fn check(content: &TemplateContent) -> Vec<Fault> {
    let mut faults = Vec::new();
    let variables = &content.variables;
    if variables.len() > limits::VARIABLES {
        return vec![Fault::of("/variables", "are more than 100")];
    }
    if content.partials.len() > limits::PARTIALS {
        return vec![Fault::of("/partials", "are more than 20")];
    }
    for (i, variable) in variables.iter().enumerate() {
        if let Some(problem) = problem_of(&variables[..i], variables, variable) {
            faults.push(Fault::of(format!("/variables/{i}/name"), problem));
        }
        if sample_bytes(variable) > 8 << 10 {
            faults.push(Fault::of(format!("/variables/{i}/sample"), "is longer than 8 KiB"));
        }
    }
    for (name, text) in &content.partials {
        let is_shipped = name.starts_with("layout_");
        let pointer = || format!("/partials/{}", name.replace('~', "~0").replace('/', "~1"));
        if !is_segment(name) || name.len() > 64 {
            faults.push(Fault::of("/partials", "names are small letters, digits and underscores"));
        } else if is_shipped {
            faults.push(Fault::of(pointer(), "names that start with layout_ are the product's own"));
        } else if text.len() > limits::SOURCE_BYTES {
            faults.push(Fault::of(pointer(), "is longer than 64 KiB"));
        }
    }
    faults
}

fn problem_of(before: &[Variable], all: &[Variable], variable: &Variable) -> Option<&'static str> {
    let name = &*variable.name;
    if name.len() > 64 || !name.split('.').all(is_segment) {
        return Some("must be dotted names of small letters, digits and underscores, as in appointment.starts_at");
    }
    if name.split('.').any(is_reserved) && !name.contains('.') || name.split('.').any(|part| part == "this") {
        return Some("is a word of the language of templates");
    }
    if before.iter().any(|other| other.name == name) {
        return Some("is declared twice");
    }
    if BUILT_IN.iter().any(|(built_in, kind)| *built_in == name && *kind != variable.kind) {
        return Some("is built in, of another kind");
    }
    let is_above = |other: &str| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    let hides = variable.kind != VariableKind::List
        && (all.iter().any(|other| is_above(&other.name)) || BUILT_IN.iter().any(|(built_in, _)| is_above(built_in)));
    let is_hidden =
        BUILT_IN.iter().any(|(built_in, _)| name.strip_prefix(built_in).is_some_and(|rest| rest.starts_with('.')));
    if hides || is_hidden {
        return Some("is the beginning of another variable's name, or the other way round");
    }
    if list_of(all, name).is_some() && variable.kind == VariableKind::List {
        return Some("is a list in a list: lists hold texts or records");
    }
    None
}

fn is_segment(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_lowercase())
        && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn sample_bytes(variable: &Variable) -> usize {
    variable.sample.values().map(|sample| sample.to_string().len()).sum()
}
