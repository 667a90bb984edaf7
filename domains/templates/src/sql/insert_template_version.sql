-- Adds a version, which never changes from then on.
INSERT INTO template_versions
    (tenant_id, template_id, version, content, created_by, created_at, restored_from, published_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
