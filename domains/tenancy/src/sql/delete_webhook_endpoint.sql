-- Removes an endpoint. Leans on the primary key.
DELETE FROM webhook_endpoints
WHERE tenant_id = $1 AND webhook_endpoint_id = $2
