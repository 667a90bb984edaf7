-- Takes back what has not left: open deliveries that no call is under way for and no provider has. Leans on deliveries_pkey.
UPDATE deliveries
SET state = 47, reason = NULL, is_open = false, is_failed = false, due_at = $3, finished_at = $3
WHERE tenant_id = $1 AND message_id = $2 AND is_open AND state = 0
RETURNING channel, attempt_no
