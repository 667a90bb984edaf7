//! Tests of what the email vendors share.

use super::*;

#[test]
fn words_of_vendors_become_codes() {
    for (word, code) in [
        ("MessageRejected", "message_rejected"),
        ("Bounced Address", "bounced_address"),
        ("OnAccountSuppressionList", "on_account_suppression_list"),
        ("jane@example.com is bad!", "jane_example_com_is_bad"),
        ("  ", ""),
        ("SMTPAPI", "smtpapi"),
    ] {
        assert_eq!(snake(word), code, "{word}");
    }
    assert!(snake(&"x".repeat(5000)).len() <= 96);
}

#[test]
fn enhanced_codes_are_three_numbers() {
    assert_eq!(EnhancedCode::parse("5.1.1 user unknown").map(EnhancedCode::underscored).as_deref(), Some("5_1_1"));
    for text in ["", "5.1", "5.1.1.1", "6.1.1", "5.1111.1", "a.b.c", "550 5.1.1"] {
        assert_eq!(EnhancedCode::parse(text), None, "{text}");
    }
}

#[test]
fn a_window_has_two_ends() {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    for (signed_at, fresh) in [(-3600, true), (-3601, false), (300, true), (301, false)] {
        let signed_at = Timestamp::from_second(1_800_000_000 + signed_at).unwrap();
        assert_eq!(is_fresh(signed_at, now, 3600), fresh);
    }
}
