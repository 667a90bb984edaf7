//! Email: three vendors, one way to write a message and one way to read one.

pub(crate) mod form_data;
pub(crate) mod mail;
pub(crate) mod mime;
pub mod sendgrid;
pub mod ses;
pub mod smtp;

use carepost_kernel::{Content, EmailContent, Failure, FailureClass};
use jiff::Timestamp;

use crate::contract::Outbound;

/// The name under which the attempt travels through SendGrid's custom arguments, SES's tags and nothing else.
pub(crate) const REF_FIELD: &str = "carepost_ref";

/// The header that carries the attempt, so that a returned message names it.
pub(crate) const REF_HEADER: &str = "X-Carepost-Ref";

/// The email of an outbound message.
///
/// # Errors
/// Permanent where it was written for another channel.
pub(crate) fn content<'a>(vendor: &str, outbound: &'a Outbound) -> Result<&'a EmailContent, Failure> {
    match outbound.content.expose() {
        Content::Email(email) => Ok(email),
        Content::Sms(_) | Content::InApp(_) => {
            Err(Failure::new(FailureClass::Permanent, format!("{vendor}_wrong_channel")))
        }
    }
}

/// Makes a code's last part of a vendor's word: `MessageRejected` becomes `message_rejected`.
///
/// Only ASCII letters and digits survive, and no more than 48 of them, so that no free text gets into a code (DEL-9).
pub(crate) fn snake(word: &str) -> String {
    let mut code = String::with_capacity(word.len() + 4);
    let mut after_small = false;
    for character in word.chars().take(48) {
        if character.is_ascii_alphanumeric() {
            if character.is_ascii_uppercase() && after_small {
                code.push('_');
            }
            code.push(character.to_ascii_lowercase());
            after_small = !character.is_ascii_uppercase();
        } else {
            if !code.is_empty() && !code.ends_with('_') {
                code.push('_');
            }
            after_small = false;
        }
    }
    code.trim_end_matches('_').to_owned()
}

/// An RFC 3463 status such as `5.1.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EnhancedCode {
    pub(crate) class: u8,
    pub(crate) subject: u16,
    pub(crate) detail: u16,
}

impl EnhancedCode {
    /// The first word of `text`, where it is such a status.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let word = text.split_whitespace().next()?;
        let mut parts = word.split('.');
        let mut next = || {
            let part = parts.next()?;
            let short = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            if short { part.parse::<u16>().ok() } else { None }
        };
        let (class, subject, detail) = (next()?, next()?, next()?);
        let known = matches!(class, 2 | 4 | 5) && parts.next().is_none();
        known.then_some(Self { class: u8::try_from(class).ok()?, subject, detail })
    }

    /// The status as the end of a code: `5_1_1`.
    pub(crate) fn underscored(self) -> String {
        format!("{}_{}_{}", self.class, self.subject, self.detail)
    }
}

/// Whether `signed_at` is within the window that an account allows, five minutes of a fast clock included.
pub(crate) fn is_fresh(signed_at: Timestamp, received_at: Timestamp, max_age_seconds: u32) -> bool {
    let age_seconds = received_at.as_second().saturating_sub(signed_at.as_second());
    (-FAST_CLOCK_SECONDS..=i64::from(max_age_seconds)).contains(&age_seconds)
}

/// How far a vendor's clock may be ahead of ours.
const FAST_CLOCK_SECONDS: i64 = 300;

#[cfg(test)]
mod tests;
