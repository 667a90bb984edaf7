-- Keeps a tenant's data key, wrapped.
INSERT INTO tenant_keys (tenant_id, key_version, wrapped_key, master_key_id, created_at)
VALUES ($1, $2, $3, $4, $5)
