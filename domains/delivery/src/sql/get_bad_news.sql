-- The receipt that a delivery's bad state comes from: the last one that counts for it. Leans on delivery_events_pkey, deliveries_pkey.
SELECT event.failure_class, event.code
FROM deliveries AS held
JOIN delivery_events AS event USING (tenant_id, message_id, channel)
WHERE held.tenant_id = $1 AND held.message_id = $2 AND held.channel = $3
  AND event.kind = 4
  AND event.state = held.state
  AND (event.state >= 60 OR event.attempt_no = held.attempt_no)
ORDER BY event.event_id DESC
LIMIT 1
