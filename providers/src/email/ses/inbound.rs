//! Mail that SES receives: by an SNS action with the whole email, or by an S3 action with its place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::{Phi, ProviderRef};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::contract::{InboundMedia, InboundMessage, WebhookError};
use crate::email::mail;

#[derive(Deserialize)]
struct Record {
    mail: Mail,
    receipt: Receipt,
    #[serde(default)]
    content: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    message_id: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    timestamp: Option<Timestamp>,
    #[serde(default)]
    common_headers: CommonHeaders,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommonHeaders {
    #[serde(default)]
    subject: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    #[serde(default)]
    recipients: Vec<String>,
    #[serde(default)]
    virus_verdict: Verdict,
    #[serde(default)]
    action: Action,
}

#[derive(Default, Deserialize)]
struct Verdict {
    #[serde(default)]
    status: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    #[serde(default)]
    encoding: Option<String>,
    #[serde(default)]
    bucket_name: Option<String>,
    #[serde(default)]
    object_key: Option<String>,
}

/// Whether a record is a received email.
pub(super) fn is_received(record: &Value) -> bool {
    record.get("notificationType").and_then(Value::as_str) == Some("Received")
}

/// Reads a received email.
///
/// # Errors
/// Where it is not in SES's format or has no sender.
pub(super) fn read(record: Value) -> Result<InboundMessage, WebhookError> {
    let malformed = WebhookError::Malformed("not an email received by SES");
    let record: Record = serde_json::from_value(record).map_err(|_| malformed)?;
    let to = record.receipt.recipients.first().map(String::as_str);
    let mut message = match &record.content {
        Some(content) => {
            let is_base64 = record.receipt.action.encoding.as_deref() == Some("BASE64");
            let raw =
                if is_base64 { STANDARD.decode(content).map_err(|_| malformed)? } else { content.clone().into_bytes() };
            mail::read(&raw, to).ok_or(malformed)?
        }
        None => stored(&record).ok_or(malformed)?,
    };
    if record.receipt.virus_verdict.status == "FAIL" {
        // The text can do no harm; the files can.
        message.media.clear();
    }
    Ok(message)
}

/// An email that lies in S3: who wrote, and where it is.
fn stored(record: &Record) -> Option<InboundMessage> {
    let action = &record.receipt.action;
    let place = format!("s3://{}/{}", action.bucket_name.as_deref()?, action.object_key.as_deref()?);
    let whole = InboundMedia {
        content_type: "message/rfc822".to_owned(),
        url: Some(place),
        filename: None,
        content_base64: None,
    };
    Some(InboundMessage {
        provider_ref: ProviderRef::new(record.mail.message_id.as_str())?,
        from: Phi::new(record.mail.source.clone()),
        to: record.receipt.recipients.first().cloned().unwrap_or_default(),
        subject: record.mail.common_headers.subject.clone().map(Phi::new),
        text: Phi::default(),
        html: None,
        media: vec![Phi::new(whole)],
        in_reply_to: Vec::new(),
        keyword: None,
        occurred_at: record.mail.timestamp,
    })
}
