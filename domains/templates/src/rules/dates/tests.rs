//! Dates as readers expect them, checked by hand against a calendar.

use jiff::civil::{date as day, time as clock};

use super::*;
use carepost_kernel::segments::{Encoding, count};

#[test]
fn dates_are_written_in_both_languages_and_forms() {
    for (year, month, number, language, form, text) in [
        (2026, 12, 3, Language::En, Form::Short, "Thu, Dec 3"),
        (2026, 12, 3, Language::En, Form::Long, "Thursday, December 3, 2026"),
        (2026, 12, 3, Language::Es, Form::Short, "jue 3 dic"),
        (2026, 12, 3, Language::Es, Form::Long, "jueves 3 de diciembre de 2026"),
        (2027, 1, 2, Language::Es, Form::Short, "sab 2 ene"),
        (2027, 1, 2, Language::Es, Form::Long, "sábado 2 de enero de 2027"),
        (2028, 2, 29, Language::En, Form::Short, "Tue, Feb 29"),
    ] {
        assert_eq!(date(day(year, month, number), language, form), text);
    }
}

#[test]
fn times_have_twelve_hours_in_english_and_twenty_four_in_spanish() {
    for (hour, minute, english, spanish) in [
        (0, 5, "12:05 AM", "00:05"),
        (9, 30, "9:30 AM", "09:30"),
        (12, 0, "12:00 PM", "12:00"),
        (23, 59, "11:59 PM", "23:59"),
    ] {
        let at = clock(hour, minute, 0, 0);
        assert_eq!((time(at, Language::En).as_str(), time(at, Language::Es).as_str()), (english, spanish));
    }
    let at = day(2026, 12, 3).at(14, 30, 0, 0);
    assert_eq!(datetime(at, Language::En, Form::Short), "Thu, Dec 3 at 2:30 PM");
    assert_eq!(datetime(at, Language::Es, Form::Short), "jue 3 dic, 14:30");
}

#[test]
fn short_forms_stay_within_gsm_7() {
    let mut at = day(2026, 1, 1).at(14, 30, 0, 0);
    for _ in 0..366 {
        for language in Language::ALL {
            let text = datetime(at, *language, Form::Short);
            assert_eq!(count(&text).encoding, Encoding::Gsm7, "{text}");
        }
        at = at.tomorrow().unwrap();
    }
}

#[test]
fn money_and_phones_are_written_as_people_write_them() {
    for (cents, text) in [
        (0, "$0.00"),
        (5, "$0.05"),
        (12_345, "$123.45"),
        (123_456_789, "$1,234,567.89"),
        (-150, "-$1.50"),
        (100_000, "$1,000.00"),
    ] {
        assert_eq!(money(cents), text);
    }
    assert_eq!(money(i64::MIN), "-$92,233,720,368,547,758.08");
    assert_eq!(phone("+15005550123"), "(500) 555-0123");
    assert_eq!(phone("+525555555555"), "+525555555555");
}
