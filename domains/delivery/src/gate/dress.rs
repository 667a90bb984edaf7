//! What leaves, made ready: the gate judges it as the recipient will see it.

use carepost_consent::policy::SmsIdentification;
use carepost_consent::rules::{names_practice, with_practice_name};
use carepost_kernel::{Content, Verdict};

use super::Rulebook;

/// What is to be known of content as it would leave.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What the guard says of it.
    pub phi: Verdict,
    /// Whether a text message names the practice; none: it is no text message.
    pub is_identified: Option<bool>,
    /// Characters of a text message.
    pub text_chars: Option<u32>,
}

/// Makes content ready for its channel under a policy.
#[must_use]
pub fn dress(mut content: Content, rulebook: &Rulebook) -> (Content, Judged) {
    let policy = rulebook.policy().source();
    if let Content::Sms(sms) = &mut content
        && policy.identification.sms != SmsIdentification::Off
    {
        sms.text = with_practice_name(policy, &sms.text).into_owned();
    }
    let (is_identified, text_chars) = match &content {
        Content::Sms(sms) => {
            let chars = u32::try_from(sms.text.chars().count()).unwrap_or(u32::MAX);
            (Some(names_practice(policy, &sms.text)), Some(chars))
        }
        Content::Email(_) | Content::InApp(_) => (None, None),
    };
    (content, Judged { phi: Verdict::Go, is_identified, text_chars })
}
