//! Numbers stay, bytes come back.

use carepost_kernel::{Verdict, WaitReason};
use proptest::prelude::*;

use super::*;

#[test]
fn con_015_rules_and_codes_keep_their_numbers() {
    for (i, rule) in Rule::ALL.iter().enumerate() {
        assert_eq!(usize::from(rule.as_u8()), i + 1, "{rule:?}");
        assert_eq!(Rule::from_u8(rule.as_u8()), Some(*rule));
    }
    for code in GateCode::ALL {
        assert_eq!(GateCode::from_u8(code.as_u8()), Some(*code));
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
    assert_eq!(GateCode::from_u8(1), None);
    // A few that stand in rows: whoever changes one changes history.
    let fixed = [(GateCode::Go, 0), (GateCode::QuietHours, 3), (GateCode::OptedOut, 67), (GateCode::NoConsent, 74)];
    assert!(fixed.iter().all(|(code, number)| code.as_u8() == *number));
}

#[test]
fn con_015_waits_bear_the_engines_own_numbers_and_names() {
    let until = jiff::Timestamp::UNIX_EPOCH;
    for reason in WaitReason::ALL {
        let code = GateCode::of(&Verdict::Wait { until, reason });
        assert_eq!(code.effect(), Effect::Wait);
        if code != GateCode::Wait {
            assert_eq!((i16::from(code.as_u8()), code.as_str()), (reason.as_i16(), reason.as_str()));
        }
    }
    assert_eq!(GateCode::of(&Verdict::Refuse { code: "expired" }), GateCode::Expired);
    assert_eq!(GateCode::of(&Verdict::OtherChannel { code: "something_new" }), GateCode::Other);
    assert_eq!(GateCode::Other.effect(), Effect::Hold);
}

#[test]
fn con_015_a_go_takes_two_bytes_and_names_each_rule_that_was_asked() {
    let go = Verdict::Go;
    let decision = Decision::of(Rule::ALL.iter().map(|rule| (*rule, &go)));
    assert_eq!(decision.to_bytes().len(), 2);
    assert!(decision.is_go());
    assert_eq!(decision.iter().count(), Rule::ALL.len());
    let held = Verdict::OtherChannel { code: "no_consent" };
    let decision = Decision::of([(Rule::Suppression, &go), (Rule::Consent, &held)]);
    assert_eq!(decision.to_bytes(), [0, 0b1_1000, 5, 74]);
    assert_eq!(decision.code(Rule::Caps), None);
    assert!(!decision.is_go());
}

#[test]
fn bytes_that_are_no_decision_are_refused() {
    assert_eq!(Decision::from_bytes(&[]), Err(DecodeError::Short));
    assert_eq!(Decision::from_bytes(&[0, 0b1_1000, 5]), Err(DecodeError::Short));
    assert_eq!(Decision::from_bytes(&[0x80, 0]), Err(DecodeError::Unknown));
    assert_eq!(Decision::from_bytes(&[0, 0b1_1000, 5, 1]), Err(DecodeError::Unknown));
    assert_eq!(Decision::from_bytes(&[0, 0b1_1000, 9, 74]), Err(DecodeError::Unknown));
}

proptest! {
    #[test]
    fn con_015_a_decision_comes_back_from_its_bytes(
        codes in proptest::collection::vec(proptest::option::of(proptest::sample::select(GateCode::ALL)), Rule::ALL.len()),
    ) {
        let mut decision = Decision::of([]);
        for (rule, code) in Rule::ALL.iter().zip(codes) {
            if let Some(code) = code {
                decision.set(*rule, code);
            }
        }
        prop_assert_eq!(Decision::from_bytes(&decision.to_bytes()), Ok(decision));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(decision) = Decision::from_bytes(&bytes) {
            prop_assert_eq!(Decision::from_bytes(&decision.to_bytes()), Ok(decision));
        }
    }
}
