-- The versions of a template below a number, the newest first. Leans on the primary key.
SELECT version, content, created_by, created_at, restored_from, published_at
FROM template_versions
WHERE tenant_id = $1 AND template_id = $2 AND version < $3
ORDER BY version DESC
LIMIT $4
