-- A tenant's row for a change: nobody else changes it until we are done. Leans on the primary key.
SELECT tenant_id, slug, display_name, placement_id, status, settings, version, created_at, updated_at
FROM tenants
WHERE tenant_id = $1
FOR UPDATE
