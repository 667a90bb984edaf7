-- One key of a tenant. Leans on the primary key.
SELECT tenant_id, api_key_id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at
FROM api_keys
WHERE tenant_id = $1 AND api_key_id = $2
