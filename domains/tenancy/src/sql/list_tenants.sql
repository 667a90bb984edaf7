-- One page of tenants, the oldest first. Leans on the primary key.
SELECT tenant_id, slug, display_name, placement_id, status, settings, version, created_at, updated_at
FROM tenants
WHERE $1::uuid IS NULL OR tenant_id > $1
ORDER BY tenant_id
LIMIT $2
