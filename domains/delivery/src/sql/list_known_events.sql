-- Which of these entries are in the history: after a commit whose answer was lost. Leans on delivery_events_pkey.
SELECT event.event_id
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS wanted (tenant_id, message_id, event_id)
JOIN delivery_events AS event USING (tenant_id, message_id, event_id)
