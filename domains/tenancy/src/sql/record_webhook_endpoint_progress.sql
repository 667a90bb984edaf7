-- Writes how far an endpoint has come. Leans on the primary key.
UPDATE webhook_endpoints
-- Event ids grow with time: a late writer must not take it back. greatest() passes over nulls.
SET last_event_id = greatest(last_event_id, $3), failures = $4, next_try_at = $5, status = $6
WHERE tenant_id = $1 AND webhook_endpoint_id = $2
  -- A pause by hand is not undone by an answer that was on its way.
  AND status <> 'paused'
