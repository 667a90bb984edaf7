-- Makes an endpoint.
INSERT INTO webhook_endpoints
    (tenant_id, webhook_endpoint_id, url, secret_sealed, event_types, status, last_event_id, failures, version,
     created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $9)
