//! Receipts as Twilio posts them: a form, signed over its address and its fields.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use crate::client::Answer;
use crate::load::Traffic;
use crate::sink::Face;
use crate::tally::{Ending, Tally};

/// A whole request.
pub(super) type Post = Arc<[u8]>;

/// Posts by number; those that were not taken are noted as unknown.
#[derive(Debug)]
pub(super) struct Storm {
    pub(super) posts: Arc<Vec<Post>>,
    /// Places of the posts that are to go, in order.
    pub(super) numbers: Vec<usize>,
}

impl Storm {
    /// The place of the post that a request carries.
    pub(super) fn place(&self, number: u64) -> Option<usize> {
        self.numbers.get(usize::try_from(number).ok()?).copied()
    }
}

impl Traffic for Storm {
    fn write(&self, number: u64, _: &mut Vec<u8>, out: &mut Vec<u8>) {
        if let Some(place) = self.place(number) {
            out.extend_from_slice(&self.posts[place]);
        }
    }

    fn read(&self, number: u64, answer: &Answer<'_>, _: i64, tally: &mut Tally) -> u64 {
        let ending = Ending::Status(answer.status);
        if ending.is_success() {
            tally.count(ending, 1);
            return 1;
        }
        self.lose(number, ending, tally);
        0
    }

    fn lose(&self, number: u64, ending: Ending, tally: &mut Tally) {
        tally.count(ending, 1);
        tally.unknown.push(number);
    }
}

/// The request that tells one status of one message.
pub(super) fn sign(host: &str, face: &Face, attempt: &str, message_sid: &str, status: &str) -> Post {
    let url = format!("{}?ref={attempt}", face.webhook_url);
    // In the order of their names, as they are signed.
    let fields = [
        ("AccountSid", face.account_sid.as_str()),
        ("ApiVersion", "2010-04-01"),
        ("MessageSid", message_sid),
        ("MessageStatus", status),
        ("SmsSid", message_sid),
        ("SmsStatus", status),
    ];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let signature = signature(face.auth_token.expose(), &url, &fields);
    let path = face.webhook_url.path();
    let request = format!(
        "POST {path}?ref={attempt} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         X-Twilio-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    request.into_bytes().into()
}

/// HMAC-SHA-1 over the address and the fields, name and value, in the order of the names (Twilio, "Validating requests").
fn signature(auth_token: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(url.as_bytes());
    for (name, value) in fields {
        context.update(name.as_bytes());
        context.update(value.as_bytes());
    }
    STANDARD.encode(context.sign())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Twilio's own documentation and libraries.
    #[test]
    fn the_signature_is_the_vendors_own() {
        let fields = [
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
        ];
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(signature("12345", url, &fields), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    }
}
