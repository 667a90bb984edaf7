-- One template. Leans on the primary key.
SELECT template_id, name, category, type_key, purpose, topic, is_shared, shortcut, library_key, created_by, created_at,
    updated_at, latest_version, published_version, archived_at
FROM templates
WHERE tenant_id = $1 AND template_id = $2
