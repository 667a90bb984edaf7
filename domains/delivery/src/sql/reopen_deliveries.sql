-- Puts failed deliveries back to work and writes it into their history. Leans on deliveries_pkey.
WITH reopened AS (
    UPDATE deliveries AS held
    SET state = 0, reason = 1, due_at = $4, is_open = true, is_failed = false, failures = 0, code = NULL,
        finished_at = NULL
    FROM unnest($2::uuid[], $3::smallint[], $5::uuid[]) AS wanted (message_id, channel, event_id)
    WHERE held.tenant_id = $1
      AND held.message_id = wanted.message_id
      AND held.channel = wanted.channel
      -- Somebody else may have been quicker; what arrived meanwhile is not sent again.
      AND held.is_failed
      AND NOT held.is_open
    RETURNING held.tenant_id, held.message_id, held.channel, held.attempt_no, wanted.event_id
)
INSERT INTO delivery_events (tenant_id, message_id, event_id, channel, kind, at, attempt_no, state, reason)
SELECT tenant_id, message_id, event_id, channel, 9, $4, attempt_no, 0, 1
FROM reopened
RETURNING message_id, channel
