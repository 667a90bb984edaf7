//! What SendGrid's answers mean: one table.

use std::time::Duration;

use carepost_kernel::{AttemptRef, Failure, FailureClass, ProviderRef, SendOutcome};
use jiff::Timestamp;
use serde::Deserialize;

use crate::http::Answer;

/// Statuses of Mail Send. The specification lists 202, 400, 401, 403, 404, 413 and 500.
const STATUSES: [(u16, FailureClass); 9] = [
    // A payload that will be refused again.
    (400, FailureClass::Permanent),
    // Wrong or revoked key; "maximum credits exceeded" comes so as well.
    (401, FailureClass::ConfigFault),
    // Sender not verified, or the key lacks a scope.
    (403, FailureClass::ConfigFault),
    // A wrong base address.
    (404, FailureClass::ConfigFault),
    (405, FailureClass::ConfigFault),
    // The server gave up waiting for the body: it has not taken it.
    (408, FailureClass::Transient),
    // Larger than SendGrid takes.
    (413, FailureClass::Permanent),
    (415, FailureClass::Permanent),
    (429, FailureClass::Throttled),
];

/// The longest wait that is believed of an answer.
const MAX_WAIT: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<ErrorItem>,
}

#[derive(Deserialize)]
struct ErrorItem {
    #[serde(default)]
    field: Option<String>,
}

/// What an answer means.
///
/// # Errors
/// Everything but acceptance.
pub(super) fn outcome(answer: &Answer, attempt: AttemptRef, now: Timestamp) -> Result<SendOutcome, Failure> {
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let message_id = header("x-message-id").and_then(ProviderRef::new);
    match (answer.status, message_id) {
        // 200 is sandbox mode's answer.
        (200 | 202, Some(id)) => Ok(SendOutcome::Accepted { provider_refs: vec![id], delivered: false }),
        // Accepted without an id: events still name the attempt.
        (202, None) => Ok(SendOutcome::Accepted { provider_refs: vec![attempt.into()], delivered: false }),
        (status, _) => Err(failure(status, answer).with_after(wait(answer, status, now))),
    }
}

fn failure(status: u16, answer: &Answer) -> Failure {
    let about_sender = || {
        let errors = answer.json::<Errors>().map(|found| found.errors).unwrap_or_default();
        errors.iter().any(|item| item.field.as_deref().is_some_and(|field| field.starts_with("from")))
    };
    if status == 400 && about_sender() {
        return Failure::new(FailureClass::ConfigFault, "sendgrid_400_from");
    }
    let listed = STATUSES.into_iter().find(|(found, _)| *found == status).map(|(_, class)| class);
    let class = listed.unwrap_or(match status {
        // Some gateway between us and SendGrid answered: nobody knows.
        100..=299 => FailureClass::Unknown,
        300..=399 => FailureClass::ConfigFault,
        400..=499 => FailureClass::Permanent,
        _ => FailureClass::Transient,
    });
    Failure::new(class, format!("sendgrid_{status}"))
}

/// `Retry-After`, or the time until `X-RateLimit-Reset` (epoch seconds).
fn wait(answer: &Answer, status: u16, now: Timestamp) -> Option<Duration> {
    if !matches!(status, 429 | 503) {
        return None;
    }
    let reset = || {
        let text = answer.headers.get("x-ratelimit-reset")?.to_str().ok()?;
        let seconds = text.trim().parse::<i64>().ok()?.saturating_sub(now.as_second());
        u64::try_from(seconds).ok().map(Duration::from_secs)
    };
    answer.retry_after().or_else(reset).map(|wished| wished.min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use carepost_kernel::{Channel, MessageId};
    use reqwest::header::HeaderMap;

    use super::*;

    fn check(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &'static str,
    ) -> Result<SendOutcome, Failure> {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let attempt =
            AttemptRef { message_id: MessageId::new(Timestamp::UNIX_EPOCH), channel: Channel::Email, attempt_no: 1 };
        outcome(&Answer { status, headers, body: body.into() }, attempt, now)
    }

    #[test]
    fn each_status_has_its_class() {
        use FailureClass::{ConfigFault, Permanent, Throttled, Transient, Unknown};
        for (status, class) in [
            (200, Unknown),
            (204, Unknown),
            (301, ConfigFault),
            (400, Permanent),
            (401, ConfigFault),
            (403, ConfigFault),
            (404, ConfigFault),
            (413, Permanent),
            (418, Permanent),
            (429, Throttled),
            (500, Transient),
            (503, Transient),
        ] {
            assert_eq!(check(status, &[], ""), Err(Failure::new(class, format!("sendgrid_{status}"))), "{status}");
        }
        let sender = r#"{"errors":[{"message":"canary text","field":"from.email","help":null}]}"#;
        assert_eq!(check(400, &[], sender), Err(Failure::new(ConfigFault, "sendgrid_400_from")));
    }

    #[test]
    fn del_7_a_throttle_carries_its_wait() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (headers, after) in [
            (&[("retry-after", "7")][..], seconds(7)),
            (&[("x-ratelimit-reset", "1800000005")][..], seconds(5)),
            (&[("x-ratelimit-reset", "1700000000")][..], None),
            (&[("retry-after", "999999")][..], seconds(3600)),
            (&[][..], None),
        ] {
            assert_eq!(check(429, headers, "").unwrap_err().after, after);
        }
    }

    #[test]
    fn acceptance_gives_the_id() {
        for status in [200, 202] {
            let accepted = SendOutcome::Accepted {
                provider_refs: ProviderRef::new("abc").into_iter().collect(),
                delivered: false,
            };
            assert_eq!(check(status, &[("x-message-id", "abc")], ""), Ok(accepted));
        }
        assert!(matches!(check(202, &[], ""), Ok(SendOutcome::Accepted { .. })));
    }
}
