-- Makes a tenant. The constraint tenants_slug answers where the slug is taken.
INSERT INTO tenants (tenant_id, slug, display_name, placement_id, status, settings, version, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
