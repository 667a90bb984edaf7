//! Status callbacks: `MessageStatus` and `ErrorCode` to a receipt.

use std::collections::HashMap;

use carepost_kernel::{AttemptRef, Failure, FailureClass, ProviderRef, ReceiptStatus};

use super::classify;
use crate::contract::{ReceiptEvent, Received, WebhookError};
use crate::sms;

/// The parameters of a verified webhook by name; the first value where one repeats.
pub(super) struct Fields<'a>(HashMap<&'a str, &'a str>);

impl<'a> Fields<'a> {
    pub(super) fn new(pairs: &'a [(String, String)]) -> Self {
        let mut fields = HashMap::with_capacity(pairs.len());
        for (name, value) in pairs {
            fields.entry(name.as_str()).or_insert(value.as_str());
        }
        Self(fields)
    }

    /// A value that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied().filter(|value| !value.is_empty())
    }

    /// The id of the message: newer callbacks name it twice, older ones once.
    pub(super) fn sid(&self) -> Result<&'a str, WebhookError> {
        self.get("MessageSid").or_else(|| self.get("SmsSid")).ok_or(WebhookError::Malformed("no MessageSid"))
    }

    pub(super) fn status(&self) -> Option<&'a str> {
        self.get("MessageStatus").or_else(|| self.get("SmsStatus"))
    }
}

/// Reads a status callback.
pub(super) fn parse(fields: &Fields<'_>, attempt: Option<AttemptRef>) -> Result<Received, WebhookError> {
    let sid = fields.sid()?;
    let name = fields.status().ok_or(WebhookError::Malformed("no MessageStatus"))?;
    let status = status(name).ok_or(WebhookError::Malformed("unknown MessageStatus"))?;
    let failure = match name {
        "failed" | "undelivered" => {
            Some(classify::delivery_failure(fields.get("ErrorCode").and_then(|code| code.parse().ok())))
        }
        "canceled" => Some(Failure::new(FailureClass::Permanent, "twilio_canceled")),
        _ => None,
    };
    let receipt = ReceiptEvent {
        provider_ref: ProviderRef::new(sid).ok_or(WebhookError::Malformed("no MessageSid"))?,
        attempt,
        status,
        failure,
        occurred_at: fields.get("RawDlrDoneDate").and_then(sms::carrier_time),
        dedup_key: format!("{sid}:{name}"),
    };
    Ok(Received { receipts: vec![receipt], ..Received::default() })
}

fn status(name: &str) -> Option<ReceiptStatus> {
    Some(match name {
        "accepted" | "scheduled" | "queued" | "sending" => ReceiptStatus::Accepted,
        "sent" | "partially_delivered" => ReceiptStatus::Sent,
        "delivered" => ReceiptStatus::Delivered,
        "read" => ReceiptStatus::Read,
        "undelivered" | "failed" | "canceled" => ReceiptStatus::Undelivered,
        _ => return None,
    })
}
