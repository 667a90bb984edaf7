//! The trail's two statements.

use carepost_kernel::{AuditEventId, Cursor, Page, TenantId};
use carepost_store::{Row, Statements, ToSql};
use jiff::Timestamp;
use tokio_postgres::types::FromSql;

use crate::AuditError;
use crate::metrics::AUDIT_EVENTS_TOTAL;
use crate::rules::{MAX_PAGE, check};
use crate::types::{AuditEvent, AuditEventRow};

/// Writes one entry as part of the change's own transaction (AUD-1), a tenant's or the engine's; returns its id.
///
/// # Errors
/// Where the entry is malformed or the database refuses: the change must not commit then.
pub async fn record(tx: &Statements<'_>, now: Timestamp, event: &AuditEvent) -> Result<AuditEventId, AuditError> {
    check(event)?;
    let audit_event_id = AuditEventId::new(now);
    let (subject_kind, subject_id) = &event.subject;
    let params: [&(dyn ToSql + Sync); 9] = [
        &event.tenant_id.as_uuid(),
        &audit_event_id.as_uuid(),
        &now,
        &event.actor.kind(),
        &event.actor.id(),
        &event.action,
        subject_kind,
        subject_id,
        &event.detail,
    ];
    tx.execute(include_str!("sql/insert_audit_event.sql"), &params).await?;
    metrics::counter!(AUDIT_EVENTS_TOTAL, "actor" => event.actor.kind()).increment(1);
    Ok(audit_event_id)
}

/// One page of a tenant's trail, newest first; that of [`crate::DEPLOYMENT`] with an engine transaction.
///
/// # Errors
/// Where the database refuses or a row is malformed.
pub async fn list(
    tx: &Statements<'_>,
    tenant_id: TenantId,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<AuditEventRow>, AuditError> {
    let limit = limit.clamp(1, MAX_PAGE);
    let before = cursor.map(Cursor::last);
    let fetch = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let sql = include_str!("sql/list_audit_events.sql");
    let rows = tx.query(sql, &[&tenant_id.as_uuid(), &before, &fetch]).await?;
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::from_rows(rows, limit, |row| row.audit_event_id.as_uuid()))
}

fn read(row: &Row) -> Result<AuditEventRow, AuditError> {
    Ok(AuditEventRow {
        audit_event_id: AuditEventId::from_uuid(column(row, "audit_event_id")?),
        tenant_id: TenantId::from_uuid(column(row, "tenant_id")?),
        at: column(row, "at")?,
        actor_kind: column(row, "actor_kind")?,
        actor_id: column(row, "actor_id")?,
        action: column(row, "action")?,
        subject_kind: column(row, "subject_kind")?,
        subject_id: column(row, "subject_id")?,
        detail: column(row, "detail")?,
    })
}

fn column<'row, T: FromSql<'row>>(row: &'row Row, column: &'static str) -> Result<T, AuditError> {
    row.try_get(column).map_err(|_| AuditError::Row { column })
}
