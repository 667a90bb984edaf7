//! Receipts as Twilio posts them: a form, signed over its address and its fields.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use crate::sink::Face;

/// A whole request.
pub(crate) type Post = Arc<[u8]>;

/// What is told of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Status {
    /// Twilio's word: `sent`, `delivered`, `undelivered`, `read`.
    pub(crate) word: &'static str,
    /// Why it did not arrive.
    pub(crate) error_code: Option<&'static str>,
}

impl Status {
    /// A status without an error.
    pub(crate) const fn of(word: &'static str) -> Self {
        Self { word, error_code: None }
    }
}

/// The request that tells one status of one message.
pub(crate) fn sign(host: &str, face: &Face, attempt: &str, message_sid: &str, status: Status) -> Post {
    let url = format!("{}?ref={attempt}", face.webhook_url);
    // In the order of their names, as they are signed.
    let mut fields = vec![("AccountSid", face.account_sid.as_str()), ("ApiVersion", "2010-04-01")];
    fields.extend(status.error_code.map(|code| ("ErrorCode", code)));
    fields.extend([
        ("MessageSid", message_sid),
        ("MessageStatus", status.word),
        ("SmsSid", message_sid),
        ("SmsStatus", status.word),
    ]);
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
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
