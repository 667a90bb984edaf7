-- Keeps a key by its hash.
INSERT INTO api_keys (tenant_id, api_key_id, name, prefix, key_hash, scopes, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
