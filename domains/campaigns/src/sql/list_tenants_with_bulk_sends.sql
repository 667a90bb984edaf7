-- Tenants that the engine has bulk sends to work on for: carepost_campaigns::BulkState counting (2), running (4) once its time has come, cancelling (6). Leans on bulk_sends_active.
SELECT DISTINCT tenant_id
FROM bulk_sends
WHERE state IN (2, 4, 6) AND (state <> 4 OR send_at IS NULL OR send_at <= $1)
