//! What callers tell of a person, checked field by field: all faults at once, no value in any (DEL-9).

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use carepost_kernel::{Channel, RecipientId};

use crate::FieldFault;
use crate::address::{looked_up_form, normalize_address};
use crate::types::{ContactPointInput, GuardianInput, GuardianScope, RecipientInput, RecipientKind};

/// Addresses and guardians of one person, at most.
const MOST_PER_PERSON: usize = 20;
/// States and territories of the United States, and the posts of its forces.
const STATES: &str = " AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM \
                      NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI AA AE AP ";

/// A person as a caller told of them, checked. `Some(None)` takes away what was there.
pub(super) struct Checked {
    pub(super) external_id: Field<String>,
    pub(super) kind: Option<RecipientKind>,
    pub(super) given_name: Field<String>,
    pub(super) family_name: Field<String>,
    pub(super) birth_date: Field<Date>,
    pub(super) notes: Field<String>,
    pub(super) language: Option<String>,
    pub(super) zone: Field<String>,
    pub(super) state: Field<String>,
    pub(super) points: Vec<CheckedPoint>,
    pub(super) guardians: Vec<CheckedGuardian>,
    pub(super) is_active: Option<bool>,
}

/// Stays, goes, or becomes another.
#[derive(Clone)]
pub(super) enum Field<T> {
    Stays,
    Goes,
    Is(T),
}

impl<T: Clone + PartialEq> Field<T> {
    /// Writes the field over what was there; whether that changed anything.
    pub(super) fn put(&self, stored: &mut Option<T>) -> bool {
        let next = match self {
            Self::Stays => return false,
            Self::Goes => None,
            Self::Is(value) => Some(value.clone()),
        };
        let is_other = *stored != next;
        *stored = next;
        is_other
    }

    pub(super) const fn is(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Stays | Self::Goes => None,
        }
    }
}

/// An address, in its normal form.
pub(super) struct CheckedPoint {
    pub(super) channel: Channel,
    pub(super) address: String,
    pub(super) is_verified: Option<bool>,
    pub(super) is_active: Option<bool>,
    pub(super) rank: Option<i16>,
}

/// A guardian, by one of the two ids.
pub(super) struct CheckedGuardian {
    pub(super) field: String,
    pub(super) by: GuardianId,
    pub(super) scope: GuardianScope,
    pub(super) ends_on: Option<Date>,
    pub(super) removal: Removal,
}

/// Whether, and how, a guardian is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    /// They stay.
    No,
    /// The link is kept as one that has ended.
    Ended,
    /// There never was such a link: no trace is kept.
    Mistake,
}

pub(super) enum GuardianId {
    Ours(RecipientId),
    Theirs(String),
}

/// Checks everything that a caller told of a person.
pub(super) fn check(input: RecipientInput, now: Timestamp) -> Result<Checked, Vec<FieldFault>> {
    let mut faults = Vec::new();
    let today = now.to_zoned(TimeZone::UTC).date();
    let checked = Checked {
        external_id: text(input.external_id, "/external_id", 200, &mut faults),
        kind: input.kind,
        given_name: text(input.given_name, "/given_name", 200, &mut faults),
        family_name: text(input.family_name, "/family_name", 200, &mut faults),
        birth_date: parsed(
            input.birth_date,
            "/birth_date",
            "must be a day in the past, as in 1984-02-29",
            |text| text.parse().ok().filter(|day: &Date| *day <= today && day.year() >= 1880),
            &mut faults,
        ),
        notes: text(input.notes, "/notes", 2_000, &mut faults),
        language: parsed(
            input.language,
            "/language",
            "must be two letters of a language, as in en",
            |text| (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase())).then(|| text.to_owned()),
            &mut faults,
        )
        .is()
        .cloned(),
        zone: parsed(
            input.zone,
            "/zone",
            "must be an IANA time zone, as in America/Chicago",
            |text| TimeZone::get(text).ok().and_then(|zone| zone.iana_name().map(str::to_owned)),
            &mut faults,
        ),
        state: parsed(
            input.state,
            "/state",
            "must be two letters of a state of the United States, as in TX",
            |text| (text.len() == 2 && STATES.contains(&format!(" {text} "))).then(|| text.to_owned()),
            &mut faults,
        ),
        points: points(input.contact_points, &mut faults),
        guardians: guardians(input.guardians, &mut faults),
        is_active: input.is_active,
    };
    if faults.is_empty() { Ok(checked) } else { Err(faults) }
}

fn text(input: Option<String>, pointer: &str, most: usize, faults: &mut Vec<FieldFault>) -> Field<String> {
    let Some(text) = input else { return Field::Stays };
    let text = text.trim();
    if text.chars().count() > most {
        faults.push(FieldFault::new(pointer, "is too long"));
    } else if text.chars().any(|one| one.is_control() && one != '\n') {
        faults.push(FieldFault::new(pointer, "must not hold control characters"));
    }
    if text.is_empty() { Field::Goes } else { Field::Is(text.to_owned()) }
}

fn parsed<T>(
    input: Option<String>,
    pointer: &str,
    problem: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
    faults: &mut Vec<FieldFault>,
) -> Field<T> {
    match input.as_deref().map(str::trim) {
        None => Field::Stays,
        Some("") => Field::Goes,
        Some(text) => parse(text).map_or_else(
            || {
                faults.push(FieldFault::new(pointer, problem));
                Field::Stays
            },
            Field::Is,
        ),
    }
}

fn points(inputs: Vec<ContactPointInput>, faults: &mut Vec<FieldFault>) -> Vec<CheckedPoint> {
    if inputs.len() > MOST_PER_PERSON {
        faults.push(FieldFault::new("/contact_points", "holds more than 20"));
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut checked = Vec::new();
    for ContactPointInput { field, channel, address, is_verified, is_active, rank } in inputs {
        let problem = match channel {
            Channel::Sms => "must be a valid phone number in E.164 form, as in +15005550006",
            Channel::Email => "must be a valid email address",
            Channel::InApp => "must be 1 to 128 visible ASCII characters",
            Channel::Push | Channel::Voice => {
                faults.push(FieldFault::new(field, "takes sms for a phone, email or in_app"));
                continue;
            }
        };
        match normalize_address(channel, address.trim()) {
            None => faults.push(FieldFault::new(field, problem)),
            Some(address) if !seen.insert((channel, looked_up_form(channel, &address).into_owned())) => {
                faults.push(FieldFault::new(field, "stands there twice"));
            }
            Some(address) => checked.push(CheckedPoint { channel, address, is_verified, is_active, rank }),
        }
    }
    checked
}

fn guardians(inputs: Vec<GuardianInput>, faults: &mut Vec<FieldFault>) -> Vec<CheckedGuardian> {
    if inputs.len() > MOST_PER_PERSON {
        faults.push(FieldFault::new("/guardians", "holds more than 20"));
        return Vec::new();
    }
    let mut checked = Vec::new();
    for input in inputs {
        let by = match (input.recipient_id, input.external_id) {
            (Some(id), None) => GuardianId::Ours(id),
            (None, Some(id)) if !id.trim().is_empty() => GuardianId::Theirs(id.trim().to_owned()),
            _ => {
                faults.push(FieldFault::new(input.field, "takes exactly one of recipient_id and external_id"));
                continue;
            }
        };
        let removal = match (input.is_removed, input.is_mistake) {
            (true, true) => Removal::Mistake,
            (true, false) => Removal::Ended,
            (false, is_mistake) => {
                if is_mistake {
                    faults.push(FieldFault::new(input.field.clone(), "is no mistake unless it is removed"));
                }
                Removal::No
            }
        };
        let problem = "must end on a day, as in 2027-06-30";
        let day = parsed(input.ends_on, &input.field, problem, |text| text.parse().ok(), faults);
        checked.push(CheckedGuardian {
            field: input.field,
            by,
            scope: input.scope.unwrap_or(GuardianScope::Full),
            ends_on: day.is().copied(),
            removal,
        });
    }
    checked
}
