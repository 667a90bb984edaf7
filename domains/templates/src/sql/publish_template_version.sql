-- Notes when a version was first published. Leans on the primary key.
UPDATE template_versions
SET published_at = coalesce(published_at, $4)
WHERE tenant_id = $1 AND template_id = $2 AND version = $3
