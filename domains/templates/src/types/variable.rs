//! What a template may say that is not its own text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Language, named};

named! {
    /// What a variable holds. Values that come as text are read by it.
    VariableKind = "kind of variable" {
        /// Text of one or more lines.
        Text = "text",
        /// A day: `2026-12-03`.
        Date = "date",
        /// A time of day: `09:30`.
        Time = "time",
        /// An instant with its offset: `2026-12-03T09:30:00-05:00`. Written in the recipient's own zone.
        DateTime = "datetime",
        /// Whole cents of US dollars.
        Money = "money",
        /// A number.
        Number = "number",
        /// Yes or no.
        Bool = "bool",
        /// An address that starts with `https://`, `mailto:` or `tel:`.
        Url = "url",
        /// A list of texts, or of records whose fields are declared as `<list>.<field>`.
        List = "list",
    }
}

/// A declared variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its dotted name, as in `appointment.starts_at`.
    pub name: String,
    /// What it holds.
    pub kind: VariableKind,
    /// Whether it must be given.
    #[serde(default = "is_required")]
    pub required: bool,
    /// An invented value for previews, by language. Never a patient's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sample: BTreeMap<Language, Value>,
}

const fn is_required() -> bool {
    true
}
