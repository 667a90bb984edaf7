-- A page of messages, the newest first, with filters that may be null. Leans on messages_pkey.
SELECT message_id, created_at, purpose, priority, strategy, channels, scheduled_at, expires_at, payload_sealed
FROM messages AS message
WHERE tenant_id = $1
  AND message_id < $2
  -- Times are in the ids, too: days outside of them are not looked at.
  AND message_id >= $9
  AND ($3::timestamptz IS NULL OR created_at >= $3)
  AND ($4::timestamptz IS NULL OR created_at < $4)
  AND ($5::smallint IS NULL OR purpose = $5)
  AND (($6::smallint[] IS NULL AND $7::smallint IS NULL) OR EXISTS (
      SELECT FROM deliveries AS delivery
      WHERE delivery.tenant_id = message.tenant_id
        AND delivery.message_id = message.message_id
        AND ($6::smallint[] IS NULL OR delivery.state = ANY ($6))
        AND ($7::smallint IS NULL OR delivery.channel = $7)
  ))
ORDER BY message_id DESC
LIMIT $8
