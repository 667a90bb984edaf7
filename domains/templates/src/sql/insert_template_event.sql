-- Adds to the history of a template.
INSERT INTO template_events (tenant_id, template_id, event_id, action, version, actor_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
