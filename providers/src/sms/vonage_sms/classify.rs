//! The two tables of Vonage's SMS API: `status` of a send, `err-code` of a delivery receipt.

use std::time::Duration;

use carepost_kernel::{Failure, FailureClass};

/// The vendor names no wait with its throttle; its limits are for each second.
const THROTTLE_WAIT: Duration = Duration::from_secs(1);

/// The class of a send's status other than `0`.
pub(super) const fn class_of_status(status: u32) -> Option<FailureClass> {
    Some(match status {
        1 | 10 => FailureClass::Throttled,
        2 | 3 | 6 | 12 | 22 | 23 | 33 => FailureClass::Permanent,
        4 | 8 | 9 | 11 | 14 | 15 | 29 | 32 => FailureClass::ConfigFault,
        5 => FailureClass::Transient,
        7 => FailureClass::Suppressed,
        _ => return None,
    })
}

/// The class of a receipt's code other than `0`.
pub(super) const fn class_of_err_code(code: u32) -> Option<FailureClass> {
    Some(match code {
        1 | 2 | 7 | 8 | 54 | 99 => FailureClass::Transient,
        3 | 5 | 6 | 10 | 12 | 13 | 14 | 15 => FailureClass::Permanent,
        4 | 9 => FailureClass::Suppressed,
        11 | 50..=53 => FailureClass::ConfigFault,
        _ => return None,
    })
}

/// What a refused part means.
pub(super) fn refusal(status: &str) -> Failure {
    let Ok(status) = status.parse::<u32>() else {
        return Failure::new(FailureClass::Unknown, "vonage_sms_answer_unreadable");
    };
    let class = class_of_status(status).unwrap_or_else(|| {
        tracing::warn!(provider.name = super::NAME, code = status, "unknown status");
        FailureClass::Permanent
    });
    let after = matches!(class, FailureClass::Throttled).then_some(THROTTLE_WAIT);
    Failure::new(class, format!("vonage_sms_{status}")).with_after(after)
}

/// What a message that failed after its acceptance means.
pub(super) fn delivery_failure(status: &str, err_code: Option<u32>) -> Failure {
    match err_code {
        Some(code) if code != 0 => {
            let class = class_of_err_code(code).unwrap_or_else(|| {
                tracing::warn!(provider.name = super::NAME, code, "unknown err-code");
                FailureClass::Transient
            });
            Failure::new(class, format!("vonage_sms_dlr_{code}"))
        }
        // Expired: its time was over. Everything else without a code may be tried again.
        _ if status == "expired" => Failure::new(FailureClass::Permanent, "vonage_sms_expired"),
        _ => Failure::new(FailureClass::Transient, "vonage_sms_undelivered"),
    }
}
