-- The recipient has read a message; the first time counts. Leans on in_app_messages_pkey.
UPDATE in_app_messages SET read_at = coalesce(read_at, $4)
WHERE tenant_id = $1 AND message_id = $2 AND recipient_hash = $3
RETURNING read_at
