//! What SES's answers mean: one table over the names of its exceptions.

use std::time::Duration;

use carepost_kernel::{Failure, FailureClass, ProviderRef, SendOutcome};
use serde::Deserialize;

use crate::email::snake;
use crate::http::Answer;

/// SES v2's own exceptions and those that all of Amazon's services share.
const EXCEPTIONS: [(&str, FailureClass); 30] = [
    ("TooManyRequestsException", FailureClass::Throttled),
    ("Throttling", FailureClass::Throttled),
    ("ThrottlingException", FailureClass::Throttled),
    ("ThrottledException", FailureClass::Throttled),
    ("RequestThrottled", FailureClass::Throttled),
    ("RequestThrottledException", FailureClass::Throttled),
    ("SlowDown", FailureClass::Throttled),
    ("LimitExceededException", FailureClass::Throttled),
    ("MessageRejected", FailureClass::Permanent),
    ("BadRequestException", FailureClass::Permanent),
    ("ValidationException", FailureClass::Permanent),
    ("ValidationError", FailureClass::Permanent),
    ("RequestEntityTooLarge", FailureClass::Permanent),
    ("MailFromDomainNotVerifiedException", FailureClass::ConfigFault),
    ("AccountSuspendedException", FailureClass::ConfigFault),
    ("SendingPausedException", FailureClass::ConfigFault),
    // The configuration set or template does not exist.
    ("NotFoundException", FailureClass::ConfigFault),
    ("AccessDenied", FailureClass::ConfigFault),
    ("AccessDeniedException", FailureClass::ConfigFault),
    ("SignatureDoesNotMatch", FailureClass::ConfigFault),
    ("InvalidSignatureException", FailureClass::ConfigFault),
    ("IncompleteSignature", FailureClass::ConfigFault),
    ("MissingAuthenticationTokenException", FailureClass::ConfigFault),
    ("UnrecognizedClientException", FailureClass::ConfigFault),
    ("InvalidClientTokenId", FailureClass::ConfigFault),
    ("ExpiredToken", FailureClass::ConfigFault),
    ("ExpiredTokenException", FailureClass::ConfigFault),
    ("OptInRequired", FailureClass::ConfigFault),
    ("InternalServiceErrorException", FailureClass::Transient),
    ("ServiceUnavailableException", FailureClass::Transient),
];

/// "Maximum sending rate exceeded" passes in about this long.
const RATE_WAIT: Duration = Duration::from_secs(1);
/// "Daily message quota exceeded" is counted over 24 hours that move along: look again in an hour.
const QUOTA_WAIT: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
struct Accepted {
    #[serde(rename = "MessageId")]
    message_id: String,
}

#[derive(Default, Deserialize)]
struct Refused {
    #[serde(default, rename = "__type", alias = "code", alias = "Code")]
    kind: Option<String>,
    #[serde(default, alias = "Message")]
    message: Option<String>,
}

/// What an answer means.
///
/// # Errors
/// Everything but acceptance.
pub(super) fn outcome(answer: &Answer) -> Result<SendOutcome, Failure> {
    match (answer.status, answer.json::<Accepted>()) {
        (200, Some(accepted)) if !accepted.message_id.is_empty() => {
            let provider_refs = ProviderRef::new(accepted.message_id).into_iter().collect();
            Ok(SendOutcome::Accepted { provider_refs, delivered: false })
        }
        (status, _) => Err(failure(status, answer)),
    }
}

fn failure(status: u16, answer: &Answer) -> Failure {
    let refused: Refused = answer.json().unwrap_or_default();
    let header = answer.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    // `Name:http://...` in the header, `namespace#Name` in the body.
    let name = header.or(refused.kind.as_deref()).unwrap_or("").split(':').next().unwrap_or("");
    let name = name.rsplit('#').next().unwrap_or("");
    let message = refused.message.unwrap_or_default().to_ascii_lowercase();
    if message.contains("quota exceeded") || message.contains("daily message quota") {
        let failure = Failure::new(FailureClass::Throttled, "ses_daily_quota");
        return failure.with_after(Some(answer.retry_after().unwrap_or(QUOTA_WAIT)));
    }
    if name == "MessageRejected" && message.contains("not verified") {
        return Failure::new(FailureClass::ConfigFault, "ses_identity_not_verified");
    }
    let listed = EXCEPTIONS.into_iter().find(|(known, _)| *known == name).map(|(_, class)| class);
    let class = listed.unwrap_or(match status {
        // Not SES's answer: some gateway between us and it.
        100..=299 => FailureClass::Unknown,
        401 | 403 | 404 | 300..=399 => FailureClass::ConfigFault,
        408 => FailureClass::Transient,
        429 => FailureClass::Throttled,
        400..=499 => FailureClass::Permanent,
        _ => FailureClass::Transient,
    });
    let code = match listed {
        Some(_) => format!("ses_{}", snake(name.trim_end_matches("Exception"))),
        None => format!("ses_{status}"),
    };
    let after = match class {
        FailureClass::Throttled => Some(answer.retry_after().unwrap_or(RATE_WAIT)),
        _ => answer.retry_after(),
    };
    Failure::new(class, code).with_after(after)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn check(status: u16, kind: Option<&str>, body: &'static str, class: FailureClass, code: &str) {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert("x-amzn-errortype", kind.parse().unwrap());
        }
        let failure = outcome(&Answer { status, headers, body: body.into() }).unwrap_err();
        assert_eq!((failure.class, failure.code.as_str()), (class, code), "{status} {kind:?}");
    }

    #[test]
    fn each_exception_has_its_class() {
        use FailureClass::{ConfigFault, Permanent, Throttled, Transient, Unknown};
        check(429, Some("TooManyRequestsException"), "{}", Throttled, "ses_too_many_requests");
        check(400, Some("LimitExceededException"), "{}", Throttled, "ses_limit_exceeded");
        check(400, Some("MessageRejected:http://internal.amazon.com/"), "{}", Permanent, "ses_message_rejected");
        check(
            400,
            Some("MessageRejected"),
            r#"{"message":"Email address is not verified. pat@example.com"}"#,
            ConfigFault,
            "ses_identity_not_verified",
        );
        check(400, Some("MailFromDomainNotVerifiedException"), "{}", ConfigFault, "ses_mail_from_domain_not_verified");
        check(400, Some("AccountSuspendedException"), "{}", ConfigFault, "ses_account_suspended");
        check(400, Some("SendingPausedException"), "{}", ConfigFault, "ses_sending_paused");
        check(404, Some("NotFoundException"), "{}", ConfigFault, "ses_not_found");
        check(400, Some("BadRequestException"), "{}", Permanent, "ses_bad_request");
        check(
            403,
            None,
            r#"{"__type":"com.amazon#SignatureDoesNotMatch"}"#,
            ConfigFault,
            "ses_signature_does_not_match",
        );
        check(403, Some("ExpiredTokenException"), "{}", ConfigFault, "ses_expired_token");
        check(403, None, "", ConfigFault, "ses_403");
        check(
            400,
            None,
            r#"{"code":"Throttling","message":"Maximum sending rate exceeded."}"#,
            Throttled,
            "ses_throttling",
        );
        check(
            400,
            None,
            r#"{"code":"Throttling","message":"Daily message quota exceeded."}"#,
            Throttled,
            "ses_daily_quota",
        );
        check(413, None, "", Permanent, "ses_413");
        check(500, None, "<html>", Transient, "ses_500");
        check(503, Some("ServiceUnavailableException"), "{}", Transient, "ses_service_unavailable");
        check(200, None, "<html>", Unknown, "ses_200");
        check(200, None, r#"{"MessageId":""}"#, Unknown, "ses_200");
    }

    #[test]
    fn del_7_a_throttle_carries_its_wait() {
        let body = r#"{"message":"Daily message quota exceeded."}"#;
        let answer = |body: &'static str| Answer { status: 429, headers: HeaderMap::new(), body: body.into() };
        assert_eq!(outcome(&answer(body)).unwrap_err().after, Some(QUOTA_WAIT));
        assert_eq!(outcome(&answer("{}")).unwrap_err().after, Some(RATE_WAIT));
    }
}
