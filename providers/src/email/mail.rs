//! Reads a raw email from outside (RFC 5322) into an [`InboundMessage`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::{Phi, ProviderRef};
use jiff::Timestamp;
use mail_parser::{Address, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders as _};

use crate::contract::{InboundMedia, InboundMessage};

/// The most files that are taken out of one email.
const MAX_FILES: usize = 32;

/// Reads a raw email. `None` where it has no sender: then there is nobody to answer.
///
/// `to` is the address that the vendor says it came to; without it, the email's own `To` is taken.
pub(crate) fn read(raw: &[u8], to: Option<&str>) -> Option<InboundMessage> {
    let message = MessageParser::default().parse(raw)?;
    let from = first_address(message.from().or_else(|| message.sender()))?;
    let to = to.map(str::to_owned).or_else(|| first_address(message.to())).unwrap_or_default();
    Some(InboundMessage {
        provider_ref: message.message_id().and_then(ProviderRef::new).unwrap_or_else(|| ProviderRef::digest_of(raw)),
        from: Phi::new(from),
        to,
        subject: message.subject().map(Phi::from),
        text: Phi::new(message.body_text(0).map(std::borrow::Cow::into_owned).unwrap_or_default()),
        html: html(&message).map(Phi::new),
        media: message.attachments().take(MAX_FILES).map(|part| Phi::new(file(part))).collect(),
        in_reply_to: answered(&message),
        keyword: None,
        occurred_at: message.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok()),
    })
}

/// The HTML, only where the email has some of its own: mail-parser would make it of the text.
fn html(message: &Message<'_>) -> Option<String> {
    message.html_bodies().find(|part| part.is_text_html()).and_then(MessagePart::text_contents).map(str::to_owned)
}

/// The ids in `In-Reply-To` and `References`, without repetitions.
pub(crate) fn answered(message: &Message<'_>) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for value in [message.in_reply_to(), message.references()] {
        for id in listed(value) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids
}

fn listed(value: &HeaderValue<'_>) -> Vec<String> {
    match value {
        HeaderValue::Text(id) => vec![id.to_string()],
        HeaderValue::TextList(ids) => ids.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// The first address of a header, in lower case as to its domain.
pub(crate) fn first_address(found: Option<&Address<'_>>) -> Option<String> {
    found?.iter().find_map(|entry| entry.address()).filter(|text| text.contains('@')).map(str::to_owned)
}

fn file(part: &MessagePart<'_>) -> InboundMedia {
    let content_type = part.content_type().map_or_else(
        || "application/octet-stream".to_owned(),
        |found| format!("{}/{}", found.ctype(), found.subtype().unwrap_or("octet-stream")),
    );
    InboundMedia {
        content_type,
        url: None,
        filename: part.attachment_name().map(str::to_owned),
        content_base64: Some(STANDARD.encode(part.contents())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reply_names_what_it_answers() {
        let raw = b"From: Pat <pat@example.com>\r\nTo: care@clinic.example\r\nSubject: Re: Hi\r\n\
            Message-ID: <r1@example.com>\r\nIn-Reply-To: <m1@clinic.example>\r\n\
            References: <m0@clinic.example> <m1@clinic.example>\r\nDate: Fri, 15 Jan 2027 08:00:00 +0000\r\n\r\nYes\r\n";
        let read = read(raw, None).unwrap();
        assert_eq!(read.provider_ref, "r1@example.com");
        assert_eq!(read.from.expose(), "pat@example.com");
        assert_eq!(read.to, "care@clinic.example");
        assert_eq!(read.text.expose().trim(), "Yes");
        assert!(read.html.is_none());
        assert_eq!(read.in_reply_to, ["m1@clinic.example", "m0@clinic.example"]);
        assert_eq!(read.occurred_at.unwrap().as_second(), 1_800_000_000);
    }

    #[test]
    fn without_an_id_a_copy_has_the_same_name() {
        let raw = b"From: pat@example.com\r\n\r\nHi";
        assert_eq!(read(raw, None).unwrap().provider_ref, read(raw, Some("x")).unwrap().provider_ref);
        assert!(read(b"Subject: nobody\r\n\r\nHi", None).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(raw in any::<Vec<u8>>()) {
            let _ = read(&raw, None);
            let _ = read(&[b"From: a@example.com\r\n", raw.as_slice()].concat(), None);
        }
    }
}
