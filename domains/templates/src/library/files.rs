//! The files of the library, with why each may be sent and what its reader would call it (decision C32).

use carepost_kernel::{Purpose, Topic};

/// A file of the library.
pub(crate) struct File {
    /// The key of its type of message, which is the name of the file.
    pub(crate) key: &'static str,
    /// Why the law lets it be sent.
    pub(crate) purpose: Purpose,
    /// What its reader would call it.
    pub(crate) topic: Topic,
    /// What is in it.
    pub(crate) text: &'static str,
}

macro_rules! files {
    ($($key:literal, $purpose:ident, $topic:ident;)+) => {
        /// All of them, by key. A test compares the list with the folder.
        pub(crate) const FILES: &[File] = &[$(File {
            key: $key,
            purpose: Purpose::$purpose,
            topic: Topic::$topic,
            text: include_str!(concat!("../../library/", $key, ".toml")),
        }),+];
    };
}

files! {
    "aligner_change", Treatment, Treatment;
    "appointment_confirmation", Transactional, Appointments;
    "appointment_day_of_reminder", Transactional, Appointments;
    "appointment_preparation", Treatment, Care;
    "appointment_reminder", Transactional, Appointments;
    "balance_alert", Financial, Financial;
    "birthday", Marketing, Marketing;
    "braces_anniversary", Marketing, Marketing;
    "care_instructions", Treatment, Care;
    "elastics_reminder", Treatment, Treatment;
    "emergency_instructions", Emergency, Care;
    "follow_up", Transactional, Appointments;
    "form_reminder", Transactional, Account;
    "halfway_celebration", Treatment, Treatment;
    "incomplete_treatment_follow_up", Treatment, Treatment;
    "insurance_update", Financial, Financial;
    "lab_item_ready", Transactional, Treatment;
    "medication_reminder", Treatment, Care;
    "next_day_follow_up", Treatment, Care;
    "payment_due", Financial, Financial;
    "payment_overdue", Financial, Financial;
    "payment_plan_milestone", Financial, Financial;
    "payment_received", Financial, Financial;
    "post_op_instructions", Treatment, Care;
    "post_visit_summary", Treatment, Care;
    "progress_update", Treatment, Treatment;
    "re_engagement", Marketing, Marketing;
    "rescheduling_request", Transactional, Appointments;
    "result_released", Treatment, Care;
    "retainer_reminder", Treatment, Treatment;
    "retention_check_up", Treatment, Appointments;
    "retention_phase", Treatment, Treatment;
    "running_late", Transactional, Appointments;
    "same_day_check_in", Treatment, Care;
    "satisfaction_survey", Transactional, Surveys;
    "seasonal_greeting", Marketing, Marketing;
    "secure_message_notice", Transactional, Account;
    "statement_ready", Financial, Financial;
    "testimonial_request", Marketing, Marketing;
    "treatment_milestone", Treatment, Treatment;
    "treatment_phase_transition", Treatment, Treatment;
    "treatment_started", Treatment, Treatment;
    "treatment_timeline", Treatment, Treatment;
    "visit_status", Transactional, Appointments;
    "welcome_series_1", Transactional, Account;
    "welcome_series_2", Transactional, Account;
    "welcome_series_3", Transactional, Account;
}
