//! Messages from outside, with their pictures and the keyword that Twilio may have seen.

use carepost_kernel::{Phi, ProviderRef};

use super::receipts::Fields;
use crate::contract::{InboundMedia, InboundMessage, OptOutKeyword, Received, WebhookError};

/// Twilio wants TwiML back; an empty one sends nothing.
const REPLY: (&str, &str) = ("text/xml", "<Response/>");
/// More than the vendor ever sends.
const MOST_MEDIA: usize = 10;

/// Whether this is a message, not news of one.
pub(super) fn is_inbound(fields: &Fields<'_>) -> bool {
    match fields.status() {
        None => fields.get("From").is_some(),
        Some(status) => matches!(status, "received" | "receiving"),
    }
}

/// Reads a message.
pub(super) fn parse(fields: &Fields<'_>) -> Result<Received, WebhookError> {
    let message = InboundMessage {
        provider_ref: ProviderRef::new(fields.sid()?).ok_or(WebhookError::Malformed("no MessageSid"))?,
        from: Phi::from(fields.get("From").ok_or(WebhookError::Malformed("no From"))?),
        to: fields.get("To").ok_or(WebhookError::Malformed("no To"))?.to_owned(),
        subject: None,
        text: Phi::from(fields.get("Body").unwrap_or_default()),
        html: None,
        media: media(fields),
        in_reply_to: Vec::new(),
        keyword: fields.get("OptOutType").and_then(keyword),
        occurred_at: None,
    };
    Ok(Received { inbound: vec![message], reply: Some(REPLY), ..Received::default() })
}

fn media(fields: &Fields<'_>) -> Vec<Phi<InboundMedia>> {
    let count: usize = fields.get("NumMedia").and_then(|count| count.parse().ok()).unwrap_or(0);
    (0..count.min(MOST_MEDIA))
        .filter_map(|i| {
            let url = fields.get(&format!("MediaUrl{i}"))?;
            let content_type = fields.get(&format!("MediaContentType{i}")).unwrap_or("application/octet-stream");
            Some(Phi::new(InboundMedia {
                content_type: content_type.to_owned(),
                url: Some(url.to_owned()),
                filename: None,
                content_base64: None,
            }))
        })
        .collect()
}

fn keyword(name: &str) -> Option<OptOutKeyword> {
    match name {
        "STOP" => Some(OptOutKeyword::Stop),
        "START" => Some(OptOutKeyword::Start),
        "HELP" => Some(OptOutKeyword::Help),
        _ => None,
    }
}
