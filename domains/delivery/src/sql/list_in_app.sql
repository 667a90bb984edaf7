-- A page of a recipient's inbox, the newest first. Leans on in_app_messages_recipient.
SELECT message_id, delivered_at, read_at, payload_sealed
FROM in_app_messages
WHERE tenant_id = $1 AND recipient_hash = $2 AND message_id < $3
ORDER BY message_id DESC
LIMIT $4
