-- One endpoint of a tenant. Leans on the primary key.
SELECT tenant_id, webhook_endpoint_id, url, secret_sealed, event_types, status, last_event_id, failures, next_try_at,
    version, created_at, updated_at
FROM webhook_endpoints
WHERE tenant_id = $1 AND webhook_endpoint_id = $2
