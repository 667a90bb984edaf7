//! Lists of recipients, as JSON or CSV, read line by line: the good lines stand, the bad ones are told with number, field
//! and reason (CAM-4). A list is never in memory twice: lines are read from its bytes as they are needed.

mod check;
mod csv_lines;

use serde::Deserialize;
use serde_json::value::RawValue;

use carepost_templates::types::TemplateContent;

use crate::error::{CampaignError, FieldFault};
use crate::types::{BulkContent, RowInput};

pub use check::{CheckedRow, Whom, check};
use csv_lines::CsvLines;

/// Lines of one list.
pub const LINES_MAX: usize = 100_000;
/// Rows of one bulk send, over all of its lists.
pub const ROWS_MAX: i32 = 1_000_000;

/// A line with its number.
pub type Line = (u64, Result<RowInput, Vec<FieldFault>>);

/// A list whose lines are read as they are needed.
pub struct Lines<'bytes>(Form<'bytes>);

enum Form<'bytes> {
    Json(std::iter::Enumerate<std::vec::IntoIter<&'bytes RawValue>>),
    Csv(CsvLines<'bytes>),
}

/// A list as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonList<'bytes> {
    #[serde(borrow)]
    recipients: Vec<&'bytes RawValue>,
}

impl<'bytes> Lines<'bytes> {
    /// Of a JSON object with the list `recipients`.
    ///
    /// # Errors
    /// Where it is none, is empty, or has more than [`LINES_MAX`] entries.
    pub fn json(bytes: &'bytes [u8]) -> Result<Self, CampaignError> {
        let list: JsonList<'_> = serde_json::from_slice(bytes)
            .map_err(|_| CampaignError::field("", "must be an object with the list recipients"))?;
        if !(1..=LINES_MAX).contains(&list.recipients.len()) {
            return Err(CampaignError::field("/recipients", "must hold 1 to 100,000 entries"));
        }
        Ok(Self(Form::Json(list.recipients.into_iter().enumerate())))
    }

    /// Of a CSV whose first line names its columns. Columns that are not our own are variables.
    ///
    /// # Errors
    /// Where the heading names a column twice, or one that nobody knows.
    pub fn csv(bytes: &'bytes [u8], content: &BulkContent) -> Result<Self, CampaignError> {
        CsvLines::new(bytes, content).map(|lines| Self(Form::Csv(lines)))
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        match &mut self.0 {
            Form::Json(entries) => {
                let (i, raw) = entries.next()?;
                Some((i as u64 + 1, serde_json::from_str(raw.get()).map_err(|error| vec![explain(&error)])))
            }
            Form::Csv(lines) => lines.next(),
        }
    }
}

/// Serde's own texts repeat values, so only the kind of fault goes out (DEL-9).
fn explain(error: &serde_json::Error) -> FieldFault {
    let text = error.to_string();
    let kinds = [
        ("unknown field", "holds a field that is not known here"),
        ("duplicate field", "holds a field twice"),
        ("invalid type", "holds a field of the wrong type"),
    ];
    let problem =
        kinds.into_iter().find(|(start, _)| text.starts_with(start)).map_or("is not in its form", |kind| kind.1);
    FieldFault::new("", problem)
}

/// Whether a template declares a variable, or a list or record that begins so.
pub(crate) fn declares(content: &TemplateContent, name: &str) -> bool {
    let is_under = |whole: &str, start: &str| whole.strip_prefix(start).is_some_and(|rest| rest.starts_with('.'));
    let is_declared = |declared: &str| declared == name || is_under(declared, name);
    content.variables.iter().any(|variable| is_declared(&variable.name))
        || carepost_templates::rules::BUILT_IN.iter().any(|(built_in, _)| is_declared(built_in))
}

#[cfg(test)]
mod tests;
