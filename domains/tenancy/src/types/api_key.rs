//! Keys of the public API and whom they stand for.

use carepost_kernel::{ApiKeyId, TenantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::named;

named! {
    /// What a key may do.
    Scope = "scope" {
        /// Send, cancel and redrive messages.
        MessagesWrite = "messages:write",
        /// See messages, their states and timelines.
        MessagesRead = "messages:read",
        /// Read bodies and addresses: health information.
        MessagesContent = "messages:content",
        /// Follow the stream of events.
        EventsRead = "events:read",
        /// Manage the tenant's own accounts, keys, limits and webhooks.
        AdminTenant = "admin:tenant",
        /// See recipients, their contact points, preferences and consent: health information.
        RecipientsRead = "recipients:read",
        /// Make, change, merge and import recipients and their contact points.
        RecipientsWrite = "recipients:write",
        /// Write down consent, its revocation, preferences and suppressions.
        ConsentWrite = "consent:write",
        /// Ask the gate what it would say.
        GateRead = "gate:read",
        /// Change the policy of the gate.
        GateManage = "gate:manage",
        /// See, preview and render templates.
        TemplatesRead = "templates:read",
        /// Make, change, publish and archive templates: `comms:manage_templates`.
        TemplatesManage = "templates:manage",
        /// Send to lists of recipients: `comms:send_bulk`.
        BulkSend = "bulk:send",
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u16);

impl Scopes {
    /// Whether the scope is among them.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & Self::bit(scope) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in it.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.contains(*scope))
    }

    const fn bit(scope: Scope) -> u16 {
        1 << scope as u8
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<Source: IntoIterator<Item = Scope>>(scopes: Source) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | Self::bit(scope)))
    }
}

/// A key as lists show it: nothing in it opens anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub api_key_id: ApiKeyId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its name for people.
    pub name: String,
    /// The readable start of its text.
    pub prefix: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Its name for people, 1 to 100 characters.
    pub name: String,
    /// What it may do; at least one scope.
    pub scopes: Vec<Scope>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// Whom a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The key that it showed.
    pub api_key_id: ApiKeyId,
    /// What the key may do.
    pub scopes: Scopes,
    /// When the key ends by itself.
    pub expires_at: Option<Timestamp>,
}

impl Principal {
    /// Whether the key may do this.
    #[must_use]
    pub const fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(scope)
    }
}

impl Serialize for Scopes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Scope>::deserialize(deserializer).map(|scopes| scopes.into_iter().collect())
    }
}
