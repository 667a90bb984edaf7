//! Tests of the tables.

use super::*;

fn check(phase: Phase, code: u16, text: &str, class: FailureClass, named: &str) {
    let found = failure(phase, &Fault::Refused { code, enhanced: EnhancedCode::parse(text) });
    assert_eq!((found.class, found.code.as_str()), (class, named), "{phase:?} {code} {text}");
}

#[test]
fn each_reply_has_its_class() {
    use FailureClass::{ConfigFault, Permanent, Throttled, Transient};
    use Phase::{Connect, Content, Final, Login, Recipient, Sender};
    check(Connect, 421, "4.3.2 busy", Transient, "smtp_421_4_3_2");
    check(Connect, 554, "no service", ConfigFault, "smtp_554");
    check(Login, 535, "5.7.8 bad credentials", ConfigFault, "smtp_535_5_7_8");
    check(Login, 454, "", Transient, "smtp_454");
    check(Sender, 530, "5.7.0 log in first", ConfigFault, "smtp_530_5_7_0");
    check(Sender, 550, "5.7.1 not your address", ConfigFault, "smtp_550_5_7_1");
    check(Sender, 552, "5.3.4 too big", Permanent, "smtp_552_5_3_4");
    check(Sender, 454, "4.7.0 Throttling failure", Throttled, "smtp_454_4_7_0");
    check(Recipient, 450, "mailbox busy", Transient, "smtp_450");
    check(Recipient, 451, "4.7.1 greylisted", Transient, "smtp_451_4_7_1");
    check(Recipient, 450, "4.2.1 too fast", Throttled, "smtp_450_4_2_1");
    check(Recipient, 421, "4.7.28 unusual rate", Throttled, "smtp_421_4_7_28");
    check(Recipient, 452, "4.2.2 full", Transient, "smtp_452_4_2_2");
    check(Recipient, 452, "4.5.3 too many", Transient, "smtp_452_4_5_3");
    check(Recipient, 550, "5.1.1 pat@example.com unknown", Permanent, "smtp_550_5_1_1");
    check(Recipient, 550, "no enhanced code", Permanent, "smtp_550");
    check(Recipient, 556, "5.1.10 null MX", Permanent, "smtp_556_5_1_10");
    check(Recipient, 552, "5.2.2 full", Transient, "smtp_552_5_2_2");
    check(Recipient, 550, "4.1.1 the wrong class", Permanent, "smtp_550");
    check(Content, 554, "5.7.1 policy", Permanent, "smtp_554_5_7_1");
    check(Final, 550, "5.7.26 unauthenticated", ConfigFault, "smtp_550_5_7_26");
    check(Final, 451, "4.3.0 try later", Transient, "smtp_451_4_3_0");
    check(Final, 599, "", Permanent, "smtp_599");
    check(Final, 499, "", Transient, "smtp_499");
}

#[test]
fn del_5_only_the_final_dot_makes_it_unknown() {
    for phase in [Phase::Connect, Phase::Login, Phase::Sender, Phase::Recipient, Phase::Content] {
        for fault in [Fault::Lost, Fault::Protocol] {
            assert_eq!(failure(phase, &fault).class, FailureClass::Transient, "{phase:?}");
        }
        assert_eq!(timed_out(phase).class, FailureClass::Transient, "{phase:?}");
    }
    for fault in [Fault::Lost, Fault::Protocol] {
        assert_eq!(failure(Phase::Final, &fault).class, FailureClass::Unknown);
    }
    assert_eq!(timed_out(Phase::Final), Failure::new(FailureClass::Unknown, "smtp_timeout"));
}

#[test]
fn a_greylist_and_a_rate_ask_to_wait() {
    let after =
        |code, text| failure(Phase::Recipient, &Fault::Refused { code, enhanced: EnhancedCode::parse(text) }).after;
    assert_eq!(after(451, "4.7.1"), Some(GREYLIST_WAIT));
    assert_eq!(after(450, "4.2.1"), Some(RATE_WAIT));
    assert_eq!(after(450, ""), Some(GREYLIST_WAIT));
    assert_eq!(after(451, "4.3.0"), None);
    assert_eq!(after(452, "4.2.2"), None);
    assert_eq!(after(550, "5.1.1"), None);
}
