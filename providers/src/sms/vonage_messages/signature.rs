//! Tokens both ways: RS256 on calls, HS256 with a hash of the body on webhooks. The algorithms are pinned.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::{constant_time, digest};
use carepost_kernel::{Failure, FailureClass, Secret};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::config::{VonageMessagesCredentials, VonageMessagesSettings};
use crate::contract::{ConfigError, WebhookError, WebhookRequest};
use crate::{http, sms};

/// The vendor's own default.
const LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// A token is replaced when no more than this is left of it.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(5);

/// How calls prove who makes them.
pub(super) enum CallAuth {
    Basic { api_key: String, api_secret: Secret<String> },
    Token { application_id: String, key: Box<EncodingKey>, current: Mutex<Option<(Secret<String>, Timestamp)>> },
}

#[derive(Serialize)]
struct CallClaims<'a> {
    application_id: &'a str,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

impl CallAuth {
    /// The application's key is preferred where both are given.
    pub(super) fn new(
        settings: &VonageMessagesSettings,
        credentials: &VonageMessagesCredentials,
    ) -> Result<Self, ConfigError> {
        match (&settings.application_id, &credentials.private_key, &settings.api_key, &credentials.api_secret) {
            (Some(application_id), Some(key), _, _) => {
                let key = EncodingKey::from_rsa_pem(key.expose().as_bytes())
                    .map_err(|_| http::bad_field("/credentials/private_key", "must be an RSA key in PEM"))?;
                let (application_id, current) = (application_id.clone(), Mutex::new(None));
                Ok(Self::Token { application_id, key: Box::new(key), current })
            }
            (_, _, Some(api_key), Some(api_secret)) => {
                Ok(Self::Basic { api_key: api_key.clone(), api_secret: api_secret.clone() })
            }
            (Some(_), None, ..) => Err(http::bad_field("/credentials/private_key", "must be given for an application")),
            (_, _, Some(_), None) => Err(http::bad_field("/credentials/api_secret", "must be given for an API key")),
            _ => Err(http::bad_field("/settings/application_id", "an application_id or an api_key must be given")),
        }
    }

    /// Puts the proof on a call.
    pub(super) fn apply(
        &self,
        call: reqwest::RequestBuilder,
        now: Timestamp,
    ) -> Result<reqwest::RequestBuilder, Failure> {
        match self {
            Self::Basic { api_key, api_secret } => Ok(call.basic_auth(api_key, Some(api_secret.expose()))),
            Self::Token { application_id, key, current } => {
                // Half-changed values cannot be seen: the cell is replaced as a whole.
                let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
                let (token, expires_at) = match current.take() {
                    Some((token, expires_at)) if expires_at.duration_since(now) > RENEW_BEFORE => (token, expires_at),
                    _ => fresh_token(application_id, key, now)?,
                };
                let call = call.bearer_auth(token.expose());
                *current = Some((token, expires_at));
                Ok(call)
            }
        }
    }
}

fn fresh_token(
    application_id: &str,
    key: &EncodingKey,
    now: Timestamp,
) -> Result<(Secret<String>, Timestamp), Failure> {
    let expires_at = now + LIFETIME;
    let claims = CallClaims { application_id, iat: now.as_second(), exp: expires_at.as_second(), jti: Uuid::new_v4() };
    let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, key)
        .map_err(|_| Failure::new(FailureClass::ConfigFault, "vonage_messages_private_key"))?;
    Ok((Secret::new(token), expires_at))
}

/// What a webhook's token says.
#[derive(Serialize, Deserialize)]
pub(crate) struct WebhookClaims {
    pub(crate) iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) payload_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jti: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) iss: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_key: Option<String>,
}

/// The claims of a token that was signed with this secret, whatever its age.
pub(super) fn claims(token: &str, secret: &str) -> Option<WebhookClaims> {
    let mut validation = Validation::new(Algorithm::HS256);
    // Times are compared with the time of receipt below, not with the machine's clock.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims = HashSet::new();
    jsonwebtoken::decode(token, &DecodingKey::from_secret(secret.as_bytes()), &validation).ok().map(|data| data.claims)
}

/// Checks token, age and the hash of the body. Without a secret nothing passes.
pub(super) fn verify<'a>(
    webhook: &WebhookRequest,
    mut secrets: impl Iterator<Item = &'a str>,
) -> Result<(), WebhookError> {
    let token = webhook
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or(WebhookError::Signature)?
        .trim();
    let claims = secrets.find_map(|secret| claims(token, secret)).ok_or(WebhookError::Signature)?;
    let hash = claims.payload_hash.and_then(|hash| hex::decode(hash).ok()).ok_or(WebhookError::Signature)?;
    let actual = digest::digest(&digest::SHA256, &webhook.body);
    constant_time::verify_slices_are_equal(actual.as_ref(), &hash).map_err(|_| WebhookError::Signature)?;
    let is_expired = claims.exp.is_some_and(|exp| exp < webhook.received_at.as_second());
    if is_expired || !sms::is_fresh(claims.iat, webhook.received_at) {
        return Err(WebhookError::Stale);
    }
    Ok(())
}

/// A webhook's token; the simulator signs with it.
pub(crate) fn sign(secret: &str, claims: &WebhookClaims) -> Option<String> {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).ok()
}
