//! Who did what to which thing.

use carepost_kernel::{ApiKeyId, AuditEventId, TenantId};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// Stands for the deployment itself where a change belongs to no tenant (a placement, for example).
pub const DEPLOYMENT: TenantId = TenantId::from_uuid(Uuid::nil());

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Somebody at the command line, by the name of their system user.
    Cli(String),
    /// A program with a key of the public API.
    ApiKey(ApiKeyId),
    /// An administrator of the deployment, by name.
    Admin(String),
    /// The program itself.
    System,
}

impl Actor {
    /// The kind as it stands in rows.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Cli(_) => "cli",
            Self::ApiKey(_) => "api_key",
            Self::Admin(_) => "admin",
            Self::System => "system",
        }
    }

    /// The name or id as it stands in rows.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Cli(name) | Self::Admin(name) => name.clone(),
            Self::ApiKey(api_key_id) => api_key_id.to_string(),
            Self::System => "carepost".to_owned(),
        }
    }
}

/// One change to write down.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// Whose configuration changed; [`DEPLOYMENT`] where it is nobody's in particular.
    pub tenant_id: TenantId,
    /// Who changed it.
    pub actor: Actor,
    /// What was done, `noun.verb`: `api_key.create`.
    pub action: &'static str,
    /// To which thing: its kind and its id.
    pub subject: (&'static str, String),
    /// What changed: an object of names and values of configuration (AUD-3).
    pub detail: Value,
}

/// One entry of the trail.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEventRow {
    /// Its id, by which the trail is sorted.
    pub audit_event_id: AuditEventId,
    /// Whose configuration changed.
    pub tenant_id: TenantId,
    /// When.
    pub at: Timestamp,
    /// `cli`, `api_key`, `admin` or `system`.
    pub actor_kind: String,
    /// Name or id of who changed it.
    pub actor_id: String,
    /// What was done.
    pub action: String,
    /// Kind of the thing that changed.
    pub subject_kind: String,
    /// Its id.
    pub subject_id: String,
    /// What changed.
    pub detail: Value,
}
