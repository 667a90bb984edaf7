-- The tenants whose ids end in six given bytes: as a rule one. Leans on tenants_link_tag.
SELECT tenant_id
FROM tenants
WHERE substring(uuid_send(tenant_id) FROM 11 FOR 6) = $1
