//! A message says who is speaking (CON-014).

use std::borrow::Cow;

use carepost_kernel::{Channel, Language, Verdict};

use super::{GateCode, GateQuestion};
use crate::policy::{GatePolicy, SmsIdentification};
use crate::types::PastSend;

/// Refuses a text message without the practice's name, and an email where the practice has no address for the footer.
/// Advertising by email must show a postal address whatever the practice has set (15 U.S.C. 7704(a)(5)(A)(iii), read
/// 2026-11).
#[must_use]
pub fn identification(question: &GateQuestion<'_>) -> Verdict {
    let source = question.policy.source();
    let is_silent = match question.channel {
        Channel::Sms => question.is_identified == Some(false) && is_name_needed(question),
        Channel::Email => {
            let is_address_needed = source.identification.email_footer || question.is_marketing();
            is_address_needed && source.practice.postal_address.trim().is_empty()
        }
        Channel::InApp | Channel::Push | Channel::Voice => false,
    };
    if is_silent && !question.is_emergency() { GateCode::SenderNotIdentified.refuse() } else { Verdict::Go }
}

fn is_name_needed(question: &GateQuestion<'_>) -> bool {
    match question.policy.source().identification.sms {
        SmsIdentification::Off => false,
        // The exemption asks for the name each time.
        SmsIdentification::First => {
            let is_earlier = |send: &PastSend| send.is_here && send.message_id != question.message_id;
            !question.facts.sends.iter().any(is_earlier) || super::goes_by_exemption(question)
        }
        SmsIdentification::Every => true,
    }
}

/// Whether a text names the practice near its beginning, in whatever case.
#[must_use]
pub fn names_practice(policy: &GatePolicy, text: &str) -> bool {
    let name = policy.practice.name.trim();
    let text = text.trim_start();
    // A greeting may stand before it.
    let is_at = |at: usize| starts_with(text.get(at..).unwrap_or_default(), name);
    !name.is_empty() && text.char_indices().take(GREETING_CHARS).any(|(at, _)| is_at(at))
}

const GREETING_CHARS: usize = 40;

fn starts_with(text: &str, name: &str) -> bool {
    let mut characters = text.chars().flat_map(char::to_lowercase);
    name.chars().flat_map(char::to_lowercase).all(|wanted| characters.next() == Some(wanted))
}

/// The text with the practice's name before it, where it does not name it yet.
#[must_use]
pub fn with_practice_name<'a>(policy: &GatePolicy, text: &'a str) -> Cow<'a, str> {
    let name = policy.practice.name.trim();
    if name.is_empty() || names_practice(policy, text) { text.into() } else { format!("{name}: {text}").into() }
}

/// A text of advertising with the way out in it, where it does not name one yet (CON-013).
#[must_use]
pub fn with_way_out(text: &str, language: Language) -> Cow<'_, str> {
    if text.contains("STOP") {
        return text.into();
    }
    let way_out = match language {
        Language::En => "Reply STOP to opt out.",
        Language::Es => "Responda STOP para cancelar.",
    };
    format!("{} {way_out}", text.trim_end()).into()
}
