//! One line of a list: whom it names, and with which values.

use serde_json::{Map, Value};

use carepost_consent::address::normalize_address;
use carepost_consent::policy::GatePolicy;
use carepost_delivery::types::Recipient;
use carepost_kernel::{Channel, RecipientId};

use super::declares;
use crate::error::FieldFault;
use crate::types::{BulkContent, RowInput, RowTarget};

/// Values of one row, as JSON.
const VARIABLES_LIMIT_BYTES: usize = 16 << 10;
const ID_LIMIT_BYTES: usize = 200;

/// Whom a line names.
#[derive(Clone, PartialEq, Eq)]
pub enum Whom {
    /// Somebody who is kept here.
    Recipient(RecipientId),
    /// The same by the caller's own id.
    External(String),
    /// An address of somebody who need not be known here: the first of those that the line has.
    Address(Channel, String),
}

/// A line that can be stored.
#[derive(Clone)]
pub struct CheckedRow {
    /// Whom it names.
    pub whom: Whom,
    /// What is sealed of it.
    pub target: RowTarget,
}

/// Checks a line.
///
/// # Errors
/// What is wrong with it, field by field.
pub fn check(input: RowInput, content: &BulkContent) -> Result<CheckedRow, Vec<FieldFault>> {
    let mut faults = Vec::new();
    let to = addresses(&input, &mut faults);
    let whom = whom(&input, &to, &mut faults);
    let language = text(input.language.as_deref()).map(str::to_ascii_lowercase);
    if language.as_deref().is_some_and(|language| !GatePolicy::LANGUAGES.contains(&language)) {
        faults.push(FieldFault::new("/language", "must be en or es"));
    }
    check_variables(&input.variables, content, &mut faults);
    match whom {
        Some(whom) if faults.is_empty() => {
            Ok(CheckedRow { whom, target: RowTarget { to, language, variables: input.variables } })
        }
        _ => Err(faults),
    }
}

/// A text that says something.
fn text(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn addresses(input: &RowInput, faults: &mut Vec<FieldFault>) -> Recipient {
    const PHONE: &str = "must be a valid phone number in E.164 form, as in +15005550006";
    let mut one = |channel, pointer: &str, given: &Option<String>, problem| {
        let given = text(given.as_deref())?;
        let normal = normalize_address(channel, given);
        if normal.is_none() {
            faults.push(FieldFault::new(pointer, problem));
        }
        normal
    };
    Recipient {
        phone: one(Channel::Sms, "/phone", &input.phone, PHONE),
        email: one(Channel::Email, "/email", &input.email, "must be a valid email address"),
        in_app: one(Channel::InApp, "/in_app", &input.in_app, "must be 1 to 128 visible ASCII characters"),
    }
}

fn whom(input: &RowInput, to: &Recipient, faults: &mut Vec<FieldFault>) -> Option<Whom> {
    let (id, external_id) = (text(input.recipient_id.as_deref()), text(input.external_id.as_deref()));
    let has_address = [&input.phone, &input.email, &input.in_app].into_iter().any(|one| text(one.as_deref()).is_some());
    let ways = usize::from(id.is_some()) + usize::from(external_id.is_some()) + usize::from(has_address);
    if ways != 1 {
        faults.push(FieldFault::new("", "names exactly one of recipient_id, external_id, and addresses"));
        return None;
    }
    if let Some(id) = id {
        let parsed = id.parse().ok();
        if parsed.is_none() {
            faults.push(FieldFault::new("/recipient_id", "must be the id of a recipient"));
        }
        return parsed.map(Whom::Recipient);
    }
    if let Some(external_id) = external_id {
        if external_id.len() > ID_LIMIT_BYTES {
            faults.push(FieldFault::new("/external_id", "takes up to 200 bytes"));
        }
        return Some(Whom::External(external_id.to_owned()));
    }
    let first = [Channel::Sms, Channel::Email, Channel::InApp];
    first.into_iter().find_map(|channel| Some(Whom::Address(channel, to.address(channel)?.to_owned())))
}

fn check_variables(variables: &Map<String, Value>, content: &BulkContent, faults: &mut Vec<FieldFault>) {
    let unknown = match content {
        BulkContent::Fixed(_) if !variables.is_empty() => Some("takes none: the content is the same for everybody"),
        BulkContent::Template(content) if variables.keys().any(|name| !declares(content, name)) => {
            Some("holds one that the template does not declare")
        }
        BulkContent::Fixed(_) | BulkContent::Template(_) => None,
    };
    faults.extend(unknown.map(|problem| FieldFault::new("/variables", problem)));
    let size_bytes: usize = variables.iter().map(|(name, value)| name.len() + size(value)).sum();
    if size_bytes > VARIABLES_LIMIT_BYTES {
        faults.push(FieldFault::new("/variables", "take up to 16 KiB"));
    }
}

/// What a value takes as JSON, roughly.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(entries) => entries.iter().map(size).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(name, field)| name.len() + size(field) + 4).sum::<usize>() + 2,
    }
}
