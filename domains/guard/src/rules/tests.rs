//! What follows from findings, and what leaves instead.

use proptest::prelude::*;

use carepost_kernel::Language;
use carepost_kernel::segments::{self, Encoding};

use super::*;
use crate::types::{Finding, FindingKind};

fn findings() -> Findings {
    Findings::new(vec![Finding { kind: FindingKind::Drug, range: 3..7 }])
}

#[test]
fn con_016_what_was_found_is_blocked_or_replaced() {
    let kinds = [FindingKind::Drug].into();
    assert_eq!(judge(&findings(), PhiHandling::Block), GuardVerdict::Block { kinds });
    let kinds = [FindingKind::Drug].into();
    assert_eq!(judge(&findings(), PhiHandling::Replace), GuardVerdict::Replace { kinds });
    assert_eq!(judge(&findings(), PhiHandling::Off), GuardVerdict::Pass);
    for action in PhiHandling::ALL {
        assert_eq!(judge(&Findings::default(), action), GuardVerdict::Pass);
    }
}

#[test]
fn grd_2_what_cannot_be_judged_does_not_pass() {
    let too_long = Findings::default().and(Findings::too_long());
    assert_eq!(judge(&too_long, PhiHandling::Block), GuardVerdict::Block { kinds: [].into() });
    assert_eq!(refusal_code(&too_long), PHI_TOO_LONG);
    assert_eq!(refusal_code(&findings()), PHI_FOUND);
}

#[test]
fn con_016_who_was_told_and_wants_it_gets_the_text_itself() {
    for channel in Channel::ALL {
        for wanted in PhiHandling::ALL {
            assert_eq!(action_for(wanted, channel, true), PhiHandling::Off, "{channel:?} {wanted:?}");
            let is_inside = channel == Channel::InApp;
            assert_eq!(action_for(wanted, channel, false), if is_inside { PhiHandling::Off } else { wanted });
        }
    }
}

#[test]
fn names_are_read_as_they_are_written() {
    for action in PhiHandling::ALL {
        assert_eq!(action.as_str().parse(), Ok(action));
    }
    for kind in FindingKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
    assert_eq!(Language::of_tag("es-PR"), Language::Es);
    assert_eq!((Language::of_tag("fr"), Language::of_tag("é")), (Language::En, Language::En));
}

#[test]
fn grd_6_the_replacement_says_who_and_where() {
    let text = |language, name| replacement(language, name, "https://go.example/l/x7Kq2Zp").text;
    assert_eq!(
        text(Language::En, "Lakeview  Dental\nGroup"),
        "You have a secure message from Lakeview Dental Group: https://go.example/l/x7Kq2Zp"
    );
    assert_eq!(
        text(Language::Es, "Clínica Niño 牙 García"),
        "Tiene un mensaje seguro de Clinica Niño  Garcia: https://go.example/l/x7Kq2Zp"
    );
    assert_eq!(replacement(Language::Es, "Clínica García", "x").subject, "Tiene un mensaje seguro de Clínica García");
    assert_eq!(format!("{:?}", replacement(Language::En, "canary", "canary")), "Replacement");
}

proptest! {
    #[test]
    fn grd_6_the_replacement_fits_one_text_message(name in ".{0,200}", link in "https://[a-z]{1,20}\\.example/l/[A-Za-z0-9]{1,60}") {
        for language in Language::ALL {
            let replacement = replacement(language, &name, &link);
            let segments = segments::count(&replacement.text);
            prop_assert_eq!((segments.encoding, segments.count), (Encoding::Gsm7, 1));
            prop_assert!(replacement.text.ends_with(&link));
        }
    }
}
