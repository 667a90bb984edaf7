//! Dates, times, money and phone numbers as a reader of a language expects them.
//!
//! The names are a table of our own: two languages need no library of all of them, and text messages need names that
//! stay within the alphabet of GSM-7 (3GPP TS 23.038), where `á` and `í` are missing and would halve a message.

use jiff::civil::{Date, DateTime, Time};

use crate::types::Language;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `Thu, Dec 3`: for text messages.
    Short,
    /// `Thursday, December 3, 2026`.
    Long,
}

const DAYS_EN: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const DAYS_ES: [&str; 7] = ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"];
const SHORT_DAYS_EN: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// `sab` without its accent: GSM-7 has none for it.
const SHORT_DAYS_ES: [&str; 7] = ["lun", "mar", "mié", "jue", "vie", "sab", "dom"];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const MONTHS_ES: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];
const SHORT_MONTHS_EN: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SHORT_MONTHS_ES: [&str; 12] =
    ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"];

/// A day.
pub(crate) fn date(date: Date, language: Language, form: Form) -> String {
    let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
    let month = usize::from(date.month().unsigned_abs()) - 1;
    let (day, year) = (date.day(), date.year());
    match (language, form) {
        (Language::En, Form::Short) => format!("{}, {} {day}", SHORT_DAYS_EN[weekday], SHORT_MONTHS_EN[month]),
        (Language::En, Form::Long) => format!("{}, {} {day}, {year}", DAYS_EN[weekday], MONTHS_EN[month]),
        (Language::Es, Form::Short) => format!("{} {day} {}", SHORT_DAYS_ES[weekday], SHORT_MONTHS_ES[month]),
        (Language::Es, Form::Long) => format!("{} {day} de {} de {year}", DAYS_ES[weekday], MONTHS_ES[month]),
    }
}

/// A time of day: of twelve hours in English, of twenty-four in Spanish.
pub(crate) fn time(time: Time, language: Language) -> String {
    let (hour, minute) = (time.hour(), time.minute());
    match language {
        Language::En => {
            let half = if hour < 12 { "AM" } else { "PM" };
            let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
            format!("{hour}:{minute:02} {half}")
        }
        Language::Es => format!("{hour:02}:{minute:02}"),
    }
}

/// A day with its time.
pub(crate) fn datetime(at: DateTime, language: Language, form: Form) -> String {
    let day = date(at.date(), language, form);
    let between = match (language, form) {
        (Language::En, _) => " at ",
        (Language::Es, _) => ", ",
    };
    day + between + &time(at.time(), language)
}

/// Cents of US dollars, as both languages write them in the United States.
pub(crate) fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let (dollars, cents) = (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
    let digits = dollars.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}${grouped}.{cents:02}")
}

/// A number of the North American plan as people write it; any other as it came.
pub(crate) fn phone(number: &str) -> String {
    let national =
        number.strip_prefix("+1").filter(|digits| digits.len() == 10 && digits.bytes().all(|b| b.is_ascii_digit()));
    match national {
        Some(digits) => format!("({}) {}-{}", &digits[..3], &digits[3..6], &digits[6..]),
        None => number.to_owned(),
    }
}

#[cfg(test)]
mod tests;
