-- Writes when keys were last used, many at a time. Leans on the primary key.
UPDATE api_keys
-- Another process may have written a later use.
SET last_used_at = greatest(last_used_at, used.at)
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS used (tenant_id, api_key_id, at)
WHERE api_keys.tenant_id = used.tenant_id AND api_keys.api_key_id = used.api_key_id
