//! Consent, preferences, terms and suppressions by HTTP: written down with their evidence, in force at once.

pub(super) mod consents;
pub(super) mod suppressions;
pub(super) mod wishes;

use carepost_consent::types::{Actor, ActorKind, AddressKey, ConsentSource, Said};
use carepost_kernel::Phi;
use carepost_tenancy::TenantHandle;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::auth::Caller;
use super::error::{ApiError, Code};
use super::names::SourceName;
use super::state::AppState;

/// Tells the engine what has changed, so that it is in force before the caller has the answer. Other processes hear of
/// it by what the change itself has written.
pub(super) async fn announce(state: &AppState, tenant: &TenantHandle, keys: &[AddressKey]) {
    if !keys.is_empty() {
        state.engine.consent_changed(tenant.tenant.tenant_id, keys).await;
    }
}

/// How something was said, and who wrote it down.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaidBody {
    /// How it came; `api` where it is not said.
    #[schema(value_type = Option<SourceName>)]
    pub(super) source: Option<ConsentSource>,
    /// The exact words that were shown or written, up to 4,000 characters.
    #[schema(example = "I agree to get text messages about my visits.")]
    pub(super) wording: Option<String>,
    /// Their version.
    #[schema(example = "2026-01")]
    pub(super) wording_version: Option<String>,
    /// In which language: two letters.
    #[schema(example = "en")]
    pub(super) language: Option<String>,
    /// When it was said; left out: now.
    pub(super) at: Option<Timestamp>,
    /// Your id of the member of staff who wrote it down: 1 to 100 visible ASCII characters, no name.
    #[schema(example = "user-17")]
    pub(super) recorded_by: Option<String>,
}

impl SaidBody {
    fn actor(&self, caller: &Caller) -> Result<Actor, ApiError> {
        actor_of(caller, self.recorded_by.as_deref())
    }
}

impl From<SaidBody> for Said {
    fn from(body: SaidBody) -> Self {
        Self {
            source: body.source.unwrap_or(ConsentSource::Api),
            wording: body.wording.map(Phi::new),
            wording_version: body.wording_version,
            language: body.language,
            at: body.at,
            inbound_id: None,
        }
    }
}

/// Who works: the key, or the member of staff for whom it speaks.
pub(super) fn actor_of(caller: &Caller, recorded_by: Option<&str>) -> Result<Actor, ApiError> {
    let Some(id) = recorded_by else { return Ok(Actor::api_key(caller.principal.api_key_id)) };
    if (1..=100).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Actor { kind: ActorKind::Staff, id: id.to_owned() });
    }
    Err(ApiError::field(Code::ValidationFailed, "/said/recorded_by", "must be 1 to 100 visible ASCII characters"))
}
