-- Makes a template, where there is none of this id. Leans on the primary key.
INSERT INTO templates
    (tenant_id, template_id, name, category, type_key, purpose, topic, is_shared, shortcut, library_key, created_by,
     created_at, updated_at, latest_version, published_version, archived_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
-- A template of the library that two change at once becomes the practice's own once.
ON CONFLICT (tenant_id, template_id) DO NOTHING
