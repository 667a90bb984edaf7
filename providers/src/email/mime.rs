//! The one writer of emails (RFC 5322, RFC 2045 ff.), for SES and SMTP; SendGrid takes its checks and its `Message-ID`.
//!
//! The `Message-ID` names message and channel, not the attempt: copies of a message that went out twice are one mail
//! to the recipient's mail program (DEL-5). Line ends in subjects and names become spaces, so that nothing that a
//! patient's name holds can start a header of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::{Attachment, AttemptRef, EmailContent, Failure, FailureClass};
use jiff::Timestamp;
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as AttachedFile, Body, Mailbox, Message, MessageBuilder, MultiPart, SinglePart};

use crate::contract::ConfigError;

/// Who an account writes as: `from_email` and `from_name` of each email vendor's settings.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) address: Address,
    pub(crate) name: Option<String>,
}

impl Sender {
    /// Reads the sender out of an account's settings.
    ///
    /// # Errors
    /// Where `from_email` is no address.
    pub(crate) fn new(from_email: &str, from_name: Option<&str>) -> Result<Self, ConfigError> {
        let address = address(from_email).ok_or_else(|| ConfigError {
            pointer: "/settings/from_email".to_owned(),
            problem: "not an email address",
        })?;
        Ok(Self { address, name: from_name.map(one_line).filter(|name| !name.is_empty()) })
    }

    /// The domain of the sender's address.
    pub(crate) fn domain(&self) -> &str {
        self.address.domain()
    }

    fn mailbox(&self) -> Mailbox {
        Mailbox::new(self.name.clone(), self.address.clone())
    }
}

/// One email to write.
pub(crate) struct Letter<'a> {
    pub(crate) from: &'a Sender,
    pub(crate) to: &'a str,
    pub(crate) content: &'a EmailContent,
    pub(crate) attempt: AttemptRef,
    pub(crate) date: Timestamp,
}

/// Why an email cannot be written. Each is the message's own fault: it will not get better by waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unwritable {
    Recipient,
    ReplyTo,
    Empty,
    Attachment,
    UnsubscribeUrl,
}

impl Unwritable {
    /// The failure under a vendor's name.
    pub(crate) fn failure(self, vendor: &str) -> Failure {
        let code = match self {
            Self::Recipient => "bad_recipient",
            Self::ReplyTo => "bad_reply_to",
            Self::Empty => "empty_content",
            Self::Attachment => "bad_attachment",
            Self::UnsubscribeUrl => "bad_unsubscribe_url",
        };
        Failure::new(FailureClass::Permanent, format!("{vendor}_{code}"))
    }
}

/// Reads an address: ASCII only, since most mail servers still refuse others (RFC 6531 is rarely offered), and nothing
/// that could end an SMTP path, not even between quotation marks.
pub(crate) fn address(text: &str) -> Option<Address> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'));
    if is_plain { text.parse().ok() } else { None }
}

/// The text without line ends and other control characters, so that it cannot break out of its header.
pub(crate) fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|found| if found.is_control() { ' ' } else { found }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `<message id>.<channel>@<sender's domain>`, without the angle brackets; the same for every attempt.
pub(crate) fn message_id(attempt: AttemptRef, domain: &str) -> String {
    format!("{}.{}@{domain}", attempt.message_id, attempt.channel.as_str())
}

/// The attempt that a `Message-ID` of ours names. It does not tell the number: the first is taken, which names the
/// right delivery.
pub(crate) fn attempt_of_message_id(message_id: &str) -> Option<AttemptRef> {
    let (local_part, _) = message_id.trim().trim_start_matches('<').split_once('@')?;
    format!("{local_part}.1").parse().ok()
}

/// The `List-Unsubscribe` headers of RFC 8058, where the content has an address for them.
///
/// # Errors
/// Where it is not an `https` address, or longer than a header line may be.
pub(crate) fn unsubscribe_headers(content: &EmailContent) -> Result<Option<[(&'static str, String); 2]>, Unwritable> {
    let Some(text) = &content.unsubscribe_url else { return Ok(None) };
    let url = url::Url::parse(text).map_err(|_| Unwritable::UnsubscribeUrl)?;
    let in_header = format!("<{url}>");
    let is_plain = in_header.bytes().all(|byte| byte.is_ascii_graphic());
    if url.scheme() != "https" || !is_plain || in_header.len() > MAX_HEADER_BYTES {
        return Err(Unwritable::UnsubscribeUrl);
    }
    Ok(Some([("List-Unsubscribe", in_header), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned())]))
}

/// RFC 5322 lets a line have 998 characters; the name of the header takes some.
const MAX_HEADER_BYTES: usize = 900;

/// The decoded bytes of an attachment.
///
/// # Errors
/// Where its base64 or its media type is none.
pub(crate) fn attached(attachment: &Attachment) -> Result<(Vec<u8>, ContentType), Unwritable> {
    let bytes = STANDARD.decode(attachment.content_base64.trim()).map_err(|_| Unwritable::Attachment)?;
    let is_printable = attachment.content_type.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let content_type = ContentType::parse(&attachment.content_type).map_err(|_| Unwritable::Attachment)?;
    if is_printable { Ok((bytes, content_type)) } else { Err(Unwritable::Attachment) }
}

/// The text and HTML parts that have something in them.
///
/// # Errors
/// Where there is nothing to say.
pub(crate) fn bodies(content: &EmailContent) -> Result<(Option<&str>, Option<&str>), Unwritable> {
    let filled = |text: &'_ Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    match (filled(&content.text), filled(&content.html)) {
        (false, false) => Err(Unwritable::Empty),
        (has_text, has_html) => {
            Ok((content.text.as_deref().filter(|_| has_text), content.html.as_deref().filter(|_| has_html)))
        }
    }
}

/// Writes the email, ready to be sent: CRLF line ends, 7-bit throughout.
///
/// # Errors
/// What is wrong with the content.
pub(crate) fn write(letter: &Letter<'_>) -> Result<Vec<u8>, Unwritable> {
    let headed = headers(letter)?;
    let (text, html) = bodies(letter.content)?;
    let mut files = Vec::with_capacity(letter.content.attachments.len());
    for attachment in &letter.content.attachments {
        let (bytes, content_type) = attached(attachment)?;
        // In base64 whatever it holds, so that no byte of it is taken for a line end.
        let bytes =
            Body::new_with_encoding(bytes, ContentTransferEncoding::Base64).map_err(|_| Unwritable::Attachment)?;
        files.push(AttachedFile::new(one_line(&attachment.filename)).body(bytes, content_type));
    }
    let written = match (text, html, files.is_empty()) {
        (Some(text), Some(html), true) => headed.multipart(alternative(text, html)),
        (Some(text), None, true) => headed.singlepart(plain(text)),
        (_, Some(html), true) => headed.singlepart(hypertext(html)),
        (Some(text), Some(html), false) => headed.multipart(mixed_of(alternative(text, html), files)),
        (Some(text), None, false) => headed.multipart(mixed(plain(text), files)),
        (_, Some(html), false) => headed.multipart(mixed(hypertext(html), files)),
        (None, None, _) => return Err(Unwritable::Empty),
    };
    written.map(|message| message.formatted()).map_err(|_| Unwritable::Recipient)
}

fn headers(letter: &Letter<'_>) -> Result<MessageBuilder, Unwritable> {
    let to = address(letter.to).ok_or(Unwritable::Recipient)?;
    let id = message_id(letter.attempt, letter.from.domain());
    let mut builder = Message::builder()
        .from(letter.from.mailbox())
        .to(Mailbox::new(None, to))
        .subject(one_line(&letter.content.subject))
        .date(letter.date.into())
        .raw_header(ready("Message-ID", format!("<{id}>")))
        .raw_header(ready(super::REF_HEADER, letter.attempt.to_string()))
        .raw_header(ready("MIME-Version", "1.0".to_owned()));
    if let Some(reply_to) = &letter.content.reply_to {
        builder = builder.reply_to(Mailbox::new(None, address(reply_to).ok_or(Unwritable::ReplyTo)?));
    }
    for (name, value) in unsubscribe_headers(letter.content)?.into_iter().flatten() {
        builder = builder.raw_header(ready(name, value));
    }
    Ok(builder)
}

/// A header whose value is printable ASCII already and must not be folded or encoded.
fn ready(name: &'static str, value: String) -> HeaderValue {
    debug_assert!(value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value)
}

fn plain(text: &str) -> SinglePart {
    SinglePart::plain(whole_lines(text))
}

fn hypertext(html: &str) -> SinglePart {
    SinglePart::html(whole_lines(html))
}

fn alternative(text: &str, html: &str) -> MultiPart {
    MultiPart::alternative_plain_html(whole_lines(text), whole_lines(html))
}

/// The text with one kind of line end and without NUL. Mail servers disagree on what a lone carriage return is, and
/// where they do, one of them can be made to see the end of the message in the middle of it ("SMTP smuggling").
fn whole_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "")
}

fn mixed(first: SinglePart, files: Vec<SinglePart>) -> MultiPart {
    files.into_iter().fold(MultiPart::mixed().singlepart(first), MultiPart::singlepart)
}

fn mixed_of(first: MultiPart, files: Vec<SinglePart>) -> MultiPart {
    files.into_iter().fold(MultiPart::mixed().multipart(first), MultiPart::singlepart)
}

#[cfg(test)]
mod tests;
