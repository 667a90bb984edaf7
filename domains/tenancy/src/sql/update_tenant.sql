-- Writes a tenant that lock_tenant.sql has locked. Leans on the primary key.
UPDATE tenants
SET display_name = $2, status = $3, settings = $4, version = $5, updated_at = $6
WHERE tenant_id = $1
