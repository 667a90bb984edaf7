//! Reports about mail: delivery status notifications (RFC 3464) and abuse reports (RFC 5965).
//!
//! A report finds its attempt by the VERP recipient, then the envelope id, then the returned message's own headers;
//! never by a subject or a text.

use carepost_kernel::{AttemptRef, Failure, FailureClass, ReceiptStatus};
use jiff::Timestamp;
use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders as _, PartType};

use crate::contract::ReceiptEvent;
use crate::email::smtp::{classify, verp};
use crate::email::{EnhancedCode, REF_HEADER, mime, snake};

/// Headers in which mail servers keep the address that a bounce came to.
const RECIPIENT_HEADERS: [&str; 4] = ["To", "Delivered-To", "X-Original-To", "Envelope-To"];

/// The most recipients that are read of one report; we send to one at a time.
const MAX_RECIPIENTS: usize = 16;

/// Reads a report. `None` where the email is none; empty where it is about nothing of ours.
pub(super) fn read(raw: &[u8]) -> Option<Vec<ReceiptEvent>> {
    let message = MessageParser::default().parse(raw)?;
    let content_type = message.content_type()?;
    if content_type.ctype() != "multipart" || content_type.subtype() != Some("report") {
        return None;
    }
    let kind = content_type.attribute("report-type").unwrap_or("").to_ascii_lowercase();
    match kind.as_str() {
        "delivery-status" => Some(notices(&message)),
        "feedback-report" => Some(complaint(&message).into_iter().collect()),
        _ => None,
    }
}

/// One block of `Name: value` lines.
type Fields = Vec<(String, String)>;

fn field<'a>(fields: &'a Fields, wanted: &str) -> Option<&'a str> {
    fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
}

/// The blocks of a status or feedback part: long lines are unfolded, names are in lower case.
fn blocks(bytes: &[u8]) -> Vec<Fields> {
    let text = String::from_utf8_lossy(bytes);
    let mut blocks = vec![Fields::new()];
    for line in text.lines() {
        let block = blocks.last_mut().map(|block| (block.is_empty(), block));
        match block {
            Some((true, _)) if line.trim().is_empty() => {}
            Some((false, _)) if line.trim().is_empty() => blocks.push(Fields::new()),
            Some((_, block)) if line.starts_with([' ', '\t']) => {
                if let Some((_, value)) = block.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            }
            Some((_, block)) => {
                if let Some((name, value)) = line.split_once(':') {
                    block.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
            }
            None => {}
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

fn part<'a, 'x>(message: &'a Message<'x>, kind: &str, subtypes: &[&str]) -> Option<&'a MessagePart<'x>> {
    message.parts.iter().find(|part| {
        part.content_type().is_some_and(|found| {
            found.ctype() == kind && found.subtype().is_some_and(|subtype| subtypes.contains(&subtype))
        })
    })
}

fn notices(report: &Message<'_>) -> Vec<ReceiptEvent> {
    let Some(status_part) = part(report, "message", &["delivery-status", "global-delivery-status"]) else {
        return Vec::new();
    };
    let mut blocks = blocks(status_part.contents()).into_iter();
    let about_message = blocks.next().unwrap_or_default();
    let Some(attempt) = correlate(report, field(&about_message, "original-envelope-id")) else { return Vec::new() };
    let occurred_at = report.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok());
    blocks
        .take(MAX_RECIPIENTS)
        .filter_map(|about_recipient| {
            let action = field(&about_recipient, "action")?.to_ascii_lowercase();
            let code = field(&about_recipient, "status").and_then(EnhancedCode::parse);
            let (status, failure) = meaning(&action, code)?;
            Some(event(attempt, status, failure, &action, occurred_at))
        })
        .collect()
}

/// The one table of actions.
fn meaning(action: &str, code: Option<EnhancedCode>) -> Option<(ReceiptStatus, Option<Failure>)> {
    let named = |what: &str| match code {
        Some(found) => format!("smtp_{what}_{}", found.underscored()),
        None => format!("smtp_{what}"),
    };
    match action {
        "delivered" => Some((ReceiptStatus::Delivered, None)),
        // Handed to a server that sends no notices, or to a list.
        "relayed" | "expanded" => Some((ReceiptStatus::Sent, None)),
        "delayed" => Some((ReceiptStatus::Deferred, Some(Failure::new(FailureClass::Transient, named("delayed"))))),
        "failed" => {
            let (status, class) = failed(code);
            Some((status, Some(Failure::new(class, named("failed")))))
        }
        _ => None,
    }
}

fn failed(code: Option<EnhancedCode>) -> (ReceiptStatus, FailureClass) {
    let Some(code) = code else { return (ReceiptStatus::Bounced, FailureClass::Permanent) };
    let class = match (classify::class_of(code), code.class) {
        // A rate that lasted until the server gave up is a failure by now.
        (Some(FailureClass::Throttled), _) | (None, 4) => FailureClass::Transient,
        (Some(class), _) => class,
        (None, _) => FailureClass::Permanent,
    };
    // Only what is about the mailbox itself condemns the address.
    let is_mailbox = code.subject == 1 || (code.subject, code.detail) == (2, 1);
    match class {
        FailureClass::Permanent if is_mailbox => (ReceiptStatus::Bounced, class),
        _ => (ReceiptStatus::Undelivered, class),
    }
}

fn complaint(report: &Message<'_>) -> Option<ReceiptEvent> {
    let feedback = part(report, "message", &["feedback-report"])?;
    let fields: Fields = blocks(feedback.contents()).into_iter().flatten().collect();
    let kind = snake(field(&fields, "feedback-type")?);
    let status = match kind.as_str() {
        "abuse" | "fraud" | "virus" | "other" => ReceiptStatus::Complained,
        "opt_out" | "opt_out_list" => ReceiptStatus::Unsubscribed,
        // "not_spam" and reports about signatures are no complaints.
        _ => return None,
    };
    let by_sender = field(&fields, "original-mail-from").and_then(|text| verp::attempt(text.trim_matches(['<', '>'])));
    let attempt = by_sender.or_else(|| correlate(report, field(&fields, "original-envelope-id")))?;
    let failure = Failure::new(FailureClass::Suppressed, format!("smtp_feedback_{kind}"));
    let occurred_at = report.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok());
    Some(event(attempt, status, Some(failure), &kind, occurred_at))
}

fn event(
    attempt: AttemptRef,
    status: ReceiptStatus,
    failure: Option<Failure>,
    what: &str,
    occurred_at: Option<Timestamp>,
) -> ReceiptEvent {
    let code = failure.as_ref().map_or("", |failure| failure.code.as_str());
    let seconds = occurred_at.map_or(0, Timestamp::as_second);
    ReceiptEvent {
        provider_ref: attempt.into(),
        attempt: Some(attempt),
        status,
        dedup_key: format!("{attempt}:{what}:{code}:{seconds}"),
        failure,
        occurred_at,
    }
}

/// The attempt that a report is about.
fn correlate(report: &Message<'_>, envelope_id: Option<&str>) -> Option<AttemptRef> {
    let by_recipient = || {
        RECIPIENT_HEADERS.into_iter().find_map(|name| {
            let value = report.header_raw(name)?;
            value.split([',', ' ', '<', '>', '\r', '\n', '\t']).find_map(verp::attempt)
        })
    };
    let by_envelope = || envelope_id?.trim().parse().ok();
    by_recipient().or_else(by_envelope).or_else(|| by_returned(report))
}

/// By the headers of the message that came back, whole or in part.
fn by_returned(report: &Message<'_>) -> Option<AttemptRef> {
    let returned = part(report, "message", &["rfc822", "global", "rfc822-headers"])
        .or_else(|| part(report, "text", &["rfc822-headers"]))
        .or_else(|| part(report, "message", &["global-headers"]))?;
    let named = |original: &Message<'_>| {
        let by_ref = original.header_raw(REF_HEADER).and_then(|text| text.trim().parse().ok());
        by_ref.or_else(|| original.message_id().and_then(mime::attempt_of_message_id))
    };
    match &returned.body {
        PartType::Message(original) => named(original),
        _ => {
            let headers = [returned.contents(), b"\r\n\r\n"].concat();
            named(&MessageParser::default().parse(&headers)?)
        }
    }
}

#[cfg(test)]
#[path = "dsn_tests.rs"]
mod tests;
