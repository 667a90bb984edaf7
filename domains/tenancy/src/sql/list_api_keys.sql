-- One page of a tenant's keys, revoked ones too, the oldest first. Leans on the primary key.
SELECT tenant_id, api_key_id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at
FROM api_keys
WHERE tenant_id = $1
  AND ($2::uuid IS NULL OR api_key_id > $2)
ORDER BY api_key_id
LIMIT $3
