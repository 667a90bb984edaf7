-- Keeps a state of somebody's wishes for ever.
INSERT INTO preference_events (tenant_id, recipient_id, version, body, source, actor_kind, actor_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
