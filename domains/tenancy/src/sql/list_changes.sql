-- What changed since an instant, for the caches of all processes. Leans on the indexes over updated_at, created_at
-- and revoked_at.
SELECT CASE status WHEN 'closed' THEN 'tenant_closed' ELSE 'tenant' END AS kind, tenant_id, tenant_id AS subject_id, version,
       NULL::bytea AS key_hash
FROM tenants WHERE updated_at >= $1
UNION ALL
SELECT 'account', tenant_id, provider_account_id, version, NULL
FROM provider_accounts WHERE updated_at >= $1
UNION ALL
SELECT 'key_created', tenant_id, api_key_id, 0, key_hash
FROM api_keys WHERE created_at >= $1
UNION ALL
SELECT 'key_revoked', tenant_id, api_key_id, 0, key_hash
FROM api_keys WHERE revoked_at >= $1
UNION ALL
SELECT 'endpoint', tenant_id, webhook_endpoint_id, version, NULL
FROM webhook_endpoints WHERE updated_at >= $1
