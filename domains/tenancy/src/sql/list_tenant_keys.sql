-- A tenant's data keys, wrapped. Leans on the primary key (tenant_id, key_version).
SELECT key_version, wrapped_key, master_key_id
FROM tenant_keys
WHERE tenant_id = $1
ORDER BY key_version
