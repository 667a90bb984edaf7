-- For decisions that receipts have overtaken: keeps the state, fills in when the provider took it. Leans on deliveries_pkey.
UPDATE deliveries AS held
SET sent_at = coalesce(held.sent_at, change.sent_at),
    -- Proven to be with the provider (30): wait for the receipt as after a plain answer.
    reason = CASE WHEN held.is_open AND held.state = 30 THEN 12 ELSE held.reason END,
    due_at = CASE WHEN held.is_open AND held.state = 30 THEN greatest(change.due_at, held.due_at) ELSE held.due_at END
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::smallint[], $5::timestamptz[], $6::timestamptz[])
    AS change (tenant_id, message_id, channel, attempt_no, due_at, sent_at)
WHERE held.tenant_id = change.tenant_id
  AND held.message_id = change.message_id
  AND held.channel = change.channel
  AND held.attempt_no = change.attempt_no
RETURNING held.message_id, held.channel, held.state, held.is_open, held.due_at
