//! The one table of Twilio's error codes, at creation (HTTP 4xx) and at delivery (`ErrorCode` of a callback).

use carepost_kernel::{Failure, FailureClass};
use serde::Deserialize;

use crate::http::{self, Answer};

/// The class of a code that we know. Source: Twilio's error dictionary, 2023-05, and its changes since.
pub(super) const fn class_of(code: u32) -> Option<FailureClass> {
    Some(match code {
        // The recipient opted out or blocked the sender.
        21610 | 30004 | 63014 => FailureClass::Suppressed,
        // The recipient will never do.
        21211 | 21214 | 21217 | 21265 | 21266 | 21268 | 21604 | 21612 | 21614 | 21635 => FailureClass::Permanent,
        30003 | 30005 | 30006 | 30011 => FailureClass::Permanent,
        // The content will never do.
        21602 | 21617 | 21618 | 21620 | 21623 | 21652..=21658 => FailureClass::Permanent,
        30007 | 30009 | 30019 => FailureClass::Permanent,
        // Passes by itself.
        20500 | 20503 | 20409 | 20162 => FailureClass::Transient,
        30001 | 30008 | 30017 | 30020 | 30021 => FailureClass::Transient,
        // Too fast: for the API, for the sender's queue, for the carrier.
        20429 | 21611 | 14107 | 30022 | 30023 | 30027 => FailureClass::Throttled,
        // The account, its senders or its registrations.
        20003 | 20005 | 20006 | 20404 | 21212 | 21408 | 21603 | 21606 | 21608 | 21659..=21661 => {
            FailureClass::ConfigFault
        }
        21700..=21799 | 30002 | 30018 | 30024 | 30032..=30035 => FailureClass::ConfigFault,
        _ => return None,
    })
}

#[derive(Deserialize)]
struct ErrorBody {
    code: Option<u32>,
}

/// What a refused send means: by the code, else by the status.
pub(super) fn refusal(answer: &Answer) -> Failure {
    let Some(code) = answer.json().and_then(|body: ErrorBody| body.code) else {
        return answer.failure_by_status(super::NAME);
    };
    let class = class_of(code).unwrap_or_else(|| {
        let class = http::class_of_status(answer.status);
        tracing::warn!(provider.name = super::NAME, code, class = class.as_str(), "unknown error code");
        class
    });
    Failure::new(class, format!("twilio_{code}")).with_after(answer.retry_after())
}

/// What a message that failed after its acceptance means.
pub(super) fn delivery_failure(code: Option<u32>) -> Failure {
    // Without a code nobody knows why: as Twilio's own "unknown error", which may be tried again.
    let Some(code) = code else { return Failure::new(FailureClass::Transient, "twilio_undelivered") };
    let class = class_of(code).unwrap_or_else(|| {
        let class = if (30_000..40_000).contains(&code) { FailureClass::Transient } else { FailureClass::Permanent };
        tracing::warn!(provider.name = super::NAME, code, class = class.as_str(), "unknown error code");
        class
    });
    Failure::new(class, format!("twilio_{code}"))
}
