-- Writes a template that lock_template.sql has locked. Leans on the primary key.
UPDATE templates
SET name = $3, category = $4, type_key = $5, purpose = $6, topic = $7, is_shared = $8, shortcut = $9, updated_at = $10,
    latest_version = $11, published_version = $12, archived_at = $13
WHERE tenant_id = $1 AND template_id = $2
