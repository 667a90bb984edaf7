-- A page of failed deliveries for redrive, the oldest first, with filters that may be null. Leans on deliveries_failed.
SELECT message_id, channel, state, attempt_no
FROM deliveries
WHERE tenant_id = $1
  AND is_failed
  AND NOT is_open
  AND message_id > $2
  AND message_id < $3
  AND state = ANY ($4)
  AND ($5::smallint IS NULL OR channel = $5)
  AND ($6::text IS NULL OR code = $6)
ORDER BY message_id
LIMIT $7
