//! Messages from outside: text, and pictures by address. The engine looks for STOP itself.

use carepost_kernel::{Phi, ProviderRef};
use serde::Deserialize;

use super::receipts;
use crate::contract::{InboundMedia, InboundMessage, Received, WebhookError};
use crate::sms;

#[derive(Deserialize)]
pub(super) struct InboundBody {
    message_uuid: String,
    from: String,
    to: String,
    timestamp: Option<String>,
    #[serde(default)]
    text: String,
    image: Option<Media>,
    audio: Option<Media>,
    video: Option<Media>,
    file: Option<Media>,
    vcard: Option<Media>,
}

#[derive(Deserialize)]
struct Media {
    url: String,
    #[serde(default)]
    caption: String,
    name: Option<String>,
}

/// A message in our terms. The vendor tells the kind of a file, not its media type.
pub(super) fn received(body: InboundBody) -> Result<Received, WebhookError> {
    let InboundBody { message_uuid, from, to, timestamp, mut text, image, audio, video, file, vcard } = body;
    let kinds = [
        ("image/*", image),
        ("audio/*", audio),
        ("video/*", video),
        ("application/octet-stream", file),
        ("text/vcard", vcard),
    ];
    let mut media = Vec::new();
    for (content_type, item) in kinds {
        let Some(Media { url, caption, name }) = item else { continue };
        if text.is_empty() {
            text = caption;
        }
        let content_type = content_type.to_owned();
        media.push(Phi::new(InboundMedia { content_type, url: Some(url), filename: name, content_base64: None }));
    }
    let message = InboundMessage {
        provider_ref: ProviderRef::new(message_uuid).ok_or(WebhookError::Malformed("no message_uuid"))?,
        from: Phi::new(sms::with_plus(&from)),
        to: sms::with_plus(&to),
        subject: None,
        text: Phi::new(text),
        html: None,
        media,
        in_reply_to: Vec::new(),
        keyword: None,
        occurred_at: timestamp.as_deref().and_then(receipts::time),
    };
    Ok(Received { inbound: vec![message], ..Received::default() })
}
