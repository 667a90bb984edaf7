-- One message. Leans on messages_pkey.
SELECT message_id, created_at, purpose, priority, strategy, channels, scheduled_at, expires_at, payload_sealed
FROM messages
WHERE tenant_id = $1 AND message_id = $2
