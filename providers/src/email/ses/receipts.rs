//! SES's events: one table of what they mean.
//!
//! Events of a configuration set have `eventType`; notifications of an identity have `notificationType` and come
//! without tags.

use carepost_kernel::{AttemptRef, Failure, FailureClass, ProviderRef, ReceiptStatus};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::contract::{ReceiptEvent, WebhookError};
use crate::email::{REF_FIELD, snake};

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventType", alias = "notificationType")]
    event: String,
    mail: Mail,
    #[serde(default)]
    bounce: Option<Bounce>,
    #[serde(default)]
    complaint: Option<Complaint>,
    #[serde(default, rename = "deliveryDelay")]
    delay: Option<Delay>,
    #[serde(default)]
    subscription: Option<Subscription>,
    #[serde(default)]
    delivery: Option<Timed>,
    #[serde(default)]
    open: Option<Timed>,
    #[serde(default)]
    click: Option<Timed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    message_id: String,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    tags: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
struct Timed {
    #[serde(default)]
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    #[serde(default)]
    bounce_type: String,
    #[serde(default)]
    bounce_sub_type: String,
    #[serde(default)]
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    #[serde(default)]
    complaint_sub_type: Option<String>,
    #[serde(default)]
    complaint_feedback_type: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delay {
    #[serde(default)]
    delay_type: String,
    #[serde(default)]
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    new_topic_preferences: Preferences,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Preferences {
    #[serde(default)]
    unsubscribe_all: bool,
    #[serde(default)]
    topic_subscription_status: Vec<TopicStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TopicStatus {
    #[serde(default)]
    subscription_status: String,
}

/// Reads one record; an event that says nothing about a delivery gives none.
///
/// # Errors
/// Where it is not SES's.
pub(super) fn read(record: Value) -> Result<Vec<ReceiptEvent>, WebhookError> {
    let record: Record = serde_json::from_value(record).map_err(|_| WebhookError::Malformed("not an event of SES"))?;
    let provider_ref = ProviderRef::new(record.mail.message_id.as_str())
        .ok_or(WebhookError::Malformed("an event without a message id"))?;
    let Some((status, failure)) = meaning(&record) else { return Ok(Vec::new()) };
    let timestamp = record.timestamp().unwrap_or("");
    let attempt: Option<AttemptRef> =
        record.mail.tags.get(REF_FIELD).and_then(|values| values.get(0)?.as_str()?.parse().ok());
    Ok(vec![ReceiptEvent {
        attempt,
        status,
        failure,
        occurred_at: timestamp.parse::<Timestamp>().ok(),
        dedup_key: format!("{}:{}:{timestamp}", record.mail.message_id, snake(&record.event)),
        provider_ref,
    }])
}

impl Record {
    /// When the event happened; for those that do not say, when the mail was sent.
    fn timestamp(&self) -> Option<&str> {
        [&self.delivery, &self.open, &self.click]
            .into_iter()
            .find_map(|found| found.as_ref()?.timestamp.as_deref())
            .or_else(|| self.bounce.as_ref()?.timestamp.as_deref())
            .or_else(|| self.complaint.as_ref()?.timestamp.as_deref())
            .or_else(|| self.delay.as_ref()?.timestamp.as_deref())
            .or_else(|| self.subscription.as_ref()?.timestamp.as_deref())
            .or(self.mail.timestamp.as_deref())
    }
}

fn meaning(record: &Record) -> Option<(ReceiptStatus, Option<Failure>)> {
    let bad = |status, class, code: &str| Some((status, Some(Failure::new(class, format!("ses_{code}")))));
    match record.event.as_str() {
        "Send" => Some((ReceiptStatus::Accepted, None)),
        "Delivery" => Some((ReceiptStatus::Delivered, None)),
        "Open" => Some((ReceiptStatus::Opened, None)),
        "Click" => Some((ReceiptStatus::Clicked, None)),
        "Bounce" => Some(bounced(record.bounce.as_ref()?)),
        "Complaint" => complained(record.complaint.as_ref()?),
        "Reject" => bad(ReceiptStatus::Undelivered, FailureClass::Permanent, "reject"),
        "Rendering Failure" => bad(ReceiptStatus::Undelivered, FailureClass::Permanent, "rendering_failure"),
        "DeliveryDelay" => {
            let kind = snake(&record.delay.as_ref()?.delay_type);
            bad(ReceiptStatus::Deferred, FailureClass::Transient, &format!("delay_{kind}"))
        }
        "Subscription" => {
            let preferences = &record.subscription.as_ref()?.new_topic_preferences;
            let is_out = |topic: &TopicStatus| topic.subscription_status == "OptOut";
            if preferences.unsubscribe_all || preferences.topic_subscription_status.iter().any(is_out) {
                bad(ReceiptStatus::Unsubscribed, FailureClass::Suppressed, "subscription")
            } else {
                Some((ReceiptStatus::Resubscribed, None))
            }
        }
        _ => None,
    }
}

/// Types and subtypes of bounces.
fn bounced(bounce: &Bounce) -> (ReceiptStatus, Option<Failure>) {
    let (status, class) = match (bounce.bounce_type.as_str(), bounce.bounce_sub_type.as_str()) {
        // SES took it and never tried: the address is on a list.
        ("Permanent", "Suppressed" | "OnAccountSuppressionList") => {
            (ReceiptStatus::Undelivered, FailureClass::Suppressed)
        }
        ("Permanent", _) => (ReceiptStatus::Bounced, FailureClass::Permanent),
        ("Transient", "MessageTooLarge" | "ContentRejected" | "AttachmentRejected") => {
            (ReceiptStatus::Undelivered, FailureClass::Permanent)
        }
        // Full mailboxes, absences, and what SES could not determine.
        _ => (ReceiptStatus::Undelivered, FailureClass::Transient),
    };
    let code = format!("ses_bounce_{}_{}", snake(&bounce.bounce_type), snake(&bounce.bounce_sub_type));
    (status, Some(Failure::new(class, code)))
}

fn complained(complaint: &Complaint) -> Option<(ReceiptStatus, Option<Failure>)> {
    let suppressed = |status, code: &str| Some((status, Some(Failure::new(FailureClass::Suppressed, code))));
    match (complaint.complaint_sub_type.as_deref(), complaint.complaint_feedback_type.as_deref()) {
        // Not a complaint: SES did not send, since there had been one before.
        (Some("OnAccountSuppressionList"), _) => {
            suppressed(ReceiptStatus::Undelivered, "ses_complaint_on_account_suppression_list")
        }
        // The recipient took it out of the spam folder.
        (_, Some("not-spam")) => None,
        (_, feedback) => suppressed(
            ReceiptStatus::Complained,
            &format!("ses_complaint_{}", snake(feedback.unwrap_or("unspecified"))),
        ),
    }
}

#[cfg(test)]
#[path = "receipts_tests.rs"]
mod tests;
