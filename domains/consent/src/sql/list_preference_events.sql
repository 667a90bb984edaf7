-- What somebody wished over time, the newest first. Leans on the primary key, backwards.
SELECT version, body, source, actor_kind, actor_id, at
FROM preference_events
WHERE tenant_id = $1 AND recipient_id = $2
ORDER BY version DESC
LIMIT 200
