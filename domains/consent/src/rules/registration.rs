//! What carriers and the exemption ask of a sender.

use carepost_kernel::{Channel, Verdict};

use super::{GateCode, GateQuestion, goes_by_exemption};
use crate::policy::Registration;

/// Holds where the channel's sender must be registered and is not.
#[must_use]
pub fn registration(question: &GateQuestion<'_>) -> Verdict {
    let registrations = question.policy.source().registration;
    let state = match question.channel {
        Channel::Sms => registrations.sms,
        Channel::Email => registrations.email,
        Channel::InApp | Channel::Push | Channel::Voice => Registration::NotNeeded,
    };
    let is_missing = state == Registration::Missing && !question.is_emergency();
    if is_missing { GateCode::SenderNotRegistered.other_channel() } else { Verdict::Go }
}

/// Holds a text message that goes on the health-care exemption and is longer than the exemption allows.
#[must_use]
pub fn length(question: &GateQuestion<'_>) -> Verdict {
    let most = question.policy.source().exemption.most_chars;
    let is_long = question.channel == Channel::Sms && question.text_chars.is_some_and(|chars| chars > most);
    if is_long && goes_by_exemption(question) { GateCode::TooLongForExemption.other_channel() } else { Verdict::Go }
}
