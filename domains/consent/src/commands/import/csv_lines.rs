//! A CSV of people: columns by their names, in any order; an empty cell leaves what is known as it is.

use csv::{ReaderBuilder, StringRecord, Trim};

use carepost_kernel::Channel;

use super::{BadLine, LINES_MAX, Lines};
use crate::ConsentError;
use crate::error::FieldFault;
use crate::types::{ContactPointInput, GuardianInput, RecipientInput};

/// The columns that are known here.
const COLUMNS: [&str; 19] = [
    "external_id",
    "kind",
    "given_name",
    "family_name",
    "birth_date",
    "language",
    "zone",
    "state",
    "notes",
    "phone",
    "phone_verified",
    "phone_2",
    "email",
    "email_verified",
    "email_2",
    "in_app",
    "guardian_external_id",
    "guardian_scope",
    "guardian_ends_on",
];

/// Reads a CSV (RFC 4180, UTF-8, with a heading). A line that cannot be read is a bad line; the others are read on.
///
/// # Errors
/// `Invalid` where the heading names a column that is not known here, names one twice, or has no `external_id`, and
/// where there are more than [`LINES_MAX`] lines.
pub fn read_csv(bytes: &[u8]) -> Result<Lines, ConsentError> {
    // Spreadsheets begin their files with a mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(bytes);
    let heading = reader.headers().map_err(|_| ConsentError::field("", "the heading cannot be read"))?.clone();
    check_heading(&heading)?;
    let mut lines = Lines::default();
    let mut record = StringRecord::new();
    let mut count = 0;
    loop {
        let read = reader.read_record(&mut record);
        let at = match &read {
            Ok(_) => record.position().cloned(),
            Err(error) => error.position().cloned(),
        };
        let line = at.map_or(0, |at| usize::try_from(at.line()).unwrap_or(usize::MAX));
        match read {
            Ok(false) => return Ok(lines),
            Ok(true) if record.len() != heading.len() => {
                lines.bad.push(bad(line, "", "has not as many cells as the heading"));
            }
            Ok(true) => match read_record(&heading, &record) {
                Ok(input) => lines.good.push((line, input)),
                Err(fault) => lines.bad.push(BadLine { line, faults: vec![fault] }),
            },
            Err(error) if error.is_io_error() => return Err(ConsentError::field("", "cannot be read")),
            Err(_) => lines.bad.push(bad(line, "", "is not UTF-8")),
        }
        count += 1;
        if count > LINES_MAX {
            return Err(ConsentError::field("", "holds more than 10,000 lines"));
        }
    }
}

fn bad(line: usize, field: &str, problem: &'static str) -> BadLine {
    BadLine { line, faults: vec![FieldFault::new(field, problem)] }
}

fn check_heading(heading: &StringRecord) -> Result<(), ConsentError> {
    let is_unknown = |name: &str| !COLUMNS.contains(&name);
    if let Some(i) = heading.iter().position(is_unknown) {
        // The name itself may be anything: people put names of patients into the first line.
        return Err(ConsentError::field(format!("/heading/{i}"), "is not a column that is known here"));
    }
    let is_twice = |(i, name): (usize, &str)| heading.iter().take(i).any(|other| other == name);
    if let Some(i) = heading.iter().enumerate().position(is_twice) {
        return Err(ConsentError::field(format!("/heading/{i}"), "stands there twice"));
    }
    if heading.iter().all(|name| name != "external_id") {
        return Err(ConsentError::field("/heading", "must name external_id"));
    }
    Ok(())
}

fn read_record(heading: &StringRecord, record: &StringRecord) -> Result<RecipientInput, FieldFault> {
    let cell = |name: &str| {
        let found = heading.iter().zip(record).find(|(column, _)| *column == name);
        found.map(|(_, text)| text).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let mut input = RecipientInput {
        external_id: cell("external_id"),
        kind: named(&cell, "kind", "must be patient or guardian")?,
        given_name: cell("given_name"),
        family_name: cell("family_name"),
        birth_date: cell("birth_date"),
        language: cell("language"),
        zone: cell("zone"),
        state: cell("state"),
        notes: cell("notes"),
        ..RecipientInput::default()
    };
    let points = [
        ("phone", Channel::Sms, flag(&cell, "phone_verified")?),
        ("phone_2", Channel::Sms, None),
        ("email", Channel::Email, flag(&cell, "email_verified")?),
        ("email_2", Channel::Email, None),
        ("in_app", Channel::InApp, None),
    ];
    for (column, channel, is_verified) in points {
        if let Some(address) = cell(column) {
            let field = format!("/{column}");
            let point = ContactPointInput { field, channel, address, is_verified, is_active: None, rank: None };
            input.contact_points.push(point);
        }
    }
    if let Some(external_id) = cell("guardian_external_id") {
        input.guardians.push(GuardianInput {
            field: "/guardian_external_id".to_owned(),
            external_id: Some(external_id),
            scope: named(&cell, "guardian_scope", "must be full, appointments or financial")?,
            ends_on: cell("guardian_ends_on"),
            ..GuardianInput::default()
        });
    }
    Ok(input)
}

fn named<T: std::str::FromStr>(
    cell: &impl Fn(&str) -> Option<String>,
    column: &str,
    problem: &'static str,
) -> Result<Option<T>, FieldFault> {
    let parse = |text: String| text.parse().map_err(|_| FieldFault::new(format!("/{column}"), problem));
    cell(column).map(parse).transpose()
}

fn flag(cell: &impl Fn(&str) -> Option<String>, column: &str) -> Result<Option<bool>, FieldFault> {
    match cell(column).as_deref() {
        None => Ok(None),
        Some("true" | "yes" | "1") => Ok(Some(true)),
        Some("false" | "no" | "0") => Ok(Some(false)),
        Some(_) => Err(FieldFault::new(format!("/{column}"), "must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<(usize, String)> {
        let lines = read_csv(text.as_bytes()).unwrap();
        lines.bad.into_iter().map(|bad| (bad.line, bad.faults[0].pointer.clone())).collect()
    }

    #[test]
    fn a_bad_line_in_the_middle_leaves_the_others_and_knows_its_number() {
        let text = "\u{feff}external_id,phone,kind\np-1,+15005550001,patient\np-2,+15005550002\np-3,\"+1500\n5550003\",patient\n\
                    p-4,+15005550004,robot\np-5,,\n";
        let lines = read_csv(text.as_bytes()).unwrap();
        assert_eq!(lines.good.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 7]);
        assert_eq!(faults(text), [(3, String::new()), (6, "/kind".to_owned())]);
        assert!(lines.good[2].1.contact_points.is_empty(), "an empty cell says nothing");
    }

    #[test]
    fn bytes_that_are_no_text_are_a_bad_line() {
        let lines = read_csv(b"external_id,given_name\np-1,\xff\xfe\np-2,Ana\n").unwrap();
        assert_eq!((lines.good.len(), lines.bad.len(), lines.bad[0].line), (1, 1, 2));
    }

    #[test]
    fn a_heading_with_foreign_columns_is_refused_whole_and_not_repeated() {
        for heading in ["external_id,ssn\n", "phone\n", "external_id,external_id\n", ""] {
            let error = read_csv(heading.as_bytes()).err().unwrap();
            assert!(
                matches!(&error, ConsentError::Invalid(faults) if !format!("{faults:?}").contains("ssn")),
                "{heading}"
            );
        }
    }
}
