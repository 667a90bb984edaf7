-- A tenant's events after one, the oldest first. Leans on delivery_events_stream: the caller keeps the span narrow, so that few blocks of each day are read.
SELECT event_id, message_id, channel, kind, at, attempt_no, state, reason, until, failure_class, code,
       provider_account_id, receipt_status, receipt_key, waits, gate
FROM delivery_events
WHERE tenant_id = $1 AND event_id > $2 AND event_id <= $3
ORDER BY event_id
LIMIT $4
