-- The library's templates that a practice has copies of. Leans on the primary key.
SELECT template_id
FROM templates
WHERE tenant_id = $1 AND library_key IS NOT NULL
