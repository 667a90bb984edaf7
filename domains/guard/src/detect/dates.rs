//! Birth dates: a date that is called one, or a full date of years ago that nothing calls the date of something else.

use std::ops::Range;
use std::sync::LazyLock;

use jiff::civil::Date;
use regex::{Captures, Regex};

use crate::detect::{Scene, Span, is_after, is_before};
use crate::types::FindingKind;

/// Words that call a date a birth date.
const BIRTH: [&str; 17] = [
    "born",
    "dob",
    "birth",
    "birthdate",
    "birthday",
    "bday",
    "nacimiento",
    "nacido",
    "nacida",
    "nacio",
    "naci",
    "nac",
    "fdn",
    "fnac",
    "nacidos",
    "nacidas",
    "natal",
];
/// The same for a date without a year, which may be that of a party.
const BORN: [&str; 9] = ["born", "dob", "birth", "birthdate", "nacimiento", "nacido", "nacida", "nacio", "nac"];
/// Words between which a date without a year is a deadline.
const DEADLINE: [&str; 6] = ["before", "by", "until", "antes", "hasta", "para"];
/// Words that call a date the date of something else.
const OTHER: [&str; 62] = [
    "appointment",
    "appointments",
    "appt",
    "visit",
    "visits",
    "visited",
    "invoice",
    "statement",
    "since",
    "last",
    "seen",
    "paid",
    "payment",
    "due",
    "dated",
    "expires",
    "expired",
    "effective",
    "updated",
    "version",
    "policy",
    "established",
    "until",
    "valid",
    "service",
    "terms",
    "revised",
    "rev",
    "copyright",
    "law",
    "signed",
    "installed",
    "opened",
    "founded",
    "joined",
    "received",
    "balance",
    "receipt",
    "as",
    "of",
    "starting",
    "started",
    "cita",
    "visita",
    "factura",
    "desde",
    "ultima",
    "ultimo",
    "pago",
    "vence",
    "vencio",
    "vigente",
    "servicio",
    "aviso",
    "actualizado",
    "ley",
    "firmado",
    "fundado",
    "recibo",
    "saldo",
    "estado",
    "hasta",
];
/// How many years a date must lie back to be taken for a birth date without being called one.
const YEARS_BACK: i16 = 2;
const OLDEST_YEAR: i16 = 1900;

const MONTHS: &str = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|\
    nov(?:ember)?|dec(?:ember)?|enero|ene|febrero|marzo|abril|abr|mayo|junio|julio|agosto|ago|septiembre|setiembre|octubre|\
    noviembre|diciembre|dic";

struct Shapes {
    /// `3/9/2014`, `2014-03-09`, `3. 9. 14`.
    numeric: Regex,
    /// `March 3rd, 1984`.
    month_first: Regex,
    /// `3 de marzo de 1984`.
    day_first: Regex,
}

static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    let compile = |pattern: String| Regex::new(&pattern).expect("the pattern is fixed");
    let year = r"(?:,? ?(?:de |del )?((?:19|20)[0-9]{2}))?";
    Shapes {
        numeric: compile(r"(?-u:\b)([0-9]{1,4}) ?([/.-]) ?([0-9]{1,2}) ?([/.-]) ?([0-9]{1,4})(?-u:\b)".to_owned()),
        month_first: compile(format!(r"(?-u:\b)(?:{MONTHS})\.? ([0-9]{{1,2}})(?:st|nd|rd|th)?{year}(?-u:\b)")),
        day_first: compile(format!(
            r"(?-u:\b)([0-9]{{1,2}})(?:st|nd|rd|th)? (?:de |of )?(?:{MONTHS})\.?{year}(?-u:\b)"
        )),
    }
});

/// A date as far as it matters here.
struct Seen {
    folded: Range<usize>,
    year: Year,
}

#[derive(Clone, Copy, PartialEq)]
enum Year {
    Full(i16),
    TwoDigits,
    None,
}

pub(super) fn find(scene: &Scene<'_>, spans: &mut Vec<Span>) {
    let text = scene.folded.text();
    let numeric = SHAPES.numeric.captures_iter(text).filter_map(|found| read_numeric(&found));
    let in_words = [&SHAPES.month_first, &SHAPES.day_first].into_iter().flat_map(|shape| shape.captures_iter(text));
    let in_words = in_words.filter_map(|found| read_in_words(&found));
    let dates = numeric.chain(in_words).filter(|seen| is_birth(scene, seen)).map(|seen| seen.folded);
    spans.extend(dates.chain(in_one_piece(scene)).map(|folded| Span { kind: FindingKind::BirthDate, folded }));
}

fn is_birth(scene: &Scene<'_>, seen: &Seen) -> bool {
    let words = scene.words;
    let (first, end) = (words.from(seen.folded.start), words.from(seen.folded.end));
    let is_called = is_after(words, first, 5, &BIRTH) || is_before(words, end, 3, &BIRTH);
    match seen.year {
        Year::Full(year) if is_called => is_past(scene.today, year),
        Year::Full(year) => {
            let is_other = is_after(words, first, 6, &OTHER) || is_before(words, end, 4, &OTHER);
            year <= scene.today.year() - YEARS_BACK && year >= OLDEST_YEAR && !is_other
        }
        Year::TwoDigits => is_called,
        Year::None => is_after(words, first, 3, &BORN) && !is_after(words, first, 2, &DEADLINE),
    }
}

/// Nobody is born in a year to come; a date of this year may be a visit's.
fn is_past(today: Date, year: i16) -> bool {
    (OLDEST_YEAR..today.year()).contains(&year)
}

fn read_numeric(found: &Captures<'_>) -> Option<Seen> {
    let part = |i: usize| found.get(i).map(|part| part.as_str());
    let (first, second, third) = (part(1)?, part(3)?, part(5)?);
    let number = |text: &str| text.parse::<i16>().ok();
    let (year, month, day) = match (first.len(), third.len()) {
        (4, 1 | 2) => (Year::Full(number(first)?), second, third),
        (1 | 2, 4) => (Year::Full(number(third)?), first, second),
        (1 | 2, 2) => (Year::TwoDigits, first, second),
        _ => return None,
    };
    let is_day = |day: &str, month: &str| matches!((number(day), number(month)), (Some(1..=31), Some(1..=12)));
    let is_date = part(2) == part(4) && (is_day(day, month) || is_day(month, day));
    is_date.then(|| Seen { folded: found.get_match().range(), year })
}

fn read_in_words(found: &Captures<'_>) -> Option<Seen> {
    let day = found.get(1)?.as_str().parse::<u8>().ok();
    let year = found.get(2).and_then(|year| year.as_str().parse().ok()).map_or(Year::None, Year::Full);
    matches!(day, Some(1..=31)).then(|| Seen { folded: found.get_match().range(), year })
}

/// `03041984` right after a word that calls it a birth date.
fn in_one_piece<'scene>(scene: &'scene Scene<'_>) -> impl Iterator<Item = Range<usize>> + 'scene {
    let words = scene.words;
    let is_date = |word: &str| {
        let is_digits = word.bytes().all(|byte| byte.is_ascii_digit());
        let in_part = |range: Range<usize>| word.get(range).and_then(|part| part.parse::<u16>().ok());
        let is_year = |year: Option<u16>| matches!(year, Some(1900..=2100));
        is_digits && word.len() == 8 && (is_year(in_part(0..4)) || is_year(in_part(4..8)))
    };
    let found = words.iter().filter(move |(i, word)| is_date(word) && is_after(words, *i, 3, &BORN));
    found.filter_map(|(i, _)| words.get(i).map(|word| word.folded.clone()))
}
