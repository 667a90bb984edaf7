//! Webhook endpoints.

use carepost_kernel::{Cursor, EventId, Page, TenantId, WebhookEndpointId};
use carepost_store::{EngineConnection, Row, TenantTx};

use super::{Reader, as_i32, page_bounds};
use crate::TenancyError;
use crate::directory::EndpointProgress;
use crate::error::Tried as _;
use crate::types::{EndpointStatus, Sealed, WebhookEndpoint};

pub(crate) async fn insert_endpoint(tx: &TenantTx<'_>, endpoint: &WebhookEndpoint) -> Result<(), TenancyError> {
    let sql = include_str!("../sql/insert_webhook_endpoint.sql");
    tx.execute(
        sql,
        &[
            &tx.tenant_id().as_uuid(),
            &endpoint.webhook_endpoint_id.as_uuid(),
            &endpoint.url,
            &endpoint.secret.0.as_slice(),
            &endpoint.event_types,
            &endpoint.status.as_str(),
            &endpoint.last_event_id.map(EventId::as_uuid),
            &endpoint.version,
            &endpoint.created_at,
        ],
    )
    .await
    .tried("insert webhook endpoint")?;
    Ok(())
}

/// Writes what can be changed by hand.
pub(crate) async fn update_endpoint(tx: &TenantTx<'_>, endpoint: &WebhookEndpoint) -> Result<(), TenancyError> {
    let sql = include_str!("../sql/update_webhook_endpoint.sql");
    let touched = tx
        .execute(
            sql,
            &[
                &tx.tenant_id().as_uuid(),
                &endpoint.webhook_endpoint_id.as_uuid(),
                &endpoint.url,
                &endpoint.event_types,
                &endpoint.status.as_str(),
                &as_i32(endpoint.failures),
                &endpoint.next_try_at,
                &endpoint.version,
                &endpoint.updated_at,
            ],
        )
        .await
        .tried("update webhook endpoint")?;
    if touched == 1 { Ok(()) } else { Err(TenancyError::EndpointNotFound(endpoint.webhook_endpoint_id)) }
}

pub(crate) async fn delete_endpoint(
    tx: &TenantTx<'_>,
    webhook_endpoint_id: WebhookEndpointId,
) -> Result<(), TenancyError> {
    let sql = include_str!("../sql/delete_webhook_endpoint.sql");
    let touched = tx
        .execute(sql, &[&tx.tenant_id().as_uuid(), &webhook_endpoint_id.as_uuid()])
        .await
        .tried("delete webhook endpoint")?;
    if touched == 1 { Ok(()) } else { Err(TenancyError::EndpointNotFound(webhook_endpoint_id)) }
}

/// The endpoint's row, locked until the transaction ends.
pub(crate) async fn lock_endpoint(
    tx: &TenantTx<'_>,
    webhook_endpoint_id: WebhookEndpointId,
) -> Result<WebhookEndpoint, TenancyError> {
    let sql = include_str!("../sql/lock_webhook_endpoint.sql");
    let row = tx
        .query_opt(sql, &[&tx.tenant_id().as_uuid(), &webhook_endpoint_id.as_uuid()])
        .await
        .tried("lock webhook endpoint")?;
    read_endpoint(&row.ok_or(TenancyError::EndpointNotFound(webhook_endpoint_id))?)
}

pub(crate) async fn find_endpoint(
    tx: &TenantTx<'_>,
    webhook_endpoint_id: WebhookEndpointId,
) -> Result<WebhookEndpoint, TenancyError> {
    let sql = include_str!("../sql/find_webhook_endpoint.sql");
    let row = tx
        .query_opt(sql, &[&tx.tenant_id().as_uuid(), &webhook_endpoint_id.as_uuid()])
        .await
        .tried("find webhook endpoint")?;
    read_endpoint(&row.ok_or(TenancyError::EndpointNotFound(webhook_endpoint_id))?)
}

pub(crate) async fn list_endpoints(
    tx: &TenantTx<'_>,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<WebhookEndpoint>, TenancyError> {
    let (after, limit, fetch) = page_bounds(cursor, limit);
    let sql = include_str!("../sql/list_webhook_endpoints.sql");
    let rows = tx.query(sql, &[&tx.tenant_id().as_uuid(), &after, &fetch]).await.tried("list webhook endpoints")?;
    let endpoints = rows.iter().map(read_endpoint).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::from_rows(endpoints, limit, |endpoint| endpoint.webhook_endpoint_id.as_uuid()))
}

/// Every endpoint of tenants that are not closed, but for those that are paused by hand.
pub(crate) async fn list_live_endpoints(engine: &EngineConnection) -> Result<Vec<WebhookEndpoint>, TenancyError> {
    let sql = include_str!("../sql/list_live_webhook_endpoints.sql");
    let rows = engine.query(sql, &[]).await.tried("list live webhook endpoints")?;
    rows.iter().map(read_endpoint).collect()
}

/// Writes how far an endpoint has come; false where it was removed or paused meanwhile.
pub(crate) async fn record_endpoint_progress(
    engine: &EngineConnection,
    tenant_id: TenantId,
    webhook_endpoint_id: WebhookEndpointId,
    progress: &EndpointProgress,
) -> Result<bool, TenancyError> {
    let sql = include_str!("../sql/record_webhook_endpoint_progress.sql");
    let status = if progress.failing { EndpointStatus::Failing } else { EndpointStatus::Active };
    let touched = engine
        .execute(
            sql,
            &[
                &tenant_id.as_uuid(),
                &webhook_endpoint_id.as_uuid(),
                &progress.last_event_id.map(EventId::as_uuid),
                &as_i32(progress.failures),
                &progress.next_try_at,
                &status.as_str(),
            ],
        )
        .await
        .tried("record webhook endpoint progress")?;
    Ok(touched == 1)
}

fn read_endpoint(row: &Row) -> Result<WebhookEndpoint, TenancyError> {
    let reader = Reader::new("webhook_endpoints", row);
    Ok(WebhookEndpoint {
        webhook_endpoint_id: WebhookEndpointId::from_uuid(reader.get("webhook_endpoint_id")?),
        tenant_id: TenantId::from_uuid(reader.get("tenant_id")?),
        url: reader.get("url")?,
        event_types: reader.get("event_types")?,
        status: reader.named("status")?,
        last_event_id: reader.get::<Option<uuid::Uuid>>("last_event_id")?.map(EventId::from_uuid),
        failures: reader.count("failures")?,
        next_try_at: reader.get("next_try_at")?,
        version: reader.get("version")?,
        created_at: reader.get("created_at")?,
        updated_at: reader.get("updated_at")?,
        secret: Sealed(reader.get("secret_sealed")?),
    })
}
