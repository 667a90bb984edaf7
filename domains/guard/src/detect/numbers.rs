//! Numbers that show what they are by their shape: social security, payment cards, phones.
//!
//! A text's digits are read as groups with what stands between them. Every run of groups is tried from every group on, so
//! that no other number before it hides one.

use std::ops::Range;

use crate::detect::{Scene, Span, is_after};
use crate::types::FindingKind;

/// Words before a long number that make it something else than a phone.
const NO_PHONE: [&str; 26] = [
    "invoice",
    "order",
    "ref",
    "reference",
    "confirmation",
    "receipt",
    "case",
    "ticket",
    "account",
    "acct",
    "claim",
    "tracking",
    "transaction",
    "code",
    "check",
    "factura",
    "pedido",
    "referencia",
    "confirmacion",
    "recibo",
    "caso",
    "cuenta",
    "reclamo",
    "codigo",
    "guia",
    "orden",
];
/// Words before seven digits that make them a phone.
const PHONE_WORDS: [&str; 19] = [
    "call", "calling", "called", "text", "phone", "tel", "cell", "mobile", "dial", "reach", "fax", "contact", "llame",
    "llamar", "telefono", "celular", "movil", "marque", "at",
];
/// Area codes that are free of charge for the caller: nobody's own phone.
const TOLL_FREE: [&str; 7] = ["800", "833", "844", "855", "866", "877", "888"];

pub(super) fn find(scene: &Scene<'_>, spans: &mut Vec<Span>) {
    let groups = Groups::of(scene.folded.text());
    for i in 0..groups.ranges.len() {
        if let Some(folded) = groups.ssn(i) {
            spans.push(Span { kind: FindingKind::Ssn, folded });
        }
        if let Some(folded) = groups.card(i) {
            spans.push(Span { kind: FindingKind::Card, folded });
        }
    }
    let mut i = 0;
    while i < groups.ranges.len() {
        match groups.phone(i, scene) {
            Some(phone) => {
                let national = phone.digits.trim_start_matches('1');
                let is_toll_free = national.len() == 10 && TOLL_FREE.iter().any(|area| national.starts_with(area));
                if !is_toll_free && !scene.allowed.has_phone(&phone.digits) {
                    spans.push(Span { kind: FindingKind::Phone, folded: phone.folded });
                }
                i += phone.count;
            }
            None => i += 1,
        }
    }
}

struct Phone {
    folded: Range<usize>,
    digits: String,
    /// How many groups it takes.
    count: usize,
}

struct Groups<'text> {
    text: &'text str,
    ranges: Vec<Range<usize>>,
}

impl<'text> Groups<'text> {
    fn of(text: &'text str) -> Self {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for (at, _) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
            match ranges.last_mut() {
                Some(last) if last.end == at => last.end = at + 1,
                _ => ranges.push(at..at + 1),
            }
        }
        Self { text, ranges }
    }

    fn digits(&self, i: usize) -> &'text str {
        self.ranges.get(i).and_then(|range| self.text.get(range.clone())).unwrap_or_default()
    }

    fn lengths<const COUNT: usize>(&self, i: usize) -> [usize; COUNT] {
        std::array::from_fn(|offset| self.digits(i + offset).len())
    }

    /// What stands between a group and the next one; nothing after the last one.
    fn separator(&self, i: usize) -> Option<&'text str> {
        self.text.get(self.ranges.get(i)?.end..self.ranges.get(i + 1)?.start)
    }

    fn range(&self, first: usize, last: usize) -> Option<Range<usize>> {
        Some(self.ranges.get(first)?.start..self.ranges.get(last)?.end)
    }

    /// The one sign between a group and the next one: ` `, `-` or `.`; spaces around a hyphen do not matter.
    fn joint(&self, i: usize) -> Option<&'text str> {
        let separator = self.separator(i).filter(|separator| separator.len() <= 3)?;
        match separator.trim_matches(' ') {
            "" => Some(" "),
            "-" => Some("-"),
            "." if separator == "." => Some("."),
            _ => None,
        }
    }

    fn ssn(&self, i: usize) -> Option<Range<usize>> {
        let is_shaped = self.lengths(i) == [3, 2, 4] && self.joint(i).is_some() && self.joint(i) == self.joint(i + 1);
        let is_issued = is_ssn(&[self.digits(i), self.digits(i + 1), self.digits(i + 2)].concat());
        if is_shaped && is_issued { self.range(i, i + 2) } else { None }
    }

    /// A card's number from this group on: in one piece, in fours, or as American Express and Diners print it.
    fn card(&self, i: usize) -> Option<Range<usize>> {
        let mut digits = self.digits(i).to_owned();
        if (13..=19).contains(&digits.len()) {
            return if is_card(&digits) { self.range(i, i) } else { None };
        }
        if digits.len() != 4 {
            return None;
        }
        let is_in_three = matches!(self.lengths(i), [4, 6, 4 | 5]);
        let joint = self.joint(i)?;
        for next in i + 1..i + 5 {
            if self.joint(next - 1) != Some(joint) {
                return None;
            }
            let part = self.digits(next);
            digits.push_str(part);
            let is_whole = if is_in_three { next == i + 2 } else { digits.len() >= 13 };
            if is_whole && is_card(&digits) {
                return self.range(i, next);
            }
            if part.len() != 4 && !is_in_three {
                return None;
            }
        }
        None
    }

    fn phone(&self, i: usize, scene: &Scene<'_>) -> Option<Phone> {
        let is_one = self.digits(i) == "1" && self.is_phone_joint(i);
        let national = if is_one { self.national(i + 1, scene) } else { self.national(i, scene) };
        if let Some(last) = national {
            return self.taken(i, last);
        }
        self.foreign(i).or_else(|| self.local(i, scene))
    }

    /// Ten digits of the North American plan from this group on; the last group.
    fn national(&self, i: usize, scene: &Scene<'_>) -> Option<usize> {
        let (last, digits) = match self.lengths(i) {
            [3, 3, 4] if self.is_phone_joint(i) && self.is_phone_joint(i + 1) => {
                (i + 2, [self.digits(i), self.digits(i + 1), self.digits(i + 2)].concat())
            }
            [3, 7, _] if self.separator(i).is_some_and(|it| it.contains([')', '-'])) && self.is_phone_joint(i) => {
                (i + 1, [self.digits(i), self.digits(i + 1)].concat())
            }
            [6, 4, _] if self.joint(i) == Some("-") => (i + 1, [self.digits(i), self.digits(i + 1)].concat()),
            [10, _, _] => (i, self.digits(i).to_owned()),
            [11, _, _] => (i, self.digits(i).strip_prefix('1')?.to_owned()),
            _ => return None,
        };
        let is_bare = last == i;
        if is_bare && (self.is_part_of_a_word(i) || is_after(scene.words, self.word(i, scene), 3, &NO_PHONE)) {
            return None;
        }
        is_nanp(&digits).then_some(last)
    }

    /// A number with `+` and another country's code: 8 to 15 digits (E.164).
    fn foreign(&self, i: usize) -> Option<Phone> {
        let start = self.ranges.get(i)?.start;
        if !self.text.get(..start)?.ends_with('+') {
            return None;
        }
        let mut count = self.digits(i).len();
        let mut last = i;
        while self.is_phone_joint(last) && self.digits(last + 1).len() >= 2 && count + self.digits(last + 1).len() <= 15
        {
            last += 1;
            count += self.digits(last).len();
        }
        if (8..=15).contains(&count) { self.taken(i, last) } else { None }
    }

    /// Seven digits, which are a phone only after a word that says so.
    fn local(&self, i: usize, scene: &Scene<'_>) -> Option<Phone> {
        let is_shaped = self.lengths(i) == [3, 4] && matches!(self.separator(i), Some("-" | "."));
        let is_exchange = self.digits(i).starts_with(|digit| digit >= '2');
        let is_labelled = is_after(scene.words, self.word(i, scene), 3, &PHONE_WORDS);
        if is_shaped && is_exchange && is_labelled { self.taken(i, i + 1) } else { None }
    }

    fn taken(&self, first: usize, last: usize) -> Option<Phone> {
        let digits = (first..=last).map(|i| self.digits(i)).collect();
        Some(Phone { folded: self.range(first, last)?, digits, count: last - first + 1 })
    }

    fn is_phone_joint(&self, i: usize) -> bool {
        let is_sign = |sign: char| matches!(sign, ' ' | '-' | '.' | '(' | ')' | '/');
        self.separator(i).is_some_and(|it| it.len() <= 3 && it != ". " && it.chars().all(is_sign))
    }

    fn is_part_of_a_word(&self, i: usize) -> bool {
        let Some(range) = self.ranges.get(i) else { return false };
        let before = self.text.get(..range.start).and_then(|text| text.chars().next_back());
        let after = self.text.get(range.end..).and_then(|text| text.chars().next());
        [before, after].into_iter().flatten().any(|beside| beside.is_alphabetic() || matches!(beside, '_' | '$'))
    }

    fn word(&self, i: usize, scene: &Scene<'_>) -> usize {
        self.ranges.get(i).map_or(0, |range| scene.words.from(range.start))
    }
}

/// Nine digits that the Social Security Administration may have issued, or the Internal Revenue Service (ITIN).
pub(super) fn is_ssn(digits: &str) -> bool {
    let (Some(area), Some(group), Some(serial)) = (digits.get(..3), digits.get(3..5), digits.get(5..)) else {
        return false;
    };
    let is_taxpayer = area.starts_with('9');
    let is_taxpayer_group = matches!(group.parse(), Ok(50..=65 | 70..=88 | 90..=92 | 94..=99));
    let is_area = !matches!(area, "000" | "666") && (!is_taxpayer || is_taxpayer_group);
    digits.len() == 9 && is_area && group != "00" && serial != "0000"
}

/// Ten digits whose area code and exchange can be dialled (North American Numbering Plan).
fn is_nanp(digits: &str) -> bool {
    let starts = |at: usize| digits.as_bytes().get(at).is_some_and(|digit| (b'2'..=b'9').contains(digit));
    digits.len() == 10 && starts(0) && starts(3)
}

/// A card's number: length and first digits of an issuer, and Luhn's check digit.
fn is_card(digits: &str) -> bool {
    let first = |count: usize| digits.get(..count).and_then(|first| first.parse::<u32>().ok()).unwrap_or_default();
    let is_issued = match digits.len() {
        13 => first(1) == 4,
        14 => matches!(first(3), 300..=305) || matches!(first(2), 36 | 38 | 39),
        15 => matches!(first(2), 34 | 37),
        16 => {
            matches!(first(1), 4)
                || matches!(first(2), 51..=55 | 62 | 64 | 65)
                || matches!(first(4), 2221..=2720 | 3528..=3589 | 6011)
        }
        17..=19 => matches!(first(1), 4) || matches!(first(2), 62 | 64 | 65) || matches!(first(4), 3528..=3589 | 6011),
        _ => false,
    };
    is_issued && is_luhn(digits)
}

fn is_luhn(digits: &str) -> bool {
    let value = |(i, digit): (usize, u8)| match u32::from(digit - b'0') * (1 + u32::try_from(i % 2).unwrap_or(0)) {
        two if two > 9 => two - 9,
        one => one,
    };
    digits.bytes().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}
