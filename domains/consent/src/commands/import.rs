//! Lists of people, as JSON or CSV: the good lines stand, the bad ones come back with line, field and reason (CON-5).

mod csv_lines;

use std::collections::BTreeMap;

use jiff::Timestamp;

use carepost_store::TenantConnection;
use carepost_tenancy::TenantHandle;

use super::Desk;
use super::check::check;
use super::people::{Item, write};
use crate::ConsentError;
use crate::error::{FieldFault, Tried as _};
use crate::types::{Actor, AddressKey, RecipientInput};

pub use csv_lines::read_csv;

/// Lines of one list, at most.
pub const LINES_MAX: usize = 10_000;
/// Lines that are written in one transaction: what they lock is free again within a moment.
const CHUNK: usize = 250;

/// The lines of a list: those that could be read, and those that could not.
#[derive(Default)]
pub struct Lines {
    /// By the number of their line.
    pub good: Vec<(usize, RecipientInput)>,
    /// What is wrong with the others.
    pub bad: Vec<BadLine>,
}

/// A line that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number: of a CSV the line of the file, its heading being 1; of a JSON list the place, the first being 1.
    pub line: usize,
    /// What is wrong with it; never a value.
    pub faults: Vec<FieldFault>,
}

/// What came of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// People who were not known before.
    pub created: usize,
    /// People of whom something has changed.
    pub updated: usize,
    /// People of whom nothing has changed.
    pub unchanged: usize,
    /// Lines that were left out, by their number.
    pub bad: Vec<BadLine>,
    /// Addresses that the gate must look at again.
    pub keys: Vec<AddressKey>,
}

/// Writes a list of people, some hundred at a time. The same list again changes nothing. A line without an external id
/// makes somebody new each time, so that lists must have one.
///
/// # Errors
/// Where the database fails: what was written until then stands, and the same list again does the rest.
pub async fn import(
    connection: &mut TenantConnection,
    tenant: &TenantHandle,
    (actor, now): (&Actor, Timestamp),
    lines: Lines,
) -> Result<Imported, ConsentError> {
    let mut imported = Imported { bad: lines.bad, ..Imported::default() };
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    let mut items = Vec::new();
    for (line, input) in lines.good {
        match read_line(input, now, &mut named, line) {
            Ok(item) => items.push((line, item)),
            Err(faults) => imported.bad.push(BadLine { line, faults }),
        }
    }
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        let (numbers, chunk): (Vec<usize>, Vec<Item>) = items.by_ref().take(CHUNK).unzip();
        let tx = connection.begin().await.tried("import recipients")?;
        let desk = Desk { tx: &tx, tenant, actor, now };
        let (answers, keys) = write(&desk, chunk).await?;
        tx.commit().await.tried("import recipients")?;
        imported.keys.extend(keys);
        for (line, answer) in numbers.into_iter().zip(answers) {
            match answer {
                Err(faults) => imported.bad.push(BadLine { line, faults }),
                Ok(upserted) if upserted.is_new => imported.created += 1,
                Ok(upserted) if upserted.is_changed => imported.updated += 1,
                Ok(_) => imported.unchanged += 1,
            }
        }
    }
    imported.bad.sort_by_key(|bad| bad.line);
    imported.keys.sort_unstable();
    imported.keys.dedup();
    Ok(imported)
}

fn read_line(
    input: RecipientInput,
    now: Timestamp,
    named: &mut BTreeMap<String, usize>,
    line: usize,
) -> Result<Item, Vec<FieldFault>> {
    let checked = check(input, now)?;
    let Some(external_id) = checked.external_id.is() else {
        return Err(vec![FieldFault::new("/external_id", "is needed in a list")]);
    };
    if named.contains_key(external_id) {
        return Err(vec![FieldFault::new("/external_id", "stands on an earlier line already")]);
    }
    named.insert(external_id.clone(), line);
    Ok(Item { target: None, checked })
}
