-- Writes an endpoint that lock_webhook_endpoint.sql has locked. Leans on the primary key.
UPDATE webhook_endpoints
SET url = $3, event_types = $4, status = $5, failures = $6, next_try_at = $7, version = $8, updated_at = $9
WHERE tenant_id = $1 AND webhook_endpoint_id = $2
