-- The deliveries of some messages. Leans on deliveries_pkey.
SELECT message_id, channel, state, reason, due_at, is_open, attempt_no, failures, provider_account_id, code, segments,
       sent_at, finished_at
FROM deliveries
WHERE tenant_id = $1 AND message_id = ANY ($2)
