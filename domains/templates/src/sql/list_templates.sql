-- One page of a practice's templates with the content that counts, by id. Leans on the primary keys.
SELECT t.template_id, t.name, t.category, t.type_key, t.purpose, t.topic, t.is_shared, t.shortcut, t.library_key,
    t.created_by, t.created_at, t.updated_at, t.latest_version, t.published_version, t.archived_at, v.content
FROM templates t
JOIN template_versions v ON v.tenant_id = t.tenant_id AND v.template_id = t.template_id
    AND v.version = coalesce(t.published_version, t.latest_version)
WHERE t.tenant_id = $1
  AND ($2::uuid IS NULL OR t.template_id > $2)
  AND ($3::text IS NULL OR t.category = $3)
  AND ($4::text IS NULL OR t.type_key = $4)
  -- Archived ones only where they are asked for.
  AND CASE $5::text
      WHEN 'archived' THEN t.archived_at IS NOT NULL
      WHEN 'published' THEN t.archived_at IS NULL AND t.published_version IS NOT NULL
      WHEN 'draft' THEN t.archived_at IS NULL AND t.published_version IS NULL
      ELSE t.archived_at IS NULL
  END
  AND ($6::text IS NULL OR starts_with(t.shortcut, $6))
  AND ($7::uuid IS NULL OR t.is_shared OR t.created_by = $7)
ORDER BY t.template_id
LIMIT $8
