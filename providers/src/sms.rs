//! Text messages, by three APIs of two vendors. Each has the same files: `config`, `request`, `classify`,
//! `receipts`, `inbound`, and one for its signature.

pub mod twilio;
pub mod vonage_messages;
pub mod vonage_sms;

use carepost_kernel::{AttemptRef, Content, SmsContent};
use jiff::{SignedDuration, Timestamp};

use crate::contract::Outbound;

/// The text message in a call, `None` where it is for another channel.
fn content(outbound: &Outbound) -> Option<&SmsContent> {
    match outbound.content.expose() {
        Content::Sms(sms) => Some(sms),
        Content::Email(_) | Content::InApp(_) => None,
    }
}

/// An attempt's name in at most 40 characters: the UUID without hyphens. [`AttemptRef`]'s parser reads both forms.
fn compact_ref(attempt: AttemptRef) -> String {
    format!("{}.{}.{}", attempt.message_id.as_uuid().simple(), attempt.channel.as_str(), attempt.attempt_no)
}

/// Vonage writes numbers without `+`. What is as long as a subscriber number gets one; short codes and names do not.
fn with_plus(number: &str) -> String {
    let is_subscriber = (7..=15).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_subscriber { format!("+{number}") } else { number.to_owned() }
}

/// How long a vendor may try, within the bounds that it sets.
fn validity(now: Timestamp, expires_at: Timestamp, least: i64, most: i64) -> i64 {
    expires_at.duration_since(now).as_secs().clamp(least, most)
}

/// A time of a carrier, `YYMMDDhhmm` in UTC.
fn carrier_time(text: &str) -> Option<Timestamp> {
    if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| text[at..at + 2].parse::<i8>().ok();
    let year = 2000 + i16::from(two(0)?);
    let civil = jiff::civil::DateTime::new(year, two(2)?, two(4)?, two(6)?, two(8)?, 0, 0).ok()?;
    jiff::tz::Offset::UTC.to_timestamp(civil).ok()
}

/// Whether a signed time is within five minutes of when the request came.
fn is_fresh(signed_at: i64, received_at: Timestamp) -> bool {
    const WINDOW: SignedDuration = SignedDuration::from_mins(5);
    Timestamp::from_second(signed_at).is_ok_and(|signed_at| received_at.duration_since(signed_at).abs() <= WINDOW)
}

#[cfg(test)]
mod tests {
    use carepost_kernel::{Channel, MessageId};

    use super::*;

    #[test]
    fn a_compact_reference_fits_40_characters_and_comes_back() {
        let attempt =
            AttemptRef { message_id: MessageId::new(Timestamp::UNIX_EPOCH), channel: Channel::Sms, attempt_no: 999 };
        let text = compact_ref(attempt);
        assert!(text.len() <= 40, "{}", text.len());
        assert_eq!(text.parse(), Ok(attempt));
        assert_eq!(attempt.to_string().parse(), Ok(attempt));
    }

    #[test]
    fn numbers_get_a_plus_and_names_do_not() {
        for (given, wanted) in [("15005550006", "+15005550006"), ("72345", "72345"), ("Clinic", "Clinic"), ("", "")] {
            assert_eq!(with_plus(given), wanted);
        }
    }

    #[test]
    fn carrier_times_are_read_and_nonsense_is_not() {
        assert_eq!(carrier_time("2611220301"), "2026-11-22T03:01:00Z".parse().ok());
        for text in ["", "261122030", "26112203010", "2613220301", "26112203é1", "aaaaaaaaaa"] {
            assert_eq!(carrier_time(text), None, "{text}");
        }
    }

    #[test]
    fn a_signed_time_is_fresh_for_five_minutes_each_way() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        for (offset, fresh) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            assert_eq!(is_fresh(1_000_000 + offset, now), fresh, "{offset}");
        }
        assert!(!is_fresh(i64::MAX, now) && !is_fresh(i64::MIN, now));
    }
}
