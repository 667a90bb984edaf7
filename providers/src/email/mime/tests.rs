//! Tests of the writer: read back by another implementation (mail-parser).

use carepost_kernel::Channel;
use mail_parser::{MessageParser, MimeHeaders as _};
use proptest::prelude::*;

use super::*;

fn sender() -> Sender {
    Sender::new("care@clinic.example", Some("Clinic é\r\nBcc: thief@example.com")).unwrap()
}

fn attempt(attempt_no: i16) -> AttemptRef {
    AttemptRef {
        message_id: "01900000-0000-7000-8000-0000000000ab".parse().unwrap(),
        channel: Channel::Email,
        attempt_no,
    }
}

fn letter<'a>(from: &'a Sender, content: &'a EmailContent, attempt: AttemptRef) -> Letter<'a> {
    Letter { from, to: "pat@example.com", content, attempt, date: Timestamp::from_second(1_800_000_000).unwrap() }
}

fn full() -> EmailContent {
    EmailContent {
        subject: "Grüße\r\nBcc: thief@example.com".to_owned(),
        text: Some("Hello ü\n.\nline".to_owned()),
        html: Some("<p>Hello ü</p>".to_owned()),
        reply_to: Some("front@clinic.example".to_owned()),
        attachments: vec![Attachment {
            filename: "a\"\r\nX: y.pdf".to_owned(),
            content_type: "application/pdf".to_owned(),
            content_base64: STANDARD.encode(b"%PDF-1.7"),
        }],
        unsubscribe_url: Some("https://clinic.example/u/abc".to_owned()),
    }
}

#[test]
fn a_full_email_reads_back() {
    let (from, content) = (sender(), full());
    let bytes = write(&letter(&from, &content, attempt(2))).unwrap();
    assert!(bytes.is_ascii());
    assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 998));
    let read = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(read.subject(), Some("Grüße Bcc: thief@example.com"));
    assert_eq!(read.message_id(), Some(message_id(attempt(1), "clinic.example").as_str()));
    assert_eq!(read.header_raw(crate::email::REF_HEADER).map(str::trim), Some(attempt(2).to_string().as_str()));
    assert_eq!(read.body_text(0).unwrap().trim_end(), "Hello ü\r\n.\r\nline");
    assert_eq!(read.body_html(0).unwrap().trim_end(), "<p>Hello ü</p>");
    assert_eq!(read.header_raw("List-Unsubscribe").map(str::trim), Some("<https://clinic.example/u/abc>"));
    assert_eq!(read.header_raw("List-Unsubscribe-Post").map(str::trim), Some("List-Unsubscribe=One-Click"));
    assert_eq!(read.reply_to().and_then(|to| to.first()).and_then(|to| to.address()), Some("front@clinic.example"));
    assert!(read.bcc().is_none(), "a line end in a subject or name made a header");
    assert_eq!(read.date().unwrap().to_timestamp(), 1_800_000_000);
    let file = read.attachment(0).unwrap();
    assert_eq!((file.contents(), file.content_type().unwrap().ctype()), (&b"%PDF-1.7"[..], "application"));
    assert!(file.attachment_name().unwrap().ends_with("X: y.pdf"));
}

#[test]
fn del_5_the_message_id_is_the_same_for_every_attempt() {
    assert_eq!(message_id(attempt(1), "clinic.example").len(), 36 + ".email@clinic.example".len());
    let named = attempt_of_message_id(&format!("<{}>", message_id(attempt(7), "clinic.example"))).unwrap();
    assert_eq!((named.message_id, named.attempt_no), (attempt(7).message_id, 1));
    assert_eq!(attempt_of_message_id("<someone@example.com>"), None);
}

#[test]
fn what_cannot_be_written_says_so() {
    let from = sender();
    let check = |change: fn(&mut EmailContent), expected: Unwritable| {
        let mut content = full();
        change(&mut content);
        assert_eq!(write(&letter(&from, &content, attempt(1))), Err(expected));
    };
    check(|content| (content.text, content.html) = (None, Some(String::new())), Unwritable::Empty);
    check(|content| content.reply_to = Some("no address".to_owned()), Unwritable::ReplyTo);
    check(|content| content.unsubscribe_url = Some("http://clinic.example".to_owned()), Unwritable::UnsubscribeUrl);
    check(|content| content.attachments[0].content_base64 = "%%%".to_owned(), Unwritable::Attachment);
    check(|content| content.attachments[0].content_type = "a/b\r\nX: y".to_owned(), Unwritable::Attachment);
    for to in [
        "",
        "nobody",
        "a b@example.com",
        "a@example.com\r\nRCPT TO:<b@example.com>",
        "\"a\r\nb\"@example.com",
        "\"a> X\"@example.com",
        "ü@example.com",
    ] {
        let content = full();
        let letter = Letter { to, ..letter(&from, &content, attempt(1)) };
        assert_eq!(write(&letter), Err(Unwritable::Recipient), "{to}");
    }
}

#[test]
fn each_shape_has_its_own_structure() {
    let from = sender();
    for (has_text, has_html, has_file, expected) in [
        (true, false, false, "text/plain"),
        (false, true, false, "text/html"),
        (true, true, false, "multipart/alternative"),
        (true, true, true, "multipart/mixed"),
        (true, false, true, "multipart/mixed"),
        (false, true, true, "multipart/mixed"),
    ] {
        let mut content = full();
        content.text = content.text.filter(|_| has_text);
        content.html = content.html.filter(|_| has_html);
        content.attachments.truncate(usize::from(has_file));
        let bytes = write(&letter(&from, &content, attempt(1))).unwrap();
        let read = MessageParser::default().parse(&bytes).unwrap();
        let found = read.content_type().map(|found| format!("{}/{}", found.ctype(), found.subtype().unwrap_or("")));
        assert_eq!(found.as_deref(), Some(expected));
        assert_eq!(read.attachment_count(), usize::from(has_file));
    }
}

proptest! {
    #[test]
    fn no_subject_or_name_can_make_a_header(
        subject in any::<String>(),
        name in any::<String>(),
        file in any::<String>(),
        text in "[ -~\r\n.é]{1,300}",
        bytes_of_file in any::<Vec<u8>>(),
    ) {
        let from = Sender::new("care@clinic.example", Some(&name)).unwrap();
        let mut content = full();
        content.subject = subject;
        content.text = Some(text);
        content.attachments[0].filename = file;
        content.attachments[0].content_base64 = STANDARD.encode(&bytes_of_file);
        let bytes = write(&letter(&from, &content, attempt(1))).unwrap();
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let names: Vec<&[u8]> = bytes[..head]
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.starts_with(b" ") && !line.starts_with(b"\t"))
            .map(|line| line.split(|byte| *byte == b':').next().unwrap())
            .collect();
        prop_assert!(names.len() <= 11, "{:?}", names.len());
        prop_assert!(bytes.is_ascii());
        for (place, byte) in bytes.iter().enumerate() {
            let in_pair = match byte {
                b'\n' => place > 0 && bytes[place - 1] == b'\r',
                b'\r' => bytes.get(place + 1) == Some(&b'\n'),
                _ => true,
            };
            prop_assert!(in_pair, "a lone line end at {place}");
        }
    }
}
