//! What has changed lately, whoever changed it: one statement for all caches.

use carepost_kernel::{ApiKeyId, ProviderAccountId, TenantId, WebhookEndpointId};
use carepost_store::{EngineConnection, Row};
use jiff::Timestamp;
use uuid::Uuid;

use super::Reader;
use crate::TenancyError;
use crate::error::Tried as _;

/// One row that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Tenant { tenant_id: TenantId, version: i64, is_closed: bool },
    Account { tenant_id: TenantId, account_id: ProviderAccountId, version: i64 },
    KeyCreated { key_hash: [u8; 32] },
    KeyRevoked { tenant_id: TenantId, api_key_id: ApiKeyId, key_hash: [u8; 32] },
    Endpoint { tenant_id: TenantId, webhook_endpoint_id: WebhookEndpointId, version: i64 },
}

pub(crate) async fn list_changes(engine: &EngineConnection, since: Timestamp) -> Result<Vec<Change>, TenancyError> {
    let sql = include_str!("../sql/list_changes.sql");
    let rows = engine.query(sql, &[&since]).await.tried("list changes of configuration")?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Change, TenancyError> {
    let reader = Reader::new("changes", row);
    let tenant_id = TenantId::from_uuid(reader.get("tenant_id")?);
    let subject: Uuid = reader.get("subject_id")?;
    let version: i64 = reader.get("version")?;
    match reader.get::<&str>("kind")? {
        "tenant" => Ok(Change::Tenant { tenant_id, version, is_closed: false }),
        "tenant_closed" => Ok(Change::Tenant { tenant_id, version, is_closed: true }),
        "account" => Ok(Change::Account { tenant_id, account_id: ProviderAccountId::from_uuid(subject), version }),
        "key_created" => Ok(Change::KeyCreated { key_hash: reader.hash("key_hash")? }),
        "key_revoked" => Ok(Change::KeyRevoked {
            tenant_id,
            api_key_id: ApiKeyId::from_uuid(subject),
            key_hash: reader.hash("key_hash")?,
        }),
        "endpoint" => {
            Ok(Change::Endpoint { tenant_id, webhook_endpoint_id: WebhookEndpointId::from_uuid(subject), version })
        }
        _ => Err(reader.fault("kind")),
    }
}
