//! Amazon SNS: the envelope around every notification, its signature, and the subscription's handshake.
//!
//! Believed is only what names the account's own topic and is signed by a certificate of `sns.<region>.amazonaws.com`
//! (or of the simulator that stands in for Amazon). Certificates are fetched once and kept.

use std::time::Duration;

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dashmap::DashMap;
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;
use x509_parser::prelude::{ASN1Time, FromDer as _, Pem, X509Certificate};

use crate::contract::{WebhookError, WebhookRequest};
use crate::email::is_fresh;
use crate::email::ses::config::Account;

/// A certificate has about two kilobytes.
const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;
/// Amazon uses one or two certificates for a region.
const MAX_CERTIFICATES: usize = 16;
/// SNS waits 15 seconds for us; a certificate must come well within.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// What SNS wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Kind {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

/// The envelope, as posted with content type `text/plain`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Envelope {
    #[serde(rename = "Type")]
    pub(super) kind: Kind,
    message_id: String,
    topic_arn: String,
    pub(super) message: String,
    timestamp: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    token: Option<String>,
    #[serde(default, rename = "SubscribeURL")]
    subscribe_url: Option<String>,
    #[serde(default)]
    signature_version: String,
    #[serde(default)]
    signature: String,
    #[serde(default, rename = "SigningCertURL")]
    signing_cert_url: String,
}

/// The account's topic.
pub(super) struct Topic {
    arn: Option<String>,
    max_age_seconds: u32,
    /// The simulator's address, where one stands in for Amazon.
    stand_in: Option<Url>,
    http: reqwest::Client,
    certificates: DashMap<String, Certificate>,
}

/// What is kept of a certificate.
#[derive(Clone)]
struct Certificate {
    public_key: Vec<u8>,
    not_before: i64,
    not_after: i64,
}

impl Topic {
    pub(super) fn new(account: &Account, http: reqwest::Client) -> Self {
        Self {
            arn: account.topic_arn.clone(),
            max_age_seconds: account.max_age_seconds,
            stand_in: account.base_url.clone(),
            http,
            certificates: DashMap::new(),
        }
    }

    /// Verifies an envelope over its own fields.
    ///
    /// # Errors
    /// [`WebhookError::Unavailable`] where the certificate could not be fetched, else why it is not believed.
    pub(super) async fn verify(&self, request: &WebhookRequest) -> Result<Envelope, WebhookError> {
        let envelope: Envelope = serde_json::from_slice(&request.body).map_err(|_| WebhookError::Signature)?;
        if self.arn.as_deref() != Some(envelope.topic_arn.as_str()) {
            return Err(WebhookError::Signature);
        }
        let algorithm = envelope.algorithm().ok_or(WebhookError::Signature)?;
        let signature = STANDARD.decode(&envelope.signature).map_err(|_| WebhookError::Signature)?;
        let to_sign = envelope.string_to_sign().ok_or(WebhookError::Signature)?;
        let certificate = self.certificate(&envelope.signing_cert_url).await?;
        if !(certificate.not_before..=certificate.not_after).contains(&request.received_at.as_second()) {
            return Err(WebhookError::Signature);
        }
        UnparsedPublicKey::new(algorithm, &certificate.public_key)
            .verify(to_sign.as_bytes(), &signature)
            .map_err(|_| WebhookError::Signature)?;
        let signed_at: Option<Timestamp> = envelope.timestamp.parse().ok();
        match signed_at {
            Some(signed_at) if is_fresh(signed_at, request.received_at, self.max_age_seconds) => Ok(envelope),
            _ => Err(WebhookError::Stale),
        }
    }

    /// Confirms a subscription whose envelope was verified.
    ///
    /// # Errors
    /// [`WebhookError::Signature`] where the address is not Amazon's, [`WebhookError::Unavailable`] where the call
    /// fails: SNS then asks again.
    pub(super) async fn confirm(&self, envelope: &Envelope) -> Result<(), WebhookError> {
        let address = envelope.subscribe_url.as_deref().unwrap_or("");
        let url = self.trusted(address).ok_or(WebhookError::Signature)?;
        let answer = self.get(url).await.ok_or(WebhookError::Unavailable)?;
        if answer.status().is_success() { Ok(()) } else { Err(WebhookError::Unavailable) }
    }

    async fn certificate(&self, address: &str) -> Result<Certificate, WebhookError> {
        if let Some(known) = self.certificates.get(address) {
            return Ok(known.clone());
        }
        let is_pem = |url: &Url| url.path().ends_with(".pem");
        let url = self.trusted(address).filter(is_pem).ok_or(WebhookError::Signature)?;
        let pem = self.fetch(url).await.ok_or(WebhookError::Unavailable)?;
        let certificate = read_certificate(&pem).ok_or(WebhookError::Unavailable)?;
        if self.certificates.len() >= MAX_CERTIFICATES {
            self.certificates.clear();
        }
        self.certificates.insert(address.to_owned(), certificate.clone());
        Ok(certificate)
    }

    /// Asks one of Amazon's addresses; an answer to which a redirect led elsewhere is none.
    async fn get(&self, url: Url) -> Option<reqwest::Response> {
        let response = self.http.get(url).timeout(FETCH_TIMEOUT).send().await.ok()?;
        self.trusted(response.url().as_str())?;
        Some(response)
    }

    async fn fetch(&self, url: Url) -> Option<Vec<u8>> {
        let mut response = self.get(url).await?;
        if !response.status().is_success() {
            return None;
        }
        let mut pem = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            if pem.len() + chunk.len() > MAX_CERTIFICATE_BYTES {
                return None;
            }
            pem.extend_from_slice(&chunk);
        }
        Some(pem)
    }

    /// The address, where it is one of SNS's own, or one of the simulator that stands in for it.
    fn trusted(&self, address: &str) -> Option<Url> {
        let url = Url::parse(address).ok()?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        let is_ours = match &self.stand_in {
            Some(stand_in) => url.origin() == stand_in.origin(),
            None => url.scheme() == "https" && url.port().is_none() && url.host_str().is_some_and(is_sns_host),
        };
        (is_ours && !has_user).then_some(url)
    }
}

/// `sns.<region>.amazonaws.com`, or the same in China.
fn is_sns_host(host: &str) -> bool {
    let Some(rest) = host.strip_prefix("sns.") else { return false };
    let region = rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"));
    region.is_some_and(|region| {
        region.len() >= 3 && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// Takes the RSA key and the time of validity out of a certificate.
fn read_certificate(pem: &[u8]) -> Option<Certificate> {
    let pem = Pem::iter_from_buffer(pem).next()?.ok()?;
    let (_, certificate) = X509Certificate::from_der(&pem.contents).ok()?;
    let seconds = |time: &ASN1Time| time.timestamp();
    Some(Certificate {
        public_key: certificate.public_key().subject_public_key.data.to_vec(),
        not_before: seconds(&certificate.validity().not_before),
        not_after: seconds(&certificate.validity().not_after),
    })
}

impl Envelope {
    fn algorithm(&self) -> Option<&'static RsaParameters> {
        match self.signature_version.as_str() {
            // Version 1 is SNS's default still.
            "1" => Some(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
            "2" => Some(&RSA_PKCS1_2048_8192_SHA256),
            _ => None,
        }
    }

    /// The fields that are signed, by name, each with a line of its own.
    fn string_to_sign(&self) -> Option<String> {
        let subject = self.subject.as_deref().map(|subject| ("Subject", subject));
        let fields: Vec<(&str, &str)> = match self.kind {
            Kind::Notification => {
                [Some(("Message", self.message.as_str())), Some(("MessageId", &self.message_id)), subject]
                    .into_iter()
                    .flatten()
                    .chain([("Timestamp", self.timestamp.as_str())])
                    .collect()
            }
            Kind::SubscriptionConfirmation | Kind::UnsubscribeConfirmation => vec![
                ("Message", self.message.as_str()),
                ("MessageId", self.message_id.as_str()),
                ("SubscribeURL", self.subscribe_url.as_deref()?),
                ("Timestamp", self.timestamp.as_str()),
                ("Token", self.token.as_deref()?),
            ],
        };
        let kind = match self.kind {
            Kind::Notification => "Notification",
            Kind::SubscriptionConfirmation => "SubscriptionConfirmation",
            Kind::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        };
        let last = [("TopicArn", self.topic_arn.as_str()), ("Type", kind)];
        Some(fields.into_iter().chain(last).fold(String::new(), |mut text, (name, value)| {
            for part in [name, "\n", value, "\n"] {
                text.push_str(part);
            }
            text
        }))
    }
}

#[cfg(test)]
#[path = "sns_tests.rs"]
mod tests;
