-- Puts the next channels of plans to work: new ones, and ones that failed before a redrive; all others stay as they are. Leans on deliveries_pkey.
INSERT INTO deliveries AS held (tenant_id, message_id, channel, state, reason, due_at, is_open, attempt_no, failures,
                                recipient_hash, priority, segments)
SELECT tenant_id, message_id, channel, 0, 1, due_at, true, 0, 0, recipient_hash, priority, segments
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::timestamptz[], $5::bytea[], $6::smallint[], $7::smallint[])
    AS next (tenant_id, message_id, channel, due_at, recipient_hash, priority, segments)
ON CONFLICT (tenant_id, message_id, channel) DO UPDATE
    SET state = 0, reason = 1, due_at = excluded.due_at, is_open = true, is_failed = false, failures = 0, code = NULL,
        finished_at = NULL
    WHERE held.is_failed AND NOT held.is_open
RETURNING message_id, channel, attempt_no
