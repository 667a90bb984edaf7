-- Ends a key. A key that is revoked already keeps its first time. Leans on the primary key.
UPDATE api_keys
SET revoked_at = $3
WHERE tenant_id = $1 AND api_key_id = $2 AND revoked_at IS NULL
RETURNING key_hash
