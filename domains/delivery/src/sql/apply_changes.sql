-- Writes what the engine decided about deliveries, unless receipts have gone beyond it meanwhile. Leans on deliveries_pkey.
UPDATE deliveries AS held
SET state = change.state,
    reason = change.reason,
    due_at = change.due_at,
    is_open = change.is_open,
    is_failed = change.is_failed,
    failures = change.failures,
    code = change.code,
    sent_at = coalesce(held.sent_at, change.sent_at),
    finished_at = change.finished_at
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::smallint[], $5::smallint[], $6::smallint[], $7::smallint[],
            $8::timestamptz[], $9::boolean[], $10::boolean[], $11::smallint[], $12::text[], $13::timestamptz[],
            $14::timestamptz[])
    AS change (tenant_id, message_id, channel, attempt_no, from_state, state, reason, due_at, is_open, is_failed,
               failures, code, sent_at, finished_at)
WHERE held.tenant_id = change.tenant_id
  AND held.message_id = change.message_id
  AND held.channel = change.channel
  AND held.attempt_no = change.attempt_no
  -- Wrapped, so that deliveries_due is no candidate: on a young table it looks cheap, and reads all that is open.
  AND coalesce(held.is_open, false)
  -- DEL-6: news that came since the engine looked, and that ranks higher than its decision, stays.
  AND NOT (held.state > change.from_state AND held.state > change.state)
  -- What went back to its queue meanwhile was decided on by what came later: bad news before the call's own answer.
  AND held.state >= change.from_state
  -- Only what has not left can be taken back (47).
  AND NOT (change.state = 47 AND held.state <> 0)
RETURNING held.message_id, held.channel, held.state, held.is_open, held.due_at
