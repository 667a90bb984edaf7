-- What was done with a template, the latest first. Leans on the primary key.
SELECT event_id, action, version, actor_id, at
FROM template_events
WHERE tenant_id = $1 AND template_id = $2
ORDER BY event_id DESC
LIMIT $3
