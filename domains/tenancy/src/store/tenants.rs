//! Tenants, their wrapped data keys, and placements.

use std::sync::Arc;

use carepost_kernel::{Cursor, DataKey, Page, PlacementId, TenantId};
use carepost_store::{EngineConnection, EngineTx, Row, TenantTx};
use jiff::Timestamp;
use serde_json::Value;

use super::{Reader, page_bounds};
use crate::TenancyError;
use crate::error::Tried as _;
use crate::keys::MasterKeys;
use crate::types::{LinkTag, PlacementRecord, Tenant};

/// The slug is taken.
const SLUG: &str = "tenants_slug";

pub(crate) async fn insert_placement(
    tx: &EngineTx<'_>,
    placement: &PlacementRecord,
    url_sealed: Option<&[u8]>,
) -> Result<(), TenancyError> {
    let sql = include_str!("../sql/insert_placement.sql");
    let id = placement.placement_id.as_uuid();
    let kind = placement.kind.as_str();
    tx.execute(sql, &[&id, &kind, &placement.schema_name, &url_sealed, &placement.created_at])
        .await
        .tried("insert placement")?;
    Ok(())
}

pub(crate) async fn list_placements(
    engine: &EngineConnection,
    master_keys: &MasterKeys,
) -> Result<Vec<PlacementRecord>, TenancyError> {
    let rows = engine.query(include_str!("../sql/list_placements.sql"), &[]).await.tried("list placements")?;
    rows.iter().map(|row| read_placement(row, master_keys)).collect()
}

pub(crate) async fn list_tenants_by_link_tag(
    engine: &EngineConnection,
    tag: LinkTag,
) -> Result<Vec<TenantId>, TenancyError> {
    let sql = include_str!("../sql/list_tenants_by_link_tag.sql");
    let rows = engine.query(sql, &[&tag.as_bytes().as_slice()]).await.tried("list tenants by link tag")?;
    rows.iter().map(|row| Ok(TenantId::from_uuid(Reader::new("tenants", row).get("tenant_id")?))).collect()
}

pub(crate) async fn insert_tenant(tx: &EngineTx<'_>, tenant: &Tenant) -> Result<(), TenancyError> {
    let sql = include_str!("../sql/insert_tenant.sql");
    let inserted = tx
        .execute(
            sql,
            &[
                &tenant.tenant_id.as_uuid(),
                &tenant.slug,
                &tenant.display_name,
                &tenant.placement_id.as_uuid(),
                &tenant.status.as_str(),
                &settings_value(tenant)?,
                &tenant.version,
                &tenant.created_at,
            ],
        )
        .await;
    match inserted {
        Err(error) if error.is_unique(SLUG) => Err(slug_taken()),
        inserted => inserted.tried("insert tenant").map(|_| ()),
    }
}

pub(crate) const fn slug_taken() -> TenancyError {
    TenancyError::Conflict { tried: "create tenant", problem: "the slug is taken" }
}

pub(crate) async fn insert_tenant_key(
    tx: &EngineTx<'_>,
    tenant_id: TenantId,
    key_version: u16,
    (master_key_id, wrapped): &(String, Vec<u8>),
    now: Timestamp,
) -> Result<(), TenancyError> {
    let sql = include_str!("../sql/insert_tenant_key.sql");
    let version = i16::try_from(key_version).unwrap_or(i16::MAX);
    tx.execute(sql, &[&tenant_id.as_uuid(), &version, wrapped, master_key_id, &now]).await.tried("insert data key")?;
    Ok(())
}

/// The tenant's own row, locked until the transaction ends.
pub(crate) async fn lock_tenant(tx: &TenantTx<'_>) -> Result<Tenant, TenancyError> {
    let sql = include_str!("../sql/lock_tenant.sql");
    let tenant_id = tx.tenant_id();
    let row = tx.query_opt(sql, &[&tenant_id.as_uuid()]).await.tried("lock tenant")?;
    read_tenant(&row.ok_or(TenancyError::TenantNotFound(tenant_id))?)
}

/// Writes the changed row: name, status, settings, version and time.
pub(crate) async fn update_tenant(tx: &TenantTx<'_>, tenant: &Tenant) -> Result<(), TenancyError> {
    let sql = include_str!("../sql/update_tenant.sql");
    let touched = tx
        .execute(
            sql,
            &[
                &tx.tenant_id().as_uuid(),
                &tenant.display_name,
                &tenant.status.as_str(),
                &settings_value(tenant)?,
                &tenant.version,
                &tenant.updated_at,
            ],
        )
        .await
        .tried("update tenant")?;
    if touched == 1 { Ok(()) } else { Err(TenancyError::TenantNotFound(tenant.tenant_id)) }
}

pub(crate) async fn find_tenant(
    engine: &EngineConnection,
    tenant_id: TenantId,
) -> Result<Option<Tenant>, TenancyError> {
    let sql = include_str!("../sql/find_tenant.sql");
    let row = engine.query_opt(sql, &[&tenant_id.as_uuid()]).await.tried("find tenant")?;
    row.as_ref().map(read_tenant).transpose()
}

pub(crate) async fn find_tenant_by_slug(engine: &EngineConnection, slug: &str) -> Result<Option<Tenant>, TenancyError> {
    let sql = include_str!("../sql/find_tenant_by_slug.sql");
    let row = engine.query_opt(sql, &[&slug]).await.tried("find tenant by slug")?;
    row.as_ref().map(read_tenant).transpose()
}

pub(crate) async fn list_tenants(
    engine: &EngineConnection,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<Tenant>, TenancyError> {
    let (after, limit, fetch) = page_bounds(cursor, limit);
    let sql = include_str!("../sql/list_tenants.sql");
    let rows = engine.query(sql, &[&after, &fetch]).await.tried("list tenants")?;
    let tenants = rows.iter().map(read_tenant).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::from_rows(tenants, limit, |tenant| tenant.tenant_id.as_uuid()))
}

pub(crate) async fn list_tenant_keys(
    engine: &EngineConnection,
    tenant_id: TenantId,
    master_keys: &MasterKeys,
) -> Result<Vec<Arc<DataKey>>, TenancyError> {
    let sql = include_str!("../sql/list_tenant_keys.sql");
    let rows = engine.query(sql, &[&tenant_id.as_uuid()]).await.tried("list data keys")?;
    let unwrap = |row: &Row| {
        let reader = Reader::new("tenant_keys", row);
        let version = u16::try_from(reader.get::<i16>("key_version")?).map_err(|_| reader.fault("key_version"))?;
        let wrapped: &[u8] = reader.get("wrapped_key")?;
        master_keys.unwrap_data_key(tenant_id, version, reader.get("master_key_id")?, wrapped).map(Arc::new)
    };
    rows.iter().map(unwrap).collect()
}

fn settings_value(tenant: &Tenant) -> Result<Value, TenancyError> {
    serde_json::to_value(&tenant.settings).map_err(|_| TenancyError::Row { table: "tenants", column: "settings" })
}

fn read_tenant(row: &Row) -> Result<Tenant, TenancyError> {
    let reader = Reader::new("tenants", row);
    // What was valid when it was written stays readable, even where a bound was tightened since.
    let settings = serde_json::from_value(reader.get::<Value>("settings")?).map_err(|_| reader.fault("settings"))?;
    Ok(Tenant {
        tenant_id: TenantId::from_uuid(reader.get("tenant_id")?),
        slug: reader.get("slug")?,
        display_name: reader.get("display_name")?,
        placement_id: PlacementId::from_uuid(reader.get("placement_id")?),
        status: reader.named("status")?,
        settings,
        version: reader.get("version")?,
        created_at: reader.get("created_at")?,
        updated_at: reader.get("updated_at")?,
    })
}

fn read_placement(row: &Row, master_keys: &MasterKeys) -> Result<PlacementRecord, TenancyError> {
    let reader = Reader::new("placements", row);
    let placement_id = PlacementId::from_uuid(reader.get("placement_id")?);
    let url_sealed: Option<&[u8]> = reader.get("url_sealed")?;
    Ok(PlacementRecord {
        placement_id,
        kind: reader.named("kind")?,
        schema_name: reader.get("schema_name")?,
        url: url_sealed.map(|sealed| master_keys.open_url(placement_id, sealed)).transpose()?,
        created_at: reader.get("created_at")?,
    })
}
