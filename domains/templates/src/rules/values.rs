//! The values of one rendering: taken by declaration, each of its kind, bounded, without control characters.

use serde_json::{Map, Value, json};

use super::helpers::{IS_SHORT, LANGUAGE, ZONE};
use super::limits;
use crate::error::RenderError;
use crate::types::{Language, TemplateContent, Variable, VariableKind};

/// Variables that every template may name without declaring them.
pub const BUILT_IN: [(&str, VariableKind); 7] = [
    ("patient.first_name", VariableKind::Text),
    ("practice.name", VariableKind::Text),
    ("practice.phone", VariableKind::Text),
    ("practice.postal_address", VariableKind::Text),
    ("optout_url", VariableKind::Url),
    ("preferences_url", VariableKind::Url),
    ("portal_url", VariableKind::Url),
];

/// Values for variables: nested (`{"patient": {"first_name": ...}}`), or by dotted name. They are health information:
/// `Debug` prints the name of the type.
#[derive(Clone, Default, PartialEq)]
pub struct Values(Map<String, Value>);

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Values")
    }
}

impl From<Map<String, Value>> for Values {
    fn from(values: Map<String, Value>) -> Self {
        Self(values)
    }
}

impl Values {
    /// Sets a value by its dotted name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    /// Sets a value by its dotted name where there is none yet.
    pub fn set_default(&mut self, name: &str, value: impl Into<Value>) {
        if self.get(name).is_none() {
            self.set(name, value);
        }
    }

    /// Takes from others what is not there yet.
    pub fn fill(&mut self, others: &Self) {
        for (name, value) in &others.0 {
            self.set_default(name, value.clone());
        }
    }

    /// The value of a dotted name; null is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        find(&self.0, name).filter(|value| !value.is_null())
    }
}

fn find<'map>(map: &'map Map<String, Value>, name: &str) -> Option<&'map Value> {
    if let Some(value) = map.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    find(map.get(first)?.as_object()?, rest)
}

/// The list that a declared variable is a field of.
pub(crate) fn list_of<'list>(variables: &'list [Variable], name: &str) -> Option<&'list Variable> {
    let is_list = |list: &&Variable| {
        list.kind == VariableKind::List && name.strip_prefix(&*list.name).is_some_and(|rest| rest.starts_with('.'))
    };
    // The innermost one, where lists hold lists.
    variables.iter().filter(is_list).max_by_key(|list| list.name.len())
}

/// What the renderer sees: declared variables, and the built-in ones that are used. Everything else is left behind.
pub(crate) fn take<'name>(
    variables: &[Variable],
    used: impl Iterator<Item = &'name str>,
    values: &Values,
    (language, zone, is_short): (Language, &str, bool),
) -> Result<Value, RenderError> {
    let mut taker = Taker { variables, bytes: 0 };
    let mut taken = Map::new();
    for variable in variables.iter().filter(|variable| list_of(variables, &variable.name).is_none()) {
        let value = taker.value(variable, values.get(&variable.name))?;
        put(&mut taken, &variable.name, value);
    }
    for name in used {
        let built_in = BUILT_IN.iter().find(|(built_in, _)| *built_in == name);
        let Some((_, kind)) = built_in.filter(|_| variables.iter().all(|variable| variable.name != name)) else {
            continue;
        };
        let variable = Variable { name: name.to_owned(), kind: *kind, required: true, sample: Default::default() };
        let value = taker.value(&variable, values.get(name))?;
        put(&mut taken, name, value);
    }
    taken.insert(LANGUAGE.to_owned(), language.as_str().into());
    taken.insert(ZONE.to_owned(), zone.into());
    taken.insert(IS_SHORT.to_owned(), is_short.into());
    Ok(Value::Object(taken))
}

fn put(map: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            map.insert(name.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = map.entry(first).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

struct Taker<'variables> {
    variables: &'variables [Variable],
    bytes: usize,
}

impl Taker<'_> {
    fn value(&mut self, variable: &Variable, given: Option<&Value>) -> Result<Value, RenderError> {
        let Some(given) = given else {
            let missing = || RenderError::Missing(variable.name.clone());
            return if variable.required { Err(missing()) } else { Ok(Value::Null) };
        };
        let wrong = |problem| RenderError::Variable { name: variable.name.clone(), problem };
        let value = match variable.kind {
            VariableKind::List => self.list(variable, given)?,
            kind => scalar(kind, given).map_err(wrong)?,
        };
        self.bytes += 16 + value.as_str().map_or(0, str::len);
        if self.bytes > limits::VALUE_BYTES {
            return Err(RenderError::Bound("the values are longer than 128 KiB"));
        }
        Ok(value)
    }

    fn list(&mut self, list: &Variable, given: &Value) -> Result<Value, RenderError> {
        let wrong = |problem| RenderError::Variable { name: list.name.clone(), problem };
        let entries = given.as_array().ok_or_else(|| wrong("must be a list"))?;
        if entries.len() > limits::LOOP_ROUNDS {
            return Err(wrong("has more than 1,000 entries"));
        }
        let variables = self.variables;
        let is_field = |field: &&Variable| list_of(variables, &field.name).is_some_and(|of| of.name == list.name);
        let fields: Vec<&Variable> = variables.iter().filter(is_field).collect();
        let mut taken = Vec::with_capacity(entries.len());
        for entry in entries {
            if fields.is_empty() {
                let text = Variable { kind: VariableKind::Text, ..list.clone() };
                taken.push(self.value(&text, Some(entry))?);
                continue;
            }
            let record = entry.as_object().ok_or_else(|| wrong("must be a list of records"))?;
            let mut fielded = Map::new();
            for field in &fields {
                let name = &field.name[list.name.len() + 1..];
                let value = self.value(field, find(record, name).filter(|value| !value.is_null()))?;
                put(&mut fielded, name, value);
            }
            taken.push(Value::Object(fielded));
        }
        Ok(Value::Array(taken))
    }
}

fn scalar(kind: VariableKind, given: &Value) -> Result<Value, &'static str> {
    let text = given.as_str().map(str::trim);
    let number = || given.as_i64().or_else(|| text?.parse().ok());
    match kind {
        VariableKind::Text => match given {
            Value::String(text) => Ok(clean(text).into()),
            Value::Number(number) => Ok(number.to_string().into()),
            _ => Err("must be text"),
        },
        VariableKind::Date => {
            let day = text.and_then(|text| text.parse::<jiff::civil::Date>().ok());
            day.map(|day| day.to_string().into()).ok_or("must be a day, as in 2026-12-03")
        }
        VariableKind::Time => {
            let time = text.and_then(|text| text.parse::<jiff::civil::Time>().ok());
            time.map(|time| time.to_string().into()).ok_or("must be a time of day, as in 09:30")
        }
        VariableKind::DateTime => {
            let instant = text.and_then(|text| text.parse::<jiff::Timestamp>().ok());
            instant
                .map(|instant| instant.to_string().into())
                .ok_or("must be an instant, as in 2026-12-03T09:30:00-05:00")
        }
        VariableKind::Money => number().map(Value::from).ok_or("must be whole cents"),
        VariableKind::Number => {
            let real = || given.as_f64().or_else(|| text?.parse().ok()).filter(|real: &f64| real.is_finite());
            number().map(Value::from).or_else(|| real().map(Value::from)).ok_or("must be a number")
        }
        VariableKind::Bool => {
            let named = || text?.parse().ok();
            given.as_bool().or_else(named).map(Value::Bool).ok_or("must be true or false")
        }
        VariableKind::Url => {
            let url = text.filter(|url| is_url(url));
            url.map(Value::from).ok_or("must be an address that starts with https://, mailto: or tel:")
        }
        VariableKind::List => Err("must not be a list here"),
    }
}

/// An address that a link in an email may lead to.
pub(crate) fn is_url(url: &str) -> bool {
    let is_safe =
        |character: char| character.is_ascii_graphic() && !matches!(character, '"' | '\'' | '<' | '>' | '\\' | '`');
    let has_scheme =
        ["https://", "mailto:", "tel:"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme));
    has_scheme && url.len() <= 2_000 && url.chars().all(is_safe)
}

/// Without control characters, and without those that turn the direction of reading around: they can make a text
/// read as another one.
pub(crate) fn clean(text: &str) -> String {
    let is_kept = |character: &char| {
        let turns = matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        *character == '\n' || (!character.is_control() && !turns)
    };
    text.chars().filter(is_kept).collect()
}

/// Invented values for previews and checks: the declared samples, and one of each kind where there is none.
#[must_use]
pub fn samples(content: &TemplateContent, language: Language) -> Values {
    let mut values = Values::default();
    for (name, _) in BUILT_IN {
        values.set(name, built_in_sample(name));
    }
    let lists = content.variables.iter().filter(|variable| variable.kind == VariableKind::List);
    let scalars = content.variables.iter().filter(|variable| variable.kind != VariableKind::List);
    for variable in scalars.filter(|variable| list_of(&content.variables, &variable.name).is_none()) {
        values.set(&*variable.name, sample_of(content, variable, language));
    }
    for list in lists.filter(|list| list_of(&content.variables, &list.name).is_none()) {
        values.set(&*list.name, sample_of(content, list, language));
    }
    values
}

fn sample_of(content: &TemplateContent, variable: &Variable, language: Language) -> Value {
    let declared = variable.sample.get(&language).or_else(|| variable.sample.get(&content.default_language));
    if let Some(sample) = declared.or_else(|| variable.sample.values().next()) {
        return sample.clone();
    }
    match variable.kind {
        VariableKind::Text => "Sample".into(),
        VariableKind::Date => "2026-12-03".into(),
        VariableKind::Time => "09:30".into(),
        VariableKind::DateTime => "2026-12-03T09:30:00-05:00".into(),
        VariableKind::Money => 12_500.into(),
        VariableKind::Number => 3.into(),
        VariableKind::Bool => true.into(),
        VariableKind::Url => "https://portal.example.com/".into(),
        VariableKind::List => {
            let prefix = format!("{}.", variable.name);
            let is_field =
                |field: &&Variable| list_of(&content.variables, &field.name).is_some_and(|of| of.name == variable.name);
            let fields: Vec<&Variable> = content.variables.iter().filter(is_field).collect();
            if fields.is_empty() {
                return json!(["Sample one", "Sample two"]);
            }
            let mut entry = Map::new();
            for field in fields {
                put(&mut entry, &field.name[prefix.len()..], sample_of(content, field, language));
            }
            json!([entry])
        }
    }
}

fn built_in_sample(name: &str) -> &'static str {
    match name {
        "patient.first_name" => "Alex",
        "practice.name" => "Maple Street Dental",
        "practice.phone" => "+15005550100",
        "practice.postal_address" => "12 Maple Street, Springfield, NY 10001",
        "optout_url" => "https://care.example.com/u/sample",
        "preferences_url" => "https://care.example.com/p/sample",
        _ => "https://care.example.com/",
    }
}

#[cfg(test)]
mod tests;
