-- One page of a tenant's trail, newest first. Leans on the primary key (tenant_id, audit_event_id), backwards.
SELECT tenant_id, audit_event_id, at, actor_kind, actor_id, action, subject_kind, subject_id, detail
FROM audit_events
WHERE tenant_id = $1
  -- Ids grow with time: older entries have smaller ids.
  AND ($2::uuid IS NULL OR audit_event_id < $2)
ORDER BY audit_event_id DESC
LIMIT $3
