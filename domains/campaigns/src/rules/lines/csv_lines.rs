//! A CSV list (RFC 4180): the first line names the columns, in any order.

use csv::{ByteRecord, Reader, ReaderBuilder};
use serde_json::Value;

use super::{LINES_MAX, Line, declares};
use crate::error::{CampaignError, FieldFault};
use crate::types::{BulkContent, RowInput};

/// No field of a sound list is longer: an open quotation mark would swallow the rest of the file.
const FIELD_LIMIT_BYTES: usize = 16 << 10;

/// Whose values a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    RecipientId,
    ExternalId,
    Phone,
    Email,
    InApp,
    Language,
    /// A variable of the template, by its dotted name.
    Variable(String),
}

pub(super) struct CsvLines<'bytes> {
    bytes: &'bytes [u8],
    reader: Reader<&'bytes [u8]>,
    columns: Vec<Column>,
    record: ByteRecord,
    lines: usize,
    /// The line of the file at the byte that was counted up to.
    line: u64,
    counted_to: usize,
    is_over: bool,
}

impl<'bytes> CsvLines<'bytes> {
    pub(super) fn new(bytes: &'bytes [u8], content: &BulkContent) -> Result<Self, CampaignError> {
        // What spreadsheets put in front of UTF-8.
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let mut record = ByteRecord::new();
        // Reading from memory fails for nothing but the form, and the form is flexible.
        if !reader.read_byte_record(&mut record).unwrap_or(false) {
            return Err(CampaignError::field("/heading", "is missing: the first line names the columns"));
        }
        let mut columns = Vec::with_capacity(record.len());
        for (i, name) in record.iter().enumerate() {
            // Its text is not repeated: where there is no heading, it is the first recipient's.
            let fault = |problem| CampaignError::field(format!("/heading/{}", i + 1), problem);
            let name = std::str::from_utf8(name).map_err(|_| fault("is not UTF-8"))?.trim();
            let column = column(name, content).ok_or_else(|| fault("is no column that is known here"))?;
            if columns.contains(&column) {
                return Err(fault("stands in the heading twice"));
            }
            columns.push(column);
        }
        Ok(Self { bytes, reader, columns, record, lines: 0, line: 1, counted_to: 0, is_over: false })
    }

    /// The line of the file on which the present record begins. The reader's own count is one behind where lines end with
    /// CR and LF.
    fn line(&mut self) -> u64 {
        let start = self.record.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(self.bytes.len());
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let start = start + self.bytes[start..].iter().take_while(|byte| is_end(byte)).count();
        let passed = self.bytes.get(self.counted_to..start).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.counted_to = start.max(self.counted_to);
        self.line
    }

    fn read(&self) -> Result<RowInput, Vec<FieldFault>> {
        if self.record.len() != self.columns.len() {
            return Err(vec![FieldFault::new("", "has another number of fields than the heading")]);
        }
        let mut input = RowInput::default();
        let mut faults = Vec::new();
        for (column, bytes) in self.columns.iter().zip(self.record.iter()) {
            let problem = match std::str::from_utf8(bytes) {
                Err(_) => "is not UTF-8",
                Ok(text) if text.len() > FIELD_LIMIT_BYTES => {
                    "is longer than 16 KiB: a quotation mark may be missing its end"
                }
                Ok(text) => {
                    column.put(text.trim(), &mut input);
                    continue;
                }
            };
            faults.push(FieldFault::new(column.pointer(), problem));
        }
        if faults.is_empty() { Ok(input) } else { Err(faults) }
    }
}

impl Iterator for CsvLines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if self.is_over {
            return None;
        }
        let found = self.reader.read_byte_record(&mut self.record);
        let line = self.line();
        let spoilt = |problem| Some((line, Err(vec![FieldFault::new("", problem)])));
        match found {
            Ok(true) if self.lines == LINES_MAX => {
                self.is_over = true;
                spoilt("is beyond the 100,000 lines of one list, with all after it")
            }
            Ok(true) => {
                self.lines += 1;
                Some((line, self.read()))
            }
            Ok(false) => None,
            Err(_) => {
                self.is_over = true;
                spoilt("cannot be read from here on")
            }
        }
    }
}

impl Column {
    fn put(&self, text: &str, input: &mut RowInput) {
        if text.is_empty() {
            return;
        }
        let text = text.to_owned();
        match self {
            Self::RecipientId => input.recipient_id = Some(text),
            Self::ExternalId => input.external_id = Some(text),
            Self::Phone => input.phone = Some(text),
            Self::Email => input.email = Some(text),
            Self::InApp => input.in_app = Some(text),
            Self::Language => input.language = Some(text),
            Self::Variable(name) => drop(input.variables.insert(name.clone(), Value::String(text))),
        }
    }

    fn pointer(&self) -> String {
        match self {
            Self::RecipientId => "/recipient_id".to_owned(),
            Self::ExternalId => "/external_id".to_owned(),
            Self::Phone => "/phone".to_owned(),
            Self::Email => "/email".to_owned(),
            Self::InApp => "/in_app".to_owned(),
            Self::Language => "/language".to_owned(),
            Self::Variable(name) => format!("/variables/{name}"),
        }
    }
}

fn column(name: &str, content: &BulkContent) -> Option<Column> {
    Some(match name {
        "recipient_id" => Column::RecipientId,
        "external_id" => Column::ExternalId,
        "phone" => Column::Phone,
        "email" => Column::Email,
        "in_app" => Column::InApp,
        "language" => Column::Language,
        _ => match content {
            BulkContent::Template(content) if declares(content, name) => Column::Variable(name.to_owned()),
            BulkContent::Template(_) | BulkContent::Fixed(_) => return None,
        },
    })
}
