//! The borders of one and several parts in both alphabets.

use proptest::prelude::*;

use super::*;

fn check(text: &str, encoding: Encoding, units: usize, count_of_parts: usize) {
    assert_eq!(count(text), Segments { encoding, units, count: count_of_parts }, "{} characters", text.chars().count());
}

#[test]
fn borders_of_the_parts() {
    check("", Encoding::Gsm7, 0, 0);
    check(&"a".repeat(160), Encoding::Gsm7, 160, 1);
    check(&"a".repeat(161), Encoding::Gsm7, 161, 2);
    check(&"a".repeat(306), Encoding::Gsm7, 306, 2);
    check(&"a".repeat(307), Encoding::Gsm7, 307, 3);
    check(&"я".repeat(70), Encoding::Ucs2, 70, 1);
    check(&"я".repeat(71), Encoding::Ucs2, 71, 2);
    check(&"я".repeat(135), Encoding::Ucs2, 135, 3);
}

#[test]
fn extension_characters_take_two_and_are_not_split() {
    check(&"€".repeat(80), Encoding::Gsm7, 160, 1);
    check(&"€".repeat(81), Encoding::Gsm7, 162, 2);
    // 152 + an extension character do not fit into 153.
    check(&format!("{}€{}", "a".repeat(152), "a".repeat(152)), Encoding::Gsm7, 306, 3);
}

#[test]
fn one_foreign_character_makes_the_whole_text_ucs_2() {
    check("Cita a las 10 ✓", Encoding::Ucs2, 15, 1);
    check("¿Mañana?", Encoding::Gsm7, 8, 1);
    check(&"😀".repeat(36), Encoding::Ucs2, 72, 2);
}

proptest! {
    #[test]
    fn a_longer_text_never_takes_fewer_parts(text: String, more in "[a-z€я😀]{0,40}") {
        let longer = format!("{text}{more}");
        prop_assert!(count(&longer).count >= count(&text).count);
    }
}
