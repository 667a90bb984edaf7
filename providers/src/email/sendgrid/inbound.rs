//! Inbound Parse: an unsigned form, either with fields or with the whole email in `email`.
//!
//! What vouches for it: the secret token in the webhook's address (checked above), basic authentication where the
//! account has it, and that the account allows Inbound Parse at all.

use std::collections::HashMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::{Phi, ProviderRef};
use mail_parser::MessageParser;
use mail_parser::decoders::charsets::map::charset_decoder;
use serde::Deserialize;

use crate::contract::{InboundMedia, InboundMessage, Received, WebhookError, WebhookRequest};
use crate::email::form_data::{self, FormPart};
use crate::email::mail;
use crate::email::sendgrid::config::Account;

/// `envelope`: the SMTP addresses.
#[derive(Default, Deserialize)]
struct Envelope {
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    from: String,
}

/// Whether a request is a form.
pub(super) fn is_form(request: &WebhookRequest) -> bool {
    request
        .header("content-type")
        .is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("multipart/form-data"))
}

/// Reads one inbound email.
///
/// # Errors
/// [`WebhookError::Signature`] where the account does not allow it or the password is wrong.
pub(super) fn receive(account: &Account, request: &WebhookRequest) -> Result<Received, WebhookError> {
    if !account.inbound_parse || !has_password(account, request) {
        return Err(WebhookError::Signature);
    }
    let content_type = request.header("content-type").unwrap_or("");
    let parts = form_data::parse(content_type, &request.body).ok_or(WebhookError::Malformed("not a form"))?;
    let message = read(&Form::new(parts)).ok_or(WebhookError::Malformed("a form without an email"))?;
    Ok(Received { inbound: vec![message], ..Received::default() })
}

fn has_password(account: &Account, request: &WebhookRequest) -> bool {
    let (Some(username), Some(password)) =
        (&account.credentials.inbound_username, &account.credentials.inbound_password)
    else {
        return true;
    };
    let expected = format!("{}:{}", username.expose(), password.expose());
    let given = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|encoded| STANDARD.decode(encoded.trim()).ok());
    given.is_some_and(|given| verify_slices_are_equal(&given, expected.as_bytes()).is_ok())
}

/// The parts of the form by name, and the character set that each text is in.
struct Form<'a> {
    parts: Vec<FormPart<'a>>,
    charsets: HashMap<String, String>,
}

impl<'a> Form<'a> {
    fn new(parts: Vec<FormPart<'a>>) -> Self {
        let charsets = parts
            .iter()
            .find(|part| part.name == "charsets")
            .and_then(|part| serde_json::from_slice(part.bytes).ok())
            .unwrap_or_default();
        Self { parts, charsets }
    }

    fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        self.parts.iter().find(|part| part.name == name).map(|part| part.bytes)
    }

    /// A text in its own character set; what cannot be decoded becomes U+FFFD.
    fn text(&self, name: &str) -> Option<String> {
        let bytes = self.bytes(name)?;
        let charset = self.charsets.get(name).map_or("utf-8", String::as_str);
        let decoder = charset_decoder(charset.as_bytes()).filter(|_| !charset.eq_ignore_ascii_case("utf-8"));
        Some(decoder.map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), |decode| decode(bytes)))
    }

    fn files(&self) -> Vec<Phi<InboundMedia>> {
        let files = self.parts.iter().filter(|part| part.filename.is_some() && part.name.starts_with("attachment"));
        files
            .map(|part| {
                Phi::new(InboundMedia {
                    content_type: part.content_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned()),
                    url: None,
                    filename: part.filename.clone(),
                    content_base64: Some(STANDARD.encode(part.bytes)),
                })
            })
            .collect()
    }
}

fn read(form: &Form<'_>) -> Option<InboundMessage> {
    let envelope: Envelope =
        form.bytes("envelope").and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    if let Some(raw) = form.bytes("email") {
        return mail::read(raw, envelope.to.first().map(String::as_str));
    }
    // The headers as they came, read as an email without a body.
    let headers = [form.bytes("headers").unwrap_or_default(), b"\r\n\r\n"].concat();
    let head = MessageParser::default().parse(&headers);
    let stated = |name: &str| {
        let line = format!("From: {}\r\n\r\n", form.text(name)?.replace(['\r', '\n'], " "));
        mail::first_address(MessageParser::default().parse(&line)?.from())
    };
    let from = stated("from").or_else(|| Some(envelope.from.clone()).filter(|from| from.contains('@')))?;
    let digest_ref =
        || ProviderRef::digest_of(&form.parts.iter().flat_map(|part| part.bytes).copied().collect::<Vec<u8>>());
    Some(InboundMessage {
        provider_ref: head.as_ref().and_then(|head| ProviderRef::new(head.message_id()?)).unwrap_or_else(digest_ref),
        from: Phi::new(from),
        to: envelope.to.first().cloned().or_else(|| stated("to")).unwrap_or_default(),
        subject: form.text("subject").map(Phi::new),
        text: Phi::new(form.text("text").unwrap_or_default()),
        html: form.text("html").map(Phi::new),
        media: form.files(),
        in_reply_to: head.as_ref().map(mail::answered).unwrap_or_default(),
        keyword: None,
        occurred_at: head
            .as_ref()
            .and_then(|head| head.date())
            .and_then(|date| jiff::Timestamp::from_second(date.to_timestamp()).ok()),
    })
}
