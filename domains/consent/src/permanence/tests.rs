//! Every code that our providers write has its meaning for the address, and most of them have none.

use proptest::prelude::*;

use FailureClass::{ConfigFault, Permanent, Suppressed, Throttled, Transient};
use ReceiptStatus::{Bounced, Complained, Undelivered, Unsubscribed};

use super::*;

/// The codes of `providers` by class, with what they mean for the address.
#[rustfmt::skip]
const CODES: &[(FailureClass, &[&str], Option<Suppression>)] = &[
    // Twilio.
    (Suppressed, &["twilio_21610", "twilio_30004", "twilio_63014"], BLOCK),
    (Permanent, &["twilio_21211", "twilio_21217", "twilio_21265", "twilio_21268", "twilio_21614", "twilio_21635"], WRONG_NUMBER),
    (Permanent, &["twilio_30005", "twilio_30006"], WRONG_NUMBER),
    (Permanent, &["twilio_30003"], RESTS),
    (Permanent, &["twilio_21214", "twilio_21266", "twilio_21604", "twilio_21612", "twilio_30011", "twilio_canceled", "twilio_not_sms"], None),
    (Permanent, &["twilio_21602", "twilio_21617", "twilio_21618", "twilio_21620", "twilio_21623", "twilio_21652", "twilio_21658"], None),
    (Permanent, &["twilio_30007", "twilio_30009", "twilio_30019"], None),
    (Transient, &["twilio_20500", "twilio_20503", "twilio_20409", "twilio_20162", "twilio_30001", "twilio_30008", "twilio_30017", "twilio_30020", "twilio_30021", "twilio_undelivered"], None),
    (Throttled, &["twilio_20429", "twilio_21611", "twilio_14107", "twilio_30022", "twilio_30023", "twilio_30027"], None),
    (ConfigFault, &["twilio_20003", "twilio_20404", "twilio_21212", "twilio_21408", "twilio_21606", "twilio_21608", "twilio_21659", "twilio_21700", "twilio_30002", "twilio_30018", "twilio_30024", "twilio_30034"], None),
    // Vonage, Messages API.
    (Suppressed, &["vonage_messages_1050", "vonage_messages_1240"], BLOCK),
    (Permanent, &["vonage_messages_1280"], BLOCK),
    (Permanent, &["vonage_messages_1190"], WRONG_NUMBER),
    (Permanent, &["vonage_messages_1260", "vonage_messages_1290"], RESTS),
    (Permanent, &["vonage_messages_1010", "vonage_messages_1020", "vonage_messages_1021", "vonage_messages_1022", "vonage_messages_1040", "vonage_messages_1090", "vonage_messages_1130", "vonage_messages_1150", "vonage_messages_1170", "vonage_messages_1210", "vonage_messages_1270", "vonage_messages_1300", "vonage_messages_1310", "vonage_messages_1340", "vonage_messages_1360", "vonage_messages_rejected"], None),
    (Transient, &["vonage_messages_1030", "vonage_messages_1100", "vonage_messages_1180", "vonage_messages_1220", "vonage_messages_1230", "vonage_messages_1330", "vonage_messages_undeliverable"], None),
    (Throttled, &["vonage_messages_1000"], None),
    (ConfigFault, &["vonage_messages_1060", "vonage_messages_1070", "vonage_messages_1080", "vonage_messages_1110", "vonage_messages_1120", "vonage_messages_1140", "vonage_messages_1160", "vonage_messages_1250"], None),
    // Vonage, SMS API: of the send, then of the receipt.
    (Suppressed, &["vonage_sms_7"], BLOCK),
    (Permanent, &["vonage_sms_33"], WRONG_NUMBER),
    (Permanent, &["vonage_sms_2", "vonage_sms_3", "vonage_sms_6", "vonage_sms_12", "vonage_sms_22", "vonage_sms_23", "vonage_sms_expired"], None),
    (Transient, &["vonage_sms_5", "vonage_sms_undelivered"], None),
    (Throttled, &["vonage_sms_1", "vonage_sms_10"], None),
    (ConfigFault, &["vonage_sms_4", "vonage_sms_8", "vonage_sms_9", "vonage_sms_11", "vonage_sms_14", "vonage_sms_15", "vonage_sms_29", "vonage_sms_32"], None),
    (Suppressed, &["vonage_sms_dlr_4", "vonage_sms_dlr_9"], BLOCK),
    (Permanent, &["vonage_sms_dlr_14"], BLOCK),
    (Permanent, &["vonage_sms_dlr_3"], WRONG_NUMBER),
    (Permanent, &["vonage_sms_dlr_12", "vonage_sms_dlr_15"], RESTS),
    (Permanent, &["vonage_sms_dlr_5", "vonage_sms_dlr_6", "vonage_sms_dlr_10", "vonage_sms_dlr_13"], None),
    (Transient, &["vonage_sms_dlr_1", "vonage_sms_dlr_2", "vonage_sms_dlr_7", "vonage_sms_dlr_8", "vonage_sms_dlr_54", "vonage_sms_dlr_99"], None),
    (ConfigFault, &["vonage_sms_dlr_11", "vonage_sms_dlr_50", "vonage_sms_dlr_53"], None),
    // SendGrid.
    (Suppressed, &["sendgrid_dropped_bounced_address", "sendgrid_dropped_invalid"], HARD),
    (Suppressed, &["sendgrid_dropped_spam_reporting_address"], COMPLAINT),
    (Suppressed, &["sendgrid_dropped_unsubscribed_address", "sendgrid_dropped_group_unsubscribe"], BLOCK),
    (Transient, &["sendgrid_blocked", "sendgrid_blocked_5_7_1", "sendgrid_blocked_4_2_1", "sendgrid_dropped_mail_was_blocked"], RESTS),
    (Permanent, &["sendgrid_dropped", "sendgrid_dropped_invalid_smtpapi_header", "sendgrid_dropped_spam_content", "sendgrid_400", "sendgrid_413", "sendgrid_415"], None),
    (Transient, &["sendgrid_408", "sendgrid_500", "sendgrid_503"], None),
    (ConfigFault, &["sendgrid_400_from", "sendgrid_401", "sendgrid_403", "sendgrid_dropped_recipient_list_over_package_quota"], None),
    (Throttled, &["sendgrid_429"], None),
    // SES.
    (Suppressed, &["ses_bounce_permanent_suppressed", "ses_bounce_permanent_on_account_suppression_list"], HARD),
    (Suppressed, &["ses_complaint_on_account_suppression_list"], COMPLAINT),
    (Transient, &["ses_bounce_transient_mailbox_full"], RESTS),
    (Transient, &["ses_bounce_transient_general", "ses_bounce_undetermined_undetermined", "ses_internal_service_error", "ses_service_unavailable", "ses_500"], None),
    (Permanent, &["ses_bounce_transient_message_too_large", "ses_bounce_transient_content_rejected", "ses_bounce_transient_attachment_rejected", "ses_reject", "ses_rendering_failure", "ses_message_rejected", "ses_bad_request"], None),
    (ConfigFault, &["ses_identity_not_verified", "ses_account_suspended", "ses_sending_paused", "ses_not_found"], None),
    (Throttled, &["ses_too_many_requests", "ses_daily_quota"], None),
    // SMTP: of the dialogue, then of a notice.
    (Permanent, &["smtp_550_5_1_1", "smtp_550_5_1_2", "smtp_553_5_1_3", "smtp_551_5_1_6", "smtp_556_5_1_10", "smtp_550_5_2_1", "smtp_556"], HARD),
    (Transient, &["smtp_552_5_2_2", "smtp_failed_5_2_2", "smtp_failed_4_2_2"], RESTS),
    (Permanent, &["smtp_550", "smtp_551", "smtp_553"], RESTS),
    (Permanent, &["smtp_552", "smtp_554", "smtp_554_5_7_1", "smtp_552_5_3_4", "smtp_550_5_4_1", "smtp_too_large", "smtp_failed_5_7_1", "smtp_failed_5_3_4"], None),
    (Transient, &["smtp_421", "smtp_450_4_2_0", "smtp_451_4_7_1", "smtp_452_4_2_2", "smtp_failed_4_4_7", "smtp_connect", "smtp_timeout_early"], None),
    (ConfigFault, &["smtp_550_5_1_8", "smtp_550_5_1_7", "smtp_535_5_7_8", "smtp_certificate", "smtp_530"], None),
    (Throttled, &["smtp_421_4_7_28", "smtp_450_4_2_1"], None),
    // Others.
    (Permanent, &["undelivered", "in_app_refused", "", "twilio_", "unheard_of_1"], None),
];

#[test]
fn con_008_every_known_code_has_its_meaning_for_the_address() {
    let mut count = 0;
    for (class, codes, expected) in CODES {
        for code in *codes {
            let failure = Failure::new(*class, *code);
            for status in [None, Some(Undelivered)] {
                assert_eq!(suppression_of(status, Some(&failure)), *expected, "{code} {status:?}");
            }
            count += 1;
        }
    }
    assert!(count > 150, "{count}");
}

#[test]
fn con_008_bounces_and_complaints_are_for_good_whatever_their_code() {
    let codes = ["sendgrid_bounce_5_1_1", "ses_bounce_permanent_general", "smtp_failed_5_1_1", "unheard_of"];
    for code in codes {
        let failure = Failure::new(Permanent, code);
        assert_eq!(suppression_of(Some(Bounced), Some(&failure)), HARD, "{code}");
    }
    for code in ["sendgrid_spamreport", "ses_complaint_abuse", "smtp_feedback_abuse"] {
        let failure = Failure::new(Suppressed, code);
        assert_eq!(suppression_of(Some(Complained), Some(&failure)), COMPLAINT, "{code}");
    }
    for code in ["sendgrid_unsubscribe", "sendgrid_group_unsubscribe", "ses_subscription", "smtp_feedback_opt_out"] {
        let failure = Failure::new(Suppressed, code);
        assert_eq!(suppression_of(Some(Unsubscribed), Some(&failure)), OPTED_OUT, "{code}");
    }
    assert_eq!(suppression_of(Some(Bounced), None), HARD);
}

#[test]
fn con_008_sendgrids_blocked_is_over_in_a_day() {
    let failure = Failure::new(Transient, "sendgrid_blocked_5_7_1");
    let rest = suppression_of(Some(Undelivered), Some(&failure)).unwrap();
    assert_eq!(rest, (SuppressionReason::SoftBounce, Some(Duration::from_secs(86_400))));
}

#[test]
fn good_news_condemns_nobody() {
    let failure = Failure::new(Suppressed, "twilio_21610");
    let is_bad = |status: &ReceiptStatus| matches!(status, Bounced | Complained | Unsubscribed | Undelivered);
    for status in ReceiptStatus::ALL.into_iter().filter(|status| !is_bad(status)) {
        assert_eq!(suppression_of(Some(status), Some(&failure)), None, "{status:?}");
    }
    assert_eq!(suppression_of(Some(Undelivered), None), None);
    assert!(lifts(ReceiptStatus::Resubscribed) && !lifts(Unsubscribed));
}

proptest! {
    #[test]
    fn no_code_makes_it_panic(code in "\\PC{0,120}", class in 0..FailureClass::ALL.len()) {
        let _ = suppression_of(Some(Undelivered), Some(&Failure::new(FailureClass::ALL[class], code)));
    }

    /// Faults of ours or of the lane are no facts about the recipient.
    #[test]
    fn faults_of_ours_suppress_nobody(place in 0..CODES.len()) {
        let (_, codes, _) = CODES[place];
        for class in [Throttled, ConfigFault, FailureClass::Unknown] {
            for code in codes {
                prop_assert_eq!(suppression_of(None, Some(&Failure::new(class, *code))), None);
            }
        }
    }
}
