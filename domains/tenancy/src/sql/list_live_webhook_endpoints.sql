-- Every endpoint that is to be told, of all tenants. Leans on nothing: a tenant has a handful.
SELECT tenant_id, webhook_endpoint_id, url, secret_sealed, event_types, status, last_event_id, failures, next_try_at,
    version, created_at, updated_at
FROM webhook_endpoints
WHERE status <> 'paused'
  AND tenant_id IN (SELECT tenant_id FROM tenants WHERE tenants.status <> 'closed')
ORDER BY tenant_id, webhook_endpoint_id
