//! The one table of the Messages API's codes, in answers and in status webhooks alike.

use carepost_kernel::{Failure, FailureClass, SendOutcome};
use serde::Deserialize;

use crate::http::{self, Answer};

/// The vendor has this one already.
pub(super) const ALREADY_SENT: u32 = 1320;

/// The class of a code that we know; [`ALREADY_SENT`] is no failure.
pub(super) const fn class_of(code: u32) -> Option<FailureClass> {
    Some(match code {
        1000 => FailureClass::Throttled,
        1010 | 1020 | 1021 | 1022 | 1040 | 1090 | 1130 | 1150 | 1170 => FailureClass::Permanent,
        1190 | 1210 | 1260 | 1270 | 1280 | 1290 | 1300 | 1310 | 1340 | 1360 => FailureClass::Permanent,
        1030 | 1100 | 1180 | 1220 | 1230 | 1330 => FailureClass::Transient,
        1050 | 1240 => FailureClass::Suppressed,
        1060 | 1070 | 1080 | 1110 | 1120 | 1140 | 1160 | 1250 => FailureClass::ConfigFault,
        _ => return None,
    })
}

/// The vendor's description of a failure (RFC 9457), in answers and in webhooks; `code` is the older form.
#[derive(Deserialize, Default)]
pub(super) struct Problem {
    #[serde(default, rename = "type")]
    type_url: String,
    #[serde(default)]
    title: serde_json::Value,
    #[serde(default)]
    code: serde_json::Value,
}

impl Problem {
    /// The number at the end of the type's address; webhooks may have it as title or code instead.
    pub(super) fn code(&self) -> Option<u32> {
        let at_end = |text: &str| text.rsplit(['#', '/']).next().and_then(|end| end.parse().ok());
        let number = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.parse().ok(),
            serde_json::Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        at_end(&self.type_url).or_else(|| number(&self.code)).or_else(|| number(&self.title))
    }
}

/// What a refused send means.
pub(super) fn refusal(answer: &Answer) -> Result<SendOutcome, Failure> {
    let problem: Problem = answer.json().unwrap_or_default();
    match problem.code() {
        // Its id is not told again; receipts name the attempt.
        Some(ALREADY_SENT) => Ok(SendOutcome::Accepted { provider_refs: Vec::new(), delivered: false }),
        Some(code) => {
            let class = class_of(code).unwrap_or_else(|| {
                let class = http::class_of_status(answer.status);
                tracing::warn!(provider.name = super::NAME, code, class = class.as_str(), "unknown error code");
                class
            });
            Err(Failure::new(class, format!("vonage_messages_{code}")).with_after(answer.retry_after()))
        }
        None => Err(answer.failure_by_status(super::NAME)),
    }
}

/// What a message that failed after its acceptance means.
pub(super) fn delivery_failure(status: &str, problem: Option<&Problem>) -> Failure {
    // `undeliverable`: the provider behind could not be reached. `rejected`: it did not want it.
    let by_status = if status == "undeliverable" { FailureClass::Transient } else { FailureClass::Permanent };
    match problem.and_then(Problem::code) {
        Some(code) => {
            let class = class_of(code).unwrap_or_else(|| {
                tracing::warn!(provider.name = super::NAME, code, class = by_status.as_str(), "unknown error code");
                by_status
            });
            Failure::new(class, format!("vonage_messages_{code}"))
        }
        None => Failure::new(by_status, format!("vonage_messages_{status}")),
    }
}
