-- A page of messages in the order in which they came; large payloads are left out. Leans on messages_pkey.
SELECT tenant_id, message_id, created_at, purpose, priority, strategy, channels, scheduled_at, expires_at,
       CASE WHEN octet_length(payload_sealed) <= $5 THEN payload_sealed END AS payload_sealed
FROM messages
WHERE tenant_id = $1 AND message_id > $2 AND message_id < $3
ORDER BY message_id
LIMIT $4
