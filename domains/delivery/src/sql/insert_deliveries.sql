-- Stores the first deliveries of new messages: none can be there yet, and asking would cost a third more. Leans on
-- deliveries_pkey.
INSERT INTO deliveries (tenant_id, message_id, channel, state, reason, due_at, is_open, attempt_no, failures,
                        recipient_hash, priority, segments)
SELECT tenant_id, message_id, channel, 0, reason, due_at, true, 0, 0, recipient_hash, priority, segments
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::smallint[], $5::timestamptz[], $6::bytea[], $7::smallint[],
            $8::smallint[])
    AS delivery (tenant_id, message_id, channel, reason, due_at, recipient_hash, priority, segments)
