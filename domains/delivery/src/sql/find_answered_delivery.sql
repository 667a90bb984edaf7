-- What was sent last to an address before an instant. Leans on deliveries_pkey for today and yesterday, on the index by recipient for days that are over (store/src/sql/list_missing_indexes.sql).
SELECT message_id, attempt_no
FROM deliveries
WHERE tenant_id = $1 AND channel = $2 AND recipient_hash = $3 AND message_id >= $4 AND message_id < $5 AND attempt_no > 0
ORDER BY message_id DESC
LIMIT 1
