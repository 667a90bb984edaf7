//! Content for each channel of the plan: completed from subject and body, and held to the channel's limits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use carepost_kernel::{Channel, EmailContent, InAppContent, SmsContent};

use crate::types::{Payload, Recipient};

use super::{EnqueueRequest, Faults};

/// Twilio's limit, the lowest of the vendors', in characters.
const SMS_LIMIT_CHARS: usize = 1_600;
const MEDIA_LIMIT: usize = 10;
/// RFC 5322 limits a header line to 998 octets.
const SUBJECT_LIMIT_BYTES: usize = 900;
const EMAIL_TEXT_LIMIT_BYTES: usize = 1 << 20;
const ATTACHMENT_LIMIT: usize = 20;
/// All attachments of one email together, decoded.
const ATTACHMENTS_LIMIT_BYTES: usize = 10 << 20;
const TITLE_LIMIT_CHARS: usize = 200;
const IN_APP_LIMIT_CHARS: usize = 20_000;

/// Makes the payload: content of the channel's own, or else from subject and body.
pub(super) fn complete(request: EnqueueRequest, to: Recipient, plan: &[Channel], faults: &mut Faults) -> Payload {
    let EnqueueRequest { subject, body, sms, email, in_app, metadata, about, .. } = request;
    let general = (subject.as_deref(), body.as_deref());
    if sms.is_none() && email.is_none() && in_app.is_none() && body.is_none() {
        faults.add("/content", "is needed: give a body, or content for each channel");
        return Payload::default();
    }
    let payload = Payload {
        sms: sms.or_else(|| wanted(plan, Channel::Sms, general.1, sms_from)),
        email: email.or_else(|| wanted(plan, Channel::Email, general.1, |body| email_from(general.0, body))),
        in_app: in_app.or_else(|| wanted(plan, Channel::InApp, general.1, |body| in_app_from(general.0, body))),
        to,
        metadata,
        about,
    };
    for channel in plan {
        let missing = match channel {
            Channel::Sms => payload.sms.is_none(),
            Channel::Email => payload.email.is_none(),
            Channel::InApp => payload.in_app.is_none(),
            Channel::Push | Channel::Voice => false,
        };
        if missing {
            faults.add(format!("/content/{}", channel.as_str()), "is needed for a channel of the plan");
        }
    }
    payload.sms.iter().for_each(|sms| check_sms(sms, faults));
    payload.email.iter().for_each(|email| check_email(email, faults));
    payload.in_app.iter().for_each(|in_app| check_in_app(in_app, faults));
    payload
}

fn wanted<T>(plan: &[Channel], channel: Channel, body: Option<&str>, make: impl FnOnce(&str) -> T) -> Option<T> {
    body.filter(|_| plan.contains(&channel)).map(make)
}

fn sms_from(body: &str) -> SmsContent {
    SmsContent { text: body.to_owned(), media_urls: Vec::new() }
}

fn email_from(subject: Option<&str>, body: &str) -> EmailContent {
    EmailContent {
        subject: subject.unwrap_or_default().to_owned(),
        text: Some(body.to_owned()),
        ..EmailContent::default()
    }
}

fn in_app_from(subject: Option<&str>, body: &str) -> InAppContent {
    InAppContent { title: subject.unwrap_or_default().to_owned(), body: body.to_owned() }
}

pub(super) fn check_sms(sms: &SmsContent, faults: &mut Faults) {
    if sms.text.is_empty() && sms.media_urls.is_empty() {
        faults.add("/content/sms/text", "is empty");
    }
    if sms.text.chars().count() > SMS_LIMIT_CHARS {
        faults.add("/content/sms/text", "is longer than 1600 characters");
    }
    if sms.media_urls.len() > MEDIA_LIMIT {
        faults.add("/content/sms/media_urls", "holds more than 10 addresses");
    }
    for (i, media_url) in sms.media_urls.iter().enumerate() {
        let sound = url::Url::parse(media_url).is_ok_and(|url| url.scheme() == "https" && url.has_host());
        if !sound {
            faults.add(format!("/content/sms/media_urls/{i}"), "must be an https address");
        }
    }
}

fn check_email(email: &EmailContent, faults: &mut Faults) {
    if email.subject.trim().is_empty() {
        faults.add("/content/email/subject", "is needed for email");
    }
    if email.subject.len() > SUBJECT_LIMIT_BYTES || email.subject.chars().any(char::is_control) {
        faults.add("/content/email/subject", "takes up to 900 bytes on one line");
    }
    let sizes = [&email.text, &email.html].map(|part| part.as_ref().map_or(0, String::len));
    if sizes == [0, 0] {
        faults.add("/content/email", "needs a text or an html part");
    }
    if sizes.iter().any(|size| *size > EMAIL_TEXT_LIMIT_BYTES) {
        faults.add("/content/email", "takes up to 1 MiB of text and 1 MiB of html");
    }
    let reply_to = email.reply_to.as_deref();
    if reply_to.is_some_and(|address| super::normalize_address(Channel::Email, address).is_none()) {
        faults.add("/content/email/reply_to", "must be a valid email address");
    }
    if email.unsubscribe_url.as_deref().is_some_and(|text| !text.starts_with("https://")) {
        faults.add("/content/email/unsubscribe_url", "must be an https address");
    }
    check_attachments(email, faults);
}

fn check_attachments(email: &EmailContent, faults: &mut Faults) {
    if email.attachments.len() > ATTACHMENT_LIMIT {
        faults.add("/content/email/attachments", "holds more than 20 files");
    }
    let mut total_bytes = 0;
    for (i, attachment) in email.attachments.iter().enumerate() {
        let pointer = |field: &str| format!("/content/email/attachments/{i}/{field}");
        let name_fits = (1..=255).contains(&attachment.filename.len());
        if !name_fits || attachment.filename.chars().any(|one| one.is_control() || matches!(one, '/' | '\\')) {
            faults.add(pointer("filename"), "takes 1 to 255 bytes without slashes");
        }
        if attachment.content_type.parse::<lettre::message::header::ContentType>().is_err() {
            faults.add(pointer("content_type"), "must be a media type, as in application/pdf");
        }
        match STANDARD.decode(&attachment.content_base64) {
            Ok(bytes) => total_bytes += bytes.len(),
            Err(_) => faults.add(pointer("content_base64"), "is not standard base64"),
        }
    }
    if total_bytes > ATTACHMENTS_LIMIT_BYTES {
        faults.add("/content/email/attachments", "are larger than 10 MiB together");
    }
}

fn check_in_app(in_app: &InAppContent, faults: &mut Faults) {
    if in_app.body.is_empty() {
        faults.add("/content/in_app/body", "is empty");
    }
    if in_app.body.chars().count() > IN_APP_LIMIT_CHARS {
        faults.add("/content/in_app/body", "is longer than 20000 characters");
    }
    if in_app.title.chars().count() > TITLE_LIMIT_CHARS {
        faults.add("/content/in_app/title", "is longer than 200 characters");
    }
}
