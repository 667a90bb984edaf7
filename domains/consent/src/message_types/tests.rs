//! The shipped table, and what a practice may do to it.

use carepost_kernel::{Channel, Purpose, Topic};

use super::*;

/// The keys that templates of the library bear.
const KEYS: [&str; 47] = [
    "appointment_confirmation",
    "appointment_reminder",
    "appointment_day_of_reminder",
    "running_late",
    "post_visit_summary",
    "rescheduling_request",
    "treatment_started",
    "elastics_reminder",
    "aligner_change",
    "treatment_milestone",
    "treatment_phase_transition",
    "retainer_reminder",
    "payment_due",
    "payment_overdue",
    "payment_received",
    "insurance_update",
    "statement_ready",
    "payment_plan_milestone",
    "balance_alert",
    "same_day_check_in",
    "next_day_follow_up",
    "care_instructions",
    "medication_reminder",
    "post_op_instructions",
    "satisfaction_survey",
    "halfway_celebration",
    "progress_update",
    "treatment_timeline",
    "retention_phase",
    "braces_anniversary",
    "welcome_series_1",
    "welcome_series_2",
    "welcome_series_3",
    "appointment_preparation",
    "birthday",
    "seasonal_greeting",
    "re_engagement",
    "incomplete_treatment_follow_up",
    "retention_check_up",
    "emergency_instructions",
    "follow_up",
    "form_reminder",
    "lab_item_ready",
    "result_released",
    "visit_status",
    "testimonial_request",
    "secure_message_notice",
];

#[test]
fn tpl_017_cam_016_to_cam_058_every_type_has_its_purpose() {
    let mut keys = KEYS;
    keys.sort_unstable();
    assert!(all().map(|found| found.key.as_str()).eq(keys));
    let named: std::collections::BTreeSet<&str> =
        all().flat_map(|found| found.requirements.iter().map(String::as_str)).collect();
    for number in (16..=58).filter(|number| *number != 54) {
        assert!(named.contains(format!("CAM-0{number}").as_str()), "CAM-0{number}");
    }
    assert!(named.contains("TPL-017"));
}

#[test]
fn c32_c33_flags_are_given_to_few() {
    for found in all() {
        let key = found.key.as_str();
        assert!(!found.channels.is_empty(), "{key}");
        assert_eq!(found.purpose == Purpose::Marketing, found.topic == Topic::Marketing, "{key}");
        let passes = ["running_late", "visit_status", "emergency_instructions"].contains(&key);
        assert_eq!(found.passes_quiet_hours, passes, "{key}");
        assert_eq!(found.passes_caps, passes || key == "appointment_day_of_reminder", "{key}");
        let is_care = matches!(found.topic, Topic::Care | Topic::Treatment | Topic::Appointments | Topic::Financial);
        assert!(!(is_care && found.is_trackable), "{key}");
        // No advertising and no bills on the exemption.
        let may_be_exempt = matches!(found.purpose, Purpose::Transactional | Purpose::Treatment);
        assert!(may_be_exempt || !found.is_exempt_purpose, "{key}");
    }
    assert_eq!(shipped("birthday").map(|found| found.purpose), Some(Purpose::Marketing));
    assert_eq!(
        shipped("appointment_confirmation").map(|found| found.channels.clone()),
        Some(vec![Channel::Email, Channel::Sms])
    );
    assert_eq!(shipped("no_such_type"), None);
}

#[test]
fn c32_a_practice_adjusts_types_but_marketing_passes_nothing() {
    let changed =
        |change: TypeOverride, key: &str| with_overrides(&[(key.to_owned(), change)].into()).remove(key).unwrap();
    let by_email = TypeOverride { channels: Some(vec![Channel::Email]), ..TypeOverride::default() };
    assert_eq!(changed(by_email, "running_late").channels, [Channel::Email]);
    let held = TypeOverride { passes_quiet_hours: Some(false), ..TypeOverride::default() };
    assert!(!changed(held, "running_late").passes_quiet_hours);
    let advertised = TypeOverride { purpose: Some(Purpose::Marketing), ..TypeOverride::default() };
    let found = changed(advertised, "running_late");
    assert!(!found.passes_quiet_hours && !found.passes_caps && !found.is_exempt_purpose);
    let tracked = TypeOverride { is_trackable: Some(true), ..TypeOverride::default() };
    assert!(!changed(tracked, "result_released").is_trackable);
}
