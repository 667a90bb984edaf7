-- Whom a presented key stands for. Leans on api_keys_hash; the tenant comes by its primary key.
SELECT tenant_id, api_key_id, prefix, scopes, expires_at
FROM api_keys
JOIN tenants USING (tenant_id)
WHERE key_hash = $1
  AND revoked_at IS NULL
  -- A closed tenant's keys open nothing.
  AND tenants.status <> 'closed'
