-- One version of a template. Leans on the primary key.
SELECT version, content, created_by, created_at, restored_from, published_at
FROM template_versions
WHERE tenant_id = $1 AND template_id = $2 AND version = $3
