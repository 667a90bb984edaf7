//! Webhooks signed by hand, as Twilio and Vonage sign them: for the orders and lies that no simulator plays.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256, Key, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_providers::Vendor;

use super::{Account, Answer, Api};

/// A status callback of Twilio's.
pub(crate) struct Callback<'a> {
    pub(crate) sid: &'a str,
    pub(crate) status: &'a str,
    /// `ErrorCode`, where it did not arrive.
    pub(crate) code: Option<&'a str>,
}

impl Callback<'_> {
    /// Posts it, signed with the account's own token.
    pub(crate) async fn post(&self, api: &Api, account: &Account) -> Answer {
        self.post_signed(api, account, &account.secret("auth_token")).await
    }

    /// Posts it, signed with any token.
    pub(crate) async fn post_signed(&self, api: &Api, account: &Account, token: &str) -> Answer {
        assert_eq!(account.simulated.vendor, Vendor::Twilio);
        let mut params = vec![("MessageSid", self.sid), ("MessageStatus", self.status), ("To", "+15005559999")];
        params.extend(self.code.map(|code| ("ErrorCode", code)));
        let url = account.webhook_url.as_str();
        let signature = twilio(url, &params, token);
        let request = api.http.post(url).header("x-twilio-signature", signature).form(&params);
        Answer::of(request).await.unwrap()
    }
}

/// The address and all parameters in the order of their names, under HMAC-SHA1.
pub(crate) fn twilio(url: &str, params: &[(&str, &str)], token: &str) -> String {
    let mut sorted = params.to_vec();
    sorted.sort_unstable();
    let text: String = sorted.iter().fold(url.to_owned(), |text, (name, value)| text + name + value);
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    STANDARD.encode(sign(&key, text.as_bytes()).as_ref())
}

/// Vonage's way, over the parameters in the order of their names.
pub(crate) fn hmac_sha256(text: &str, secret: &str) -> String {
    hex::encode(sign(&Key::new(HMAC_SHA256, secret.as_bytes()), text.as_bytes()).as_ref())
}
