//! Tenants and the placements where their rows live.

use carepost_kernel::{PlacementId, Secret, TenantId};
use jiff::Timestamp;

use super::{TenantSettings, named};

/// The last six bytes of a tenant's id: by them a short link tells whose it is, in eight characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkTag([u8; Self::LEN]);

impl LinkTag {
    /// Bytes of a tag.
    pub const LEN: usize = 6;

    /// The tag of a tenant.
    #[must_use]
    pub fn of(tenant_id: TenantId) -> Self {
        let mut tag = [0; Self::LEN];
        tag.copy_from_slice(&tenant_id.as_uuid().as_bytes()[16 - Self::LEN..]);
        Self(tag)
    }

    /// The tag that stands in a token.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

named! {
    /// Whether a tenant's messages are taken and sent.
    TenantStatus = "tenant status" {
        /// Taken and sent.
        Active = "active",
        /// Taken and kept, not sent.
        Paused = "paused",
        /// Neither; its keys open nothing.
        Closed = "closed",
    }
}

/// A customer account.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// Its id.
    pub tenant_id: TenantId,
    /// Its short name: lower case letters, digits, hyphens.
    pub slug: String,
    /// Its name for people.
    pub display_name: String,
    /// Where its rows live.
    pub placement_id: PlacementId,
    /// Whether it is served.
    pub status: TenantStatus,
    /// Limits and policies.
    pub settings: TenantSettings,
    /// Grows by one with each change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// A tenant to be made.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its short name: 2 to 63 lower case letters, digits and inner hyphens.
    pub slug: String,
    /// Its name for people, 1 to 200 characters.
    pub display_name: String,
    /// Where its rows shall live.
    pub placement: PlacementChoice,
    /// Limits and policies to start with.
    pub settings: TenantSettings,
}

/// Where a new tenant's rows shall live.
#[derive(Debug, Clone)]
pub enum PlacementChoice {
    /// With others, in the pooled schema.
    Pooled,
    /// In a schema of its own in the deployment's database.
    OwnSchema,
    /// In a database of its own, by its connection string.
    OwnDatabase {
        /// How to reach it; holds a password, so it is sealed at once.
        url: Secret<String>,
    },
}

named! {
    /// What a placement holds.
    PlacementKind = "kind of placement" {
        /// Many tenants.
        Pooled = "pooled",
        /// One tenant, in the deployment's database.
        Schema = "schema",
        /// One tenant, in a database of its own.
        Database = "database",
    }
}

/// A placement as recorded: what is needed to open it.
#[derive(Debug, Clone)]
pub struct PlacementRecord {
    /// Its id.
    pub placement_id: PlacementId,
    /// What it holds.
    pub kind: PlacementKind,
    /// The schema in its database.
    pub schema_name: String,
    /// How to reach its database; `None` is the deployment's own.
    pub url: Option<Secret<String>>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a change of settings replaced, so that it can be taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsChange {
    /// As they were.
    pub previous: TenantSettings,
    /// The tenant with its new ones.
    pub tenant: Tenant,
}
