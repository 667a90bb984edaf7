-- One tenant, for the directory. Leans on the primary key.
SELECT tenant_id, slug, display_name, placement_id, status, settings, version, created_at, updated_at
FROM tenants
WHERE tenant_id = $1
