//! What the HTTP vendors share: reading an account's JSON, one call, and telling a lost answer from a lost request.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use carepost_kernel::{Failure, FailureClass, SendOutcome};

use crate::contract::{AccountConfig, ConfigError};
use crate::network;

/// A vendor's answer, whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The most that is read of an answer: vendors answer in a few kilobytes, lists in some hundred.
const ANSWER_LIMIT_BYTES: usize = 1 << 20;

/// Makes one call and reads the answer.
///
/// # Errors
/// `config_fault` where the name leads inside, `transient` where the connection was never made, `unknown` where bytes may
/// have gone out (DEL-5).
pub(crate) async fn call(vendor: &str, request: reqwest::RequestBuilder) -> Result<Answer, Failure> {
    let mut response = request.send().await.map_err(|error| lost(vendor, &error))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(vendor, &error))? {
        if body.len() + chunk.len() > ANSWER_LIMIT_BYTES {
            return Err(Failure::new(FailureClass::Unknown, format!("{vendor}_answer_too_large")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body: body.into() })
}

fn lost(vendor: &str, error: &reqwest::Error) -> Failure {
    if network::is_private(error) {
        Failure::new(FailureClass::ConfigFault, format!("{vendor}_private_address"))
    } else if error.is_connect() || error.is_builder() {
        Failure::new(FailureClass::Transient, format!("{vendor}_connect"))
    } else if error.is_timeout() {
        Failure::new(FailureClass::Unknown, format!("{vendor}_timeout"))
    } else {
        Failure::new(FailureClass::Unknown, format!("{vendor}_connection_lost"))
    }
}

impl Answer {
    /// Whether the vendor says that it took the request.
    pub(crate) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// `Retry-After` in seconds (RFC 9110 allows a date too; vendors send seconds).
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.headers.get("retry-after")?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
    }

    /// The body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The failure that the bare status stands for, for answers without a code of the vendor.
    pub(crate) fn failure_by_status(&self, vendor: &str) -> Failure {
        Failure::new(class_of_status(self.status), format!("{vendor}_http_{}", self.status))
            .with_after(self.retry_after())
    }
}

/// What an HTTP status means where the vendor says no more than that.
pub(crate) const fn class_of_status(status: u16) -> FailureClass {
    match status {
        429 => FailureClass::Throttled,
        408 | 425 | 500.. => FailureClass::Transient,
        // A redirect or a missing path: the base address is wrong. 402: the vendor wants to be paid.
        300..=399 | 401..=405 | 407 => FailureClass::ConfigFault,
        _ => FailureClass::Permanent,
    }
}

/// A failed outcome.
pub(crate) fn failed(class: FailureClass, code: impl Into<String>) -> SendOutcome {
    SendOutcome::Failed(Failure::new(class, code))
}

/// Reads the settings of an account.
///
/// # Errors
/// Where a field is missing, unknown or of the wrong type, with its JSON pointer.
pub(crate) fn settings<T: DeserializeOwned>(config: &AccountConfig) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(&config.settings).map_err(|error| config_error("/settings", &error))
}

/// Reads the credentials of an account.
///
/// # Errors
/// Where a field is missing, unknown or of the wrong type, with its JSON pointer. The text of the fault is left
/// out: it may quote a secret.
pub(crate) fn credentials<T: DeserializeOwned>(config: &AccountConfig) -> Result<T, ConfigError> {
    let mut reader = serde_json::Deserializer::from_str(config.credentials.expose());
    serde_path_to_error::deserialize(&mut reader).map_err(|error| config_error("/credentials", &error))
}

/// A fault of one field.
pub(crate) fn bad_field(pointer: &str, problem: &'static str) -> ConfigError {
    ConfigError { pointer: pointer.to_owned(), problem }
}

fn config_error(root: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> ConfigError {
    let mut pointer = root.to_owned();
    for segment in error.path() {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => pointer.push_str(variant),
            Segment::Unknown => pointer.push('?'),
        }
    }
    // Serde tells the kinds apart in its text alone. What follows the first words may quote a value: it is dropped,
    // but for the name of a missing field, which is ours.
    let text = error.inner().to_string();
    let problem = if let Some(rest) = text.strip_prefix("missing field `") {
        pointer.push('/');
        pointer.push_str(rest.split('`').next().unwrap_or_default());
        "is missing"
    } else if text.starts_with("unknown field") {
        "is not a field of this vendor"
    } else if text.starts_with("unknown variant") {
        "is not one of the allowed values"
    } else if error.inner().is_syntax() || error.inner().is_eof() {
        "is not JSON"
    } else {
        "has the wrong type"
    };
    ConfigError { pointer, problem }
}

#[cfg(test)]
mod tests;
