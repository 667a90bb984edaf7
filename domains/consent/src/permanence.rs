//! What follows for an address from what a vendor said of it: nothing, no more mail for a while, or no more for good.
//!
//! One table over the vendors' own codes, as `providers` writes them (`twilio_21610`). Only what is about the address
//! counts: a fault of the content, of our account or of the vendor condemns nobody. Sources: the vendors' pages behind
//! `providers/src/*/*/classify.rs` and `receipts.rs`; Vonage's meanings are from its error tables of 2026-01.

use std::time::Duration;

use carepost_kernel::{Failure, FailureClass, ReceiptStatus};

use crate::types::SuppressionReason;

/// How long an address rests after what may be over tomorrow: a full mailbox, a server that blocks for the day
/// (SendGrid's `blocked`), a handset that is switched off.
pub const REST: Duration = Duration::from_secs(24 * 3_600);

/// Why an address gets nothing more, and for how long; `None` is until it is lifted.
pub type Suppression = (SuppressionReason, Option<Duration>);

const HARD: Option<Suppression> = Some((SuppressionReason::HardBounce, None));
const COMPLAINT: Option<Suppression> = Some((SuppressionReason::Complaint, None));
const BLOCK: Option<Suppression> = Some((SuppressionReason::ProviderBlock, None));
const OPTED_OUT: Option<Suppression> = Some((SuppressionReason::OptedOut, None));
const WRONG_NUMBER: Option<Suppression> = Some((SuppressionReason::WrongNumber, None));
const RESTS: Option<Suppression> = Some((SuppressionReason::SoftBounce, Some(REST)));

/// What a receipt, or the failure of a call (then without a status), means for its address. `None`: nothing.
#[must_use]
pub fn suppression_of(status: Option<ReceiptStatus>, failure: Option<&Failure>) -> Option<Suppression> {
    match status {
        Some(ReceiptStatus::Complained) => COMPLAINT,
        Some(ReceiptStatus::Bounced) => HARD,
        Some(ReceiptStatus::Unsubscribed) => OPTED_OUT,
        // It arrived, or is still on its way.
        Some(
            ReceiptStatus::Accepted
            | ReceiptStatus::Sent
            | ReceiptStatus::Deferred
            | ReceiptStatus::Delivered
            | ReceiptStatus::Opened
            | ReceiptStatus::Clicked
            | ReceiptStatus::Read
            | ReceiptStatus::Resubscribed,
        ) => None,
        Some(ReceiptStatus::Undelivered) | None => failure.and_then(of_failure),
    }
}

/// Whether a receipt lifts an opt-out that the vendor kept.
#[must_use]
pub const fn lifts(status: ReceiptStatus) -> bool {
    matches!(status, ReceiptStatus::Resubscribed)
}

fn of_failure(failure: &Failure) -> Option<Suppression> {
    // A slow lane or a wrong key says nothing of the recipient.
    if matches!(failure.class, FailureClass::Throttled | FailureClass::ConfigFault | FailureClass::Unknown) {
        return None;
    }
    let code = failure.code.as_str();
    if let Some(number) = code.strip_prefix("twilio_") {
        return twilio(number.parse().ok()?);
    }
    if let Some(number) = code.strip_prefix("vonage_messages_") {
        return vonage_messages(number.parse().ok()?);
    }
    if let Some(number) = code.strip_prefix("vonage_sms_dlr_") {
        return vonage_sms_receipt(number.parse().ok()?);
    }
    if let Some(number) = code.strip_prefix("vonage_sms_") {
        return vonage_sms_status(number.parse().ok()?);
    }
    if let Some(what) = code.strip_prefix("sendgrid_") {
        return sendgrid(what);
    }
    if let Some(what) = code.strip_prefix("ses_") {
        return ses(what);
    }
    code.strip_prefix("smtp_").and_then(|what| smtp(what, failure.class))
}

const fn twilio(code: u32) -> Option<Suppression> {
    match code {
        // The recipient sent STOP to the vendor, or blocked the sender: until START.
        21610 | 30004 | 63014 => BLOCK,
        // No phone number, a short or premium number, not mobile, a landline; unknown to its carrier; a landline or a
        // carrier that cannot be reached by text.
        21211 | 21217 | 21265 | 21268 | 21614 | 21635 | 30005 | 30006 => WRONG_NUMBER,
        // Switched off or out of reach.
        30003 => RESTS,
        _ => None,
    }
}

const fn vonage_messages(code: u32) -> Option<Suppression> {
    match code {
        // Barred by its owner, opted out, blocked by the carrier.
        1050 | 1240 | 1280 => BLOCK,
        // Absent for good.
        1190 => WRONG_NUMBER,
        // Destination unreachable; no money on a prepaid number.
        1260 | 1290 => RESTS,
        _ => None,
    }
}

const fn vonage_sms_receipt(code: u32) -> Option<Suppression> {
    match code {
        4 | 9 | 14 => BLOCK,
        3 => WRONG_NUMBER,
        12 | 15 => RESTS,
        _ => None,
    }
}

const fn vonage_sms_status(status: u32) -> Option<Suppression> {
    match status {
        // The number is barred; the number is deactivated.
        7 => BLOCK,
        33 => WRONG_NUMBER,
        _ => None,
    }
}

fn sendgrid(what: &str) -> Option<Suppression> {
    match what {
        "dropped_bounced_address" | "dropped_invalid" => HARD,
        "dropped_spam_reporting_address" => COMPLAINT,
        "dropped_unsubscribed_address" | "dropped_group_unsubscribe" => BLOCK,
        // The receiving server's policy of the day; the address itself is good.
        "dropped_mail_was_blocked" => RESTS,
        _ if what == "blocked" || what.starts_with("blocked_") => RESTS,
        _ => None,
    }
}

fn ses(what: &str) -> Option<Suppression> {
    match what {
        // It bounced before, for this account or for all of Amazon's.
        "bounce_permanent_suppressed" | "bounce_permanent_on_account_suppression_list" => HARD,
        "complaint_on_account_suppression_list" => COMPLAINT,
        "bounce_transient_mailbox_full" => RESTS,
        _ => None,
    }
}

/// By the enhanced code (RFC 3463) at the end of `550_5_1_1` and `failed_5_1_1`; without one, by the reply code.
fn smtp(what: &str, class: FailureClass) -> Option<Suppression> {
    let numbers: Vec<u16> = what.split('_').filter_map(|part| part.parse().ok()).collect();
    let is_permanent = matches!(class, FailureClass::Permanent);
    let is_final = what.starts_with("failed_");
    match numbers.as_slice() {
        // The mailbox is full; while it is only delayed the server tries on by itself.
        [.., 5, 2, 2] => RESTS,
        [.., 4, 2, 2] if is_final => RESTS,
        // The mailbox or its domain: unknown, moved, disabled.
        [.., 5, 1, _] | [.., 5, 2, 1] if is_permanent => HARD,
        // RFC 7504: the domain takes no mail at all.
        [556] => HARD,
        // Most servers mean an unknown user, some a policy: not for good on such a word.
        [550 | 551 | 553] if is_permanent => RESTS,
        _ => None,
    }
}

#[cfg(test)]
mod tests;
