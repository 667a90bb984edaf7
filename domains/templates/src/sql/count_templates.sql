-- How many templates a practice has. Leans on the primary key.
SELECT count(*) AS templates
FROM templates
WHERE tenant_id = $1
