//! The body of SendEmail, and Amazon's signature (SigV4) over the request.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::{Failure, FailureClass};
use jiff::Timestamp;
use serde_json::json;

use crate::contract::Outbound;
use crate::email::mime::{self, Letter, Unwritable};
use crate::email::ses::NAME;
use crate::email::ses::config::Account;
use crate::email::{REF_FIELD, content};

/// What SES v2 takes, after base64.
const MAX_RAW_BYTES: usize = 40 * 1024 * 1024;

/// Writes the body.
///
/// # Errors
/// What is wrong with the content; nothing is sent then.
pub(super) fn body(account: &Account, outbound: &Outbound, now: Timestamp) -> Result<Vec<u8>, Failure> {
    let content = content(NAME, outbound)?;
    let to = outbound.to.expose();
    let letter = Letter { from: &account.sender, to, content, attempt: outbound.attempt, date: now };
    let raw = STANDARD.encode(mime::write(&letter).map_err(|fault: Unwritable| fault.failure(NAME))?);
    if raw.len() > MAX_RAW_BYTES {
        return Err(Failure::new(FailureClass::Permanent, "ses_too_large"));
    }
    let mut body = json!({
        "FromEmailAddress": account.sender.address.to_string(),
        "Destination": { "ToAddresses": [to] },
        "Content": { "Raw": { "Data": raw } },
        "EmailTags": [{ "Name": REF_FIELD, "Value": outbound.attempt.to_string() }],
    });
    if let Some(name) = &account.configuration_set {
        body["ConfigurationSetName"] = json!(name);
    }
    Ok(body.to_string().into_bytes())
}

/// Makes the signed request.
///
/// # Errors
/// A configuration fault where the credentials cannot be signed with.
pub(super) fn signed(
    account: &Account,
    http: &reqwest::Client,
    body: Vec<u8>,
    now: Timestamp,
) -> Result<reqwest::RequestBuilder, Failure> {
    let unsignable = || Failure::new(FailureClass::ConfigFault, "ses_unsignable");
    let to_sign = ToSign {
        region: &account.region,
        url: account.send_url.as_str(),
        host: &authority(&account.send_url).ok_or_else(unsignable)?,
        body: &body,
        at: now,
    };
    let headers = signature_headers(&account.credentials, &to_sign).ok_or_else(unsignable)?;
    let mut request =
        http.post(account.send_url.clone()).timeout(account.timeout).header("content-type", CONTENT_TYPE).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    Ok(request)
}

const CONTENT_TYPE: &str = "application/json";

/// `host:port`, the port only where it is not the scheme's own: as it stands in the `Host` header.
pub(crate) fn authority(url: &url::Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// What a signature covers.
pub(crate) struct ToSign<'a> {
    pub(crate) region: &'a str,
    pub(crate) url: &'a str,
    pub(crate) host: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) at: Timestamp,
}

/// The headers of the signature: `authorization`, `x-amz-date` and, for temporary credentials, the token.
pub(crate) fn signature_headers(
    credentials: &Credentials,
    to_sign: &ToSign<'_>,
) -> Option<Vec<(&'static str, String)>> {
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(to_sign.region)
        .name("ses")
        .time(to_sign.at.into())
        .settings(SigningSettings::default())
        .build()
        .ok()?
        .into();
    let headers = [("content-type", CONTENT_TYPE), ("host", to_sign.host)];
    let request =
        SignableRequest::new("POST", to_sign.url, headers.into_iter(), SignableBody::Bytes(to_sign.body)).ok()?;
    let (instructions, _signature) = sign(request, &params).ok()?.into_parts();
    let (headers, _params) = instructions.into_parts();
    Some(headers.into_iter().map(|header| (header.name(), header.value().to_owned())).collect())
}
