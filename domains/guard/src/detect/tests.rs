//! Identifiers, one shape after the other.

use super::*;
use crate::types::PracticeIdentity;
use FindingKind::{Address, BirthDate, Card, Email, InsuranceId, Mrn, Phone, Ssn};

#[track_caller]
fn check(text: &str, expected: &[(FindingKind, &str)]) {
    let identity = PracticeIdentity {
        phones: vec!["(202) 555-0100".to_owned()],
        emails: vec!["@own.example".to_owned(), "desk@other.example".to_owned()],
        addresses: vec!["400 Harbor Avenue, Suite #2, Springfield, IL 62701".to_owned()],
        ..PracticeIdentity::default()
    };
    let folded = Folded::of(text);
    let words = Words::of(&folded);
    let allowed = Allowed::of(&identity);
    let today = jiff::civil::date(2026, 11, 22);
    let scene = Scene { folded: &folded, words: &words, allowed: &allowed, today };
    let found: Vec<_> =
        identifiers(&scene).into_iter().map(|span| (span.kind, &text[folded.source(&span.folded)])).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn con_016_social_security_numbers() {
    check("x 123-45-6789 y", &[(Ssn, "123-45-6789")]);
    check("12 123 45 6789 1", &[(Ssn, "123 45 6789")]);
    check("123.45.6789", &[(Ssn, "123.45.6789")]);
    check("000-45-6789, 666-45-6789, 123-00-6789, 123-45-0000", &[]);
    check("900-70-1234 but 900-10-1234", &[(Ssn, "900-70-1234")]);
    check("123-45.6789 123/45/6789", &[]);
    check("social security number: 123456789", &[(Ssn, "123456789")]);
    check("123456789", &[]);
    check("SSN ends in 6789", &[(Ssn, "6789")]);
    check("SSN form 6789", &[]);
}

#[test]
fn con_016_cards_have_an_issuer_and_a_check_digit() {
    check("4111111111111111", &[(Card, "4111111111111111")]);
    check("7 4111 1111 1111 1111 3", &[(Card, "4111 1111 1111 1111")]);
    check("3782-822463-10005", &[(Card, "3782-822463-10005")]);
    check("4111 1111 1111 1112", &[]);
    check("9111111111111111111", &[]);
    check("4111-1111 1111 1111", &[]);
    check("Visa 1111", &[]);
}

#[test]
fn con_016_phones_of_others() {
    check("(202) 555-0164", &[(Phone, "202) 555-0164")]);
    check("+1 202.555.0164", &[(Phone, "1 202.555.0164")]);
    check("+12025550164", &[(Phone, "12025550164")]);
    check("+34 600 555 012", &[(Phone, "34 600 555 012")]);
    check("202-555-0100, +1 (202) 555-0100, call 555-0100", &[]);
    check("call 555-0142", &[(Phone, "555-0142")]);
    check("555-0142", &[]);
    check("800-555-0142", &[]);
    check("Invoice 2025550164", &[]);
    check("2025550164", &[(Phone, "2025550164")]);
    check("x2025550164y 1025550164 2021550164", &[]);
}

#[test]
fn con_016_values_that_their_label_gives_away() {
    check("MRN: AB-77120", &[(Mrn, "AB-77120")]);
    check("Chart #20418", &[(Mrn, "20418")]);
    check("MRN is needed at 9", &[]);
    check("Member ID W2841 77310 was", &[(InsuranceId, "W2841 77310")]);
    check("member id 2025550164", &[(InsuranceId, "2025550164")]);
    check("1EG4-TE5-MK73", &[(InsuranceId, "1EG4-TE5-MK73")]);
    check("1EG4TE5MK7", &[]);
}

#[test]
fn con_016_birth_dates_are_not_visits() {
    check("DOB 04/17/1988", &[(BirthDate, "04/17/1988")]);
    check("04/17/1988 (DOB)", &[(BirthDate, "04/17/1988")]);
    check("born July 2", &[(BirthDate, "July 2")]);
    check("nacida el 3 de marzo de 1984", &[(BirthDate, "3 de marzo de 1984")]);
    check("Ava Stone, 1979-09-22", &[(BirthDate, "1979-09-22")]);
    check("visit 1979-09-22", &[]);
    check("04/17/88", &[]);
    check("Ava Stone, 12/03/2026", &[]);
    check("We need your date of birth before March 3", &[]);
    check("date of birth: 12/03/2026", &[]);
    check("DOB 13/40/1988 99/99/1988", &[]);
    check("dob 03041984", &[(BirthDate, "03041984")]);
}

#[test]
fn con_016_addresses_of_others() {
    check("1127 Maple Street, Apt 4B", &[(Address, "1127 Maple Street")]);
    check("88 W. Willow Ln", &[(Address, "88 W. Willow Ln")]);
    check("1450 5th Avenue", &[(Address, "1450 5th Avenue")]);
    check("at 9 call 214 Elm St.", &[(Address, "214 Elm St")]);
    check("at 9 with Dr. Lee", &[]);
    check("3 Maple Dr. Lee", &[]);
    check("15 minutes on the way", &[]);
    check("9:30 Elm Street entrance", &[]);
    check("12 steps way", &[]);
    check("P.O. Box 5521", &[(Address, "P.O. Box 5521")]);
    check("Dayton, OH 45402", &[(Address, "OH 45402")]);
    check("in 45402 or OH", &[]);
    check("Av. Libertad #88", &[(Address, "Av. Libertad #88")]);
    check("C/ Mayor 5", &[(Address, "C/ Mayor 5")]);
    check("la calle a las 9, plaza nueva 3", &[]);
}

#[test]
fn grd_3_the_practices_own_is_no_finding() {
    check("400 Harbor Ave, Suite 2, Springfield, IL 62701", &[]);
    check("400 Harbor Lane", &[(Address, "400 Harbor Lane")]);
    check("hello@own.example desk@other.example", &[]);
    check("ava@other.example", &[(Email, "ava@other.example")]);
}

#[test]
fn grd_2_one_of_two_that_overlap_stands() {
    check("MRN 123-45-6789", &[(Ssn, "123-45-6789")]);
}
