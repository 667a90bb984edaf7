-- Writes one entry of the trail, in the transaction of the change that it describes.
INSERT INTO audit_events
    (tenant_id, audit_event_id, at, actor_kind, actor_id, action, subject_kind, subject_id, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
