//! Messages from outside. The vendor does nothing about STOP: the engine looks at the text itself.

use carepost_kernel::{Phi, ProviderRef};

use super::receipts::{get, message_time};
use super::signature::Params;
use crate::contract::{InboundMessage, Received, WebhookError};
use crate::sms;

/// Reads a message, or one part of a long one.
pub(super) fn parse(params: &Params) -> Result<Received, WebhookError> {
    let message = InboundMessage {
        provider_ref: get(params, "messageId")
            .and_then(ProviderRef::new)
            .ok_or(WebhookError::Malformed("no messageId"))?,
        from: Phi::new(sms::with_plus(get(params, "msisdn").ok_or(WebhookError::Malformed("no msisdn"))?)),
        to: sms::with_plus(get(params, "to").ok_or(WebhookError::Malformed("no to"))?),
        subject: None,
        text: Phi::from(get(params, "text").unwrap_or_default()),
        html: None,
        media: Vec::new(),
        in_reply_to: Vec::new(),
        keyword: None,
        occurred_at: message_time(params),
    };
    Ok(Received { inbound: vec![message], ..Received::default() })
}
