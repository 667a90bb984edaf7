-- One tenant by its short name. Leans on tenants_slug.
SELECT tenant_id, slug, display_name, placement_id, status, settings, version, created_at, updated_at
FROM tenants
WHERE slug = $1
