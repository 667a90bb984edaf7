//! API keys: hashes only.

use carepost_kernel::{ApiKeyId, Cursor, Page, TenantId};
use carepost_store::{EngineConnection, Row, TenantTx};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Reader, page_bounds};
use crate::TenancyError;
use crate::error::Tried as _;
use crate::types::{ApiKey, Principal, Scope, Scopes};

pub(crate) async fn insert_api_key(tx: &TenantTx<'_>, key: &ApiKey, key_hash: &[u8; 32]) -> Result<(), TenancyError> {
    let sql = include_str!("../sql/insert_api_key.sql");
    let scopes: Vec<&str> = key.scopes.iter().map(Scope::as_str).collect();
    let hash = key_hash.as_slice();
    tx.execute(
        sql,
        &[
            &tx.tenant_id().as_uuid(),
            &key.api_key_id.as_uuid(),
            &key.name,
            &key.prefix,
            &hash,
            &scopes,
            &key.created_at,
            &key.expires_at,
        ],
    )
    .await
    .tried("insert API key")?;
    Ok(())
}

pub(crate) async fn list_api_keys(
    tx: &TenantTx<'_>,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<ApiKey>, TenancyError> {
    let (after, limit, fetch) = page_bounds(cursor, limit);
    let sql = include_str!("../sql/list_api_keys.sql");
    let rows = tx.query(sql, &[&tx.tenant_id().as_uuid(), &after, &fetch]).await.tried("list API keys")?;
    let keys = rows.iter().map(read_api_key).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::from_rows(keys, limit, |key| key.api_key_id.as_uuid()))
}

pub(crate) async fn find_api_key(tx: &TenantTx<'_>, api_key_id: ApiKeyId) -> Result<ApiKey, TenancyError> {
    let sql = include_str!("../sql/find_api_key.sql");
    let params = [tx.tenant_id().as_uuid(), api_key_id.as_uuid()];
    let row = tx.query_opt(sql, &[&params[0], &params[1]]).await.tried("find API key")?;
    read_api_key(&row.ok_or(TenancyError::ApiKeyNotFound(api_key_id))?)
}

/// Revokes a key and returns its hash; `None` where it is no live key of the tenant.
pub(crate) async fn revoke_api_key(
    tx: &TenantTx<'_>,
    api_key_id: ApiKeyId,
    now: Timestamp,
) -> Result<Option<[u8; 32]>, TenancyError> {
    let sql = include_str!("../sql/revoke_api_key.sql");
    let row =
        tx.query_opt(sql, &[&tx.tenant_id().as_uuid(), &api_key_id.as_uuid(), &now]).await.tried("revoke API key")?;
    row.map(|row| Reader::new("api_keys", &row).hash("key_hash")).transpose()
}

/// Whom a live key of a tenant that is not closed stands for. Expiry is the caller's to judge.
pub(crate) async fn find_principal(
    engine: &EngineConnection,
    key_hash: &[u8; 32],
) -> Result<Option<Principal>, TenancyError> {
    let sql = include_str!("../sql/find_principal.sql");
    let row = engine.query_opt(sql, &[&key_hash.as_slice()]).await.tried("find API key by hash")?;
    let Some(row) = row else { return Ok(None) };
    let reader = Reader::new("api_keys", &row);
    Ok(Some(Principal {
        tenant_id: TenantId::from_uuid(reader.get("tenant_id")?),
        api_key_id: ApiKeyId::from_uuid(reader.get("api_key_id")?),
        scopes: read_scopes(&reader)?,
        expires_at: reader.get("expires_at")?,
    }))
}

/// Uses of keys to write down.
#[derive(Debug, Default)]
pub(crate) struct KeyUses {
    pub(crate) tenant_ids: Vec<Uuid>,
    pub(crate) api_key_ids: Vec<Uuid>,
    pub(crate) used_at: Vec<Timestamp>,
}

pub(crate) async fn touch_api_keys(engine: &EngineConnection, uses: &KeyUses) -> Result<u64, TenancyError> {
    let sql = include_str!("../sql/touch_api_keys.sql");
    engine.execute(sql, &[&uses.tenant_ids, &uses.api_key_ids, &uses.used_at]).await.tried("write last use of API keys")
}

fn read_scopes(reader: &Reader<'_>) -> Result<Scopes, TenancyError> {
    let names: Vec<&str> = reader.get("scopes")?;
    let scope = |name: &&str| name.parse::<Scope>().map_err(|_| reader.fault("scopes"));
    names.iter().map(scope).collect()
}

fn read_api_key(row: &Row) -> Result<ApiKey, TenancyError> {
    let reader = Reader::new("api_keys", row);
    Ok(ApiKey {
        api_key_id: ApiKeyId::from_uuid(reader.get("api_key_id")?),
        tenant_id: TenantId::from_uuid(reader.get("tenant_id")?),
        name: reader.get("name")?,
        prefix: reader.get("prefix")?,
        scopes: read_scopes(&reader)?,
        created_at: reader.get("created_at")?,
        expires_at: reader.get("expires_at")?,
        revoked_at: reader.get("revoked_at")?,
        last_used_at: reader.get("last_used_at")?,
    })
}
