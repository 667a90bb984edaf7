-- When an attempt was started, and the entry of the history that says so, with what the gate said. Leans on delivery_events_pkey.
SELECT event_id, at, gate
FROM delivery_events
WHERE tenant_id = $1 AND message_id = $2 AND channel = $3 AND kind = 2 AND attempt_no = $4
ORDER BY event_id
LIMIT 1
