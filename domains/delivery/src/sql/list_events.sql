-- The history of one message, the oldest first. Leans on delivery_events_pkey.
SELECT event_id, message_id, channel, kind, at, attempt_no, state, reason, until, failure_class, code,
       provider_account_id, receipt_status, receipt_key, waits, gate
FROM delivery_events
WHERE tenant_id = $1 AND message_id = $2
ORDER BY event_id
