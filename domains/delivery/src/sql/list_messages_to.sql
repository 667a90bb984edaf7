-- A page of messages to one recipient, the newest first, with filters that may be null. Leans on deliveries_pkey for today and yesterday, on the index by recipient for days that are over (store/src/sql/list_missing_indexes.sql).
SELECT message.message_id, message.created_at, message.purpose, message.priority, message.strategy, message.channels,
       message.scheduled_at, message.expires_at, message.payload_sealed
-- The hash is of a channel and an address, so that a message has one such delivery at most.
FROM deliveries AS delivery
JOIN messages AS message ON message.tenant_id = delivery.tenant_id AND message.message_id = delivery.message_id
WHERE delivery.tenant_id = $1
  AND delivery.message_id < $2
  AND delivery.message_id >= $9
  AND ($3::timestamptz IS NULL OR message.created_at >= $3)
  AND ($4::timestamptz IS NULL OR message.created_at < $4)
  AND ($5::smallint IS NULL OR message.purpose = $5)
  AND ($6::smallint[] IS NULL OR delivery.state = ANY ($6))
  AND ($7::smallint IS NULL OR delivery.channel = $7)
  AND delivery.recipient_hash = $10::bytea
ORDER BY delivery.message_id DESC
LIMIT $8
